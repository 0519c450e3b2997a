//! BTF in the kernel: `bpftool map dump` and `corexdp dump` read the names of members from it.

use std::os::fd::{AsFd as _, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;

use super::{Call, bpf_call, info};

/// Loads a BTF blob (4.18).
///
/// # Errors
/// `EINVAL` when the kernel refuses these types; maps are then created without BTF.
pub fn load(blob: &[u8]) -> Result<OwnedFd, Errno> {
    let size = u32::try_from(blob.len()).map_err(|_| Errno::E2BIG)?;
    // SAFETY: the kernel reads `size` bytes of `blob`; no log buffer is given, and its size is 0.
    let fd = bpf_call::call(Call::BtfLoad, || unsafe {
        bpf_sys::bpf_load_btf(blob.as_ptr().cast(), size, ptr::null_mut(), 0, false)
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Maximum size of a blob in bytes: the kernel's own limit, 16 MiB (`BTF_MAX_SIZE`).
const MAX_SIZE: u32 = 16 << 20;

/// Reads the blob with this id (4.18).
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `ENOENT` when the blob is unloaded.
pub fn read(id: u32) -> Result<Vec<u8>, Errno> {
    // SAFETY: takes an integer.
    let fd = bpf_call::call(Call::BtfById, || unsafe {
        bpf_sys::bpf_btf_get_fd_by_id(id)
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut blob = Vec::new();
    let size = copy(&fd, &mut blob)?;
    blob.resize(size.min(MAX_SIZE) as usize, 0);
    // A blob never changes, so its size is still the same.
    copy(&fd, &mut blob)?;
    Ok(blob)
}

/// Copies the start of the blob to `buffer`. Returns the size of the whole blob in bytes.
fn copy(fd: &OwnedFd, buffer: &mut [u8]) -> Result<u32, Errno> {
    let mut request = info::empty::<bpf_sys::bpf_btf_info>();
    request.btf = buffer.as_mut_ptr() as u64;
    request.btf_size = u32::try_from(buffer.len()).map_err(|_| Errno::E2BIG)?;
    // SAFETY: `btf` points to `btf_size` writable bytes, and there is no other array.
    let info = unsafe { info::describe(fd.as_fd(), request)? };
    Ok(info.btf_size)
}
