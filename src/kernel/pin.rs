//! Pins: files in the BPF file system (4.4) that keep programs, maps and links in the kernel.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use super::{Call, bpf_call, info};

/// Kind of a pinned object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// A BPF link (5.7).
    Link,
}

impl Kind {
    /// Target of the symbolic link of a descriptor from `BPF_OBJ_GET` in `/proc/self/fd`.
    const fn inode(self) -> &'static str {
        match self {
            Self::Program => "anon_inode:bpf-prog",
            Self::Map => "anon_inode:bpf-map",
            Self::Link => "anon_inode:bpf-link",
        }
    }
}

/// Both ends of an XDP link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Id of the link, unique since boot.
    pub id: u32,
    /// Id of the program.
    pub program: u32,
    /// Index of the interface, in the interface's network namespace; 0 after its removal.
    pub interface: u32,
}

/// Pins the object behind `fd`. The pin keeps the object in the kernel.
///
/// # Errors
/// `EPERM` when `path` is not in a BPF file system, `EEXIST`, `ENOENT`.
pub fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
    let name = c_path(path)?;
    let fd = fd.as_raw_fd();
    // SAFETY: the name is NUL-terminated and outlives the call.
    bpf_call::call(Call::Pin, || unsafe {
        bpf_sys::bpf_obj_pin(fd, name.as_ptr())
    })
    .map(drop)
}

/// Opens a pinned object.
///
/// # Errors
/// `ENOENT`; `EINVAL` for an object of another kind, or a file that is not a pin.
pub fn get(path: &Path, kind: Kind) -> Result<OwnedFd, Errno> {
    let name = c_path(path)?;
    // SAFETY: the name is NUL-terminated and outlives the call.
    let fd = bpf_call::call(Call::PinGet, || unsafe {
        bpf_sys::bpf_obj_get(name.as_ptr())
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let target = nix::fcntl::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_str())?;
    if target.as_bytes() == kind.inode().as_bytes() {
        Ok(fd)
    } else {
        Err(Errno::EINVAL)
    }
}

/// Reads both ends of an XDP link.
///
/// # Errors
/// `EINVAL` for a link of another type.
pub fn link(fd: BorrowedFd<'_>) -> Result<Link, Errno> {
    let info = info::of::<bpf_sys::bpf_link_info>(fd)?;
    if info.type_ != bpf_sys::bpf_link_type_BPF_LINK_TYPE_XDP {
        return Err(Errno::EINVAL);
    }
    Ok(Link {
        id: info.id,
        program: info.prog_id,
        // SAFETY: the kernel wrote this member for a link of this type; the member is an integer, valid for any bytes.
        interface: unsafe { info.__bindgen_anon_1.xdp.ifindex },
    })
}

fn c_path(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}
