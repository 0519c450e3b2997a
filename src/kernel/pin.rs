//! Programs, maps and links that stay in the kernel by a name in its BPF file system (4.4), until that is removed.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use super::{Call, bpf_call, info};

/// What can be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// A link (5.7).
    Link,
}

impl Kind {
    /// What the kernel calls a descriptor of this kind; a link that was opened, otherwise than one that was made.
    const fn inode(self) -> &'static str {
        match self {
            Self::Program => "anon_inode:bpf-prog",
            Self::Map => "anon_inode:bpf-map",
            Self::Link => "anon_inode:bpf-link",
        }
    }
}

/// What an XDP link holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The program's id.
    pub program: u32,
    /// The interface's index; 0 once that has gone.
    pub interface: u32,
}

/// Gives what `fd` refers to a name; it lives on while it has that.
///
/// # Errors
/// `EPERM` when `path` is not in a BPF file system, `EEXIST`, `ENOENT`.
pub fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
    let name = terminated(path)?;
    let fd = fd.as_raw_fd();
    // SAFETY: the name is NUL-terminated and lives beyond the call.
    bpf_call::call(Call::Pin, || unsafe {
        bpf_sys::bpf_obj_pin(fd, name.as_ptr())
    })
    .map(drop)
}

/// What has this name.
///
/// # Errors
/// `ENOENT`; `EINVAL` when it is of another kind, or no BPF file.
pub fn get(path: &Path, kind: Kind) -> Result<OwnedFd, Errno> {
    let name = terminated(path)?;
    // SAFETY: the name is NUL-terminated and lives beyond the call.
    let fd = bpf_call::call(Call::PinGet, || unsafe {
        bpf_sys::bpf_obj_get(name.as_ptr())
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let target = nix::fcntl::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_str())?;
    if target.as_bytes() == kind.inode().as_bytes() {
        Ok(fd)
    } else {
        Err(Errno::EINVAL)
    }
}

/// What an XDP link holds together.
///
/// # Errors
/// `EINVAL` when it is no XDP link.
pub fn link(fd: &OwnedFd) -> Result<Link, Errno> {
    let info = info::of::<bpf_sys::bpf_link_info>(fd.as_fd())?;
    if info.type_ != bpf_sys::bpf_link_type_BPF_LINK_TYPE_XDP {
        return Err(Errno::EINVAL);
    }
    Ok(Link {
        program: info.prog_id,
        // SAFETY: for a link of this type the kernel wrote this member; it is an integer, for which any bytes are valid.
        interface: unsafe { info.__bindgen_anon_1.xdp.ifindex },
    })
}

fn terminated(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}
