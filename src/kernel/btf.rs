//! Types for the kernel, so that `bpftool map dump` can show members by name.

use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;

use super::{Call, door};

/// Loads a BTF blob (4.18).
///
/// # Errors
/// `EINVAL` when the kernel does not take these types; maps then go without.
pub fn load(blob: &[u8]) -> Result<OwnedFd, Errno> {
    let size = u32::try_from(blob.len()).map_err(|_| Errno::E2BIG)?;
    // SAFETY: the kernel reads `size` bytes of `blob`; no log buffer is given, and its size is 0.
    let fd = door::pass(Call::BtfLoad, || unsafe {
        bpf_sys::bpf_load_btf(blob.as_ptr().cast(), size, ptr::null_mut(), 0, false)
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
