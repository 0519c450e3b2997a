//! What the kernel knows of a loaded program.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Call, bpf_call};

/// A program's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its id, unique since boot.
    pub id: u32,
    /// Its name, at most 15 bytes; may be empty.
    pub name: String,
}

/// What a program has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// A digest of its instructions, as `bpftool` shows it.
    pub tag: [u8; 8],
    /// When it was loaded, in nanoseconds since the machine started (its sleep included).
    pub loaded: u64,
    /// How often it has run while the kernel counted that (5.1).
    pub runs: u64,
    /// How long these runs took together, in nanoseconds.
    pub run_time: u64,
}

/// The identity of the program behind `fd` (4.13).
///
/// # Errors
/// What the kernel says.
pub fn program(fd: BorrowedFd<'_>) -> Result<Program, Errno> {
    let info = whole(fd)?;
    let bytes = info.name.map(|c| u8::from_ne_bytes(c.to_ne_bytes()));
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    Ok(Program {
        id: info.id,
        name: String::from_utf8_lossy(text).into_owned(),
    })
}

/// What the program behind `fd` has done.
///
/// # Errors
/// What the kernel says.
pub fn statistics(fd: BorrowedFd<'_>) -> Result<Statistics, Errno> {
    let info = whole(fd)?;
    Ok(Statistics {
        tag: info.tag,
        loaded: info.load_time,
        runs: info.run_cnt,
        run_time: info.run_time_ns,
    })
}

/// All that the kernel tells of a program; zero what this kernel does not know.
fn whole(fd: BorrowedFd<'_>) -> Result<bpf_sys::bpf_prog_info, Errno> {
    // SAFETY: bpf_prog_info is plain data; all zero means that no array is asked for.
    let mut info: bpf_sys::bpf_prog_info = unsafe { mem::zeroed() };
    let mut size = u32::try_from(mem::size_of_val(&info)).map_err(|_| Errno::E2BIG)?;
    let fd = fd.as_raw_fd();
    // SAFETY: the kernel writes at most `size` bytes of `info`, and its arrays are null with length 0.
    bpf_call::call(Call::ObjectInfo, || unsafe {
        bpf_sys::bpf_obj_get_info_by_fd(fd, (&raw mut info).cast(), &raw mut size)
    })?;
    Ok(info)
}

/// What the kernel knows of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Kind, key size, value size and capacity.
    pub shape: (u32, u32, u32, u32),
    /// The id of its types, and those of key and value among them; all 0 where it has none (4.18).
    pub types: (u32, u32, u32),
}

/// What the kernel knows of the map behind `fd` (4.13).
///
/// # Errors
/// What the kernel says.
pub fn map(fd: BorrowedFd<'_>) -> Result<Map, Errno> {
    // SAFETY: bpf_map_info is plain data; all zero is valid.
    let mut info: bpf_sys::bpf_map_info = unsafe { mem::zeroed() };
    let mut size = u32::try_from(mem::size_of_val(&info)).map_err(|_| Errno::E2BIG)?;
    let fd = fd.as_raw_fd();
    // SAFETY: the kernel writes at most `size` bytes of `info`.
    bpf_call::call(Call::ObjectInfo, || unsafe {
        bpf_sys::bpf_obj_get_info_by_fd(fd, (&raw mut info).cast(), &raw mut size)
    })?;
    Ok(Map {
        shape: (info.type_, info.key_size, info.value_size, info.max_entries),
        types: (info.btf_id, info.btf_key_type_id, info.btf_value_type_id),
    })
}

/// The identity of the program with this id (4.13).
///
/// # Errors
/// `ENOENT` when it is gone, `EPERM` without `CAP_SYS_ADMIN`.
pub fn program_by_id(id: u32) -> Result<Program, Errno> {
    // SAFETY: takes an integer.
    let fd = bpf_call::call(Call::ProgById, || unsafe {
        bpf_sys::bpf_prog_get_fd_by_id(id)
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    program(std::os::fd::AsFd::as_fd(&fd))
}
