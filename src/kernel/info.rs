//! The kernel's descriptions of programs and maps (`BPF_OBJ_GET_INFO_BY_FD`, 4.13).

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Call, bpf_call};
use crate::object::{MapDef, MapKind};

/// An info structure of `BPF_OBJ_GET_INFO_BY_FD`.
///
/// # Safety
/// The type must be plain data. All zero must be valid and name no array.
pub(super) unsafe trait Info: Sized {}
// SAFETY: plain data of integers, arrays of integers and unions of these.
unsafe impl Info for bpf_sys::bpf_prog_info {}
// SAFETY: as above.
unsafe impl Info for bpf_sys::bpf_map_info {}
// SAFETY: as above.
unsafe impl Info for bpf_sys::bpf_link_info {}
// SAFETY: as above.
unsafe impl Info for bpf_sys::bpf_btf_info {}

/// An info structure that requests no array.
pub(super) const fn empty<T: Info>() -> T {
    // SAFETY: all zero is valid, see `Info`.
    unsafe { mem::zeroed() }
}

/// The kernel's description of the object behind `fd`. A member that this kernel does not write keeps its value in `info`.
///
/// # Errors
/// `EINVAL` when the object is of another type.
///
/// # Safety
/// Each array that `info` names must be writable for the length that `info` gives.
pub(super) unsafe fn describe<T: Info>(fd: BorrowedFd<'_>, mut info: T) -> Result<T, Errno> {
    let mut size = u32::try_from(size_of::<T>()).map_err(|_| Errno::E2BIG)?;
    let fd = fd.as_raw_fd();
    // SAFETY: the kernel writes at most `size` bytes of `info`; the caller guarantees the arrays.
    bpf_call::call(Call::ObjectInfo, || unsafe {
        bpf_sys::bpf_obj_get_info_by_fd(fd, (&raw mut info).cast(), &raw mut size)
    })?;
    Ok(info)
}

/// The kernel's description of the object behind `fd`, without arrays.
///
/// # Errors
/// `EINVAL` when the object is of another type.
pub(super) fn of<T: Info>(fd: BorrowedFd<'_>) -> Result<T, Errno> {
    // SAFETY: `empty` requests no array.
    unsafe { describe(fd, empty()) }
}

/// A program's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Id, unique since boot.
    pub id: u32,
    /// At most 15 bytes; may be empty.
    pub name: String,
}

/// Run statistics of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Digest of the instructions, as `bpftool` shows it.
    pub tag: [u8; 8],
    /// Load time, in nanoseconds since boot, suspend included.
    pub loaded: u64,
    /// Number of runs while the kernel's statistics were enabled (5.1).
    pub runs: u64,
    /// Total time of the counted runs, in nanoseconds.
    pub run_time: u64,
}

/// The identity of the program behind `fd` (4.13).
///
/// # Errors
/// The errno of the kernel.
pub fn program(fd: BorrowedFd<'_>) -> Result<Program, Errno> {
    let info = of::<bpf_sys::bpf_prog_info>(fd)?;
    let bytes = info.name.map(|c| u8::from_ne_bytes(c.to_ne_bytes()));
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    Ok(Program {
        id: info.id,
        name: String::from_utf8_lossy(text).into_owned(),
    })
}

/// The run statistics of the program behind `fd`.
///
/// # Errors
/// The errno of the kernel.
pub fn statistics(fd: BorrowedFd<'_>) -> Result<Statistics, Errno> {
    let info = of::<bpf_sys::bpf_prog_info>(fd)?;
    Ok(Statistics {
        tag: info.tag,
        loaded: info.load_time,
        runs: info.run_cnt,
        run_time: info.run_time_ns,
    })
}

/// The kernel's description of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Kind, sizes, capacity, and the type ids of key and value (4.18), without a name.
    pub definition: MapDef,
    /// The id of the BTF object; 0 if the map has none.
    pub btf: u32,
}

/// The kernel's description of the map behind `fd`.
///
/// # Errors
/// `EINVAL` when the object is not a map.
pub fn map(fd: BorrowedFd<'_>) -> Result<Map, Errno> {
    let info = of::<bpf_sys::bpf_map_info>(fd)?;
    Ok(Map {
        definition: MapDef {
            kind: MapKind(info.type_),
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            btf_types: Some((info.btf_key_type_id, info.btf_value_type_id)),
            ..MapDef::new("")
        },
        btf: info.btf_id,
    })
}

/// The id of the map behind `fd`, unique since boot (4.13).
///
/// # Errors
/// `EINVAL` when the object is not a map.
pub fn map_id(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    Ok(of::<bpf_sys::bpf_map_info>(fd)?.id)
}

/// The identity of the program with this id (4.13).
///
/// # Errors
/// The errors of [`open_program`].
pub fn program_by_id(id: u32) -> Result<Program, Errno> {
    program(open_program(id)?.as_fd())
}

/// Opens the program with this id (4.13).
///
/// # Errors
/// `ENOENT` when the program is gone, `EPERM` without `CAP_SYS_ADMIN`.
pub fn open_program(id: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes an integer.
    let fd = bpf_call::call(Call::ProgById, || unsafe {
        bpf_sys::bpf_prog_get_fd_by_id(id)
    })?;
    // SAFETY: the kernel has just created this descriptor, which has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
