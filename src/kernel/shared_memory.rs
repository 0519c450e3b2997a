//! Memory that two processes share, and ownership of inherited descriptors.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::ftruncate;

use super::limits;

/// Memory of fixed size that one process writes and another reads. Messages on a socket hand the turn over.
#[derive(Debug)]
pub struct SharedMemory {
    address: NonNull<c_void>,
    size: usize,
}

// SAFETY: the mapping belongs to this value alone within the process; it may move to another thread.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Creates the memory and maps it for writing. Another process maps it by the descriptor; the size is sealed (3.17).
    ///
    /// # Errors
    /// `ENOMEM`, `EMFILE`; `EFBIG` where `RLIMIT_FSIZE` allows no file of that size.
    pub fn create(size: usize) -> Result<(Self, OwnedFd), Errno> {
        let fd = memfd_create(
            c"corexdp-page",
            MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
        )?;
        let length = i64::try_from(size).map_err(|_| Errno::E2BIG)?;
        limits::with_file_size(|| ftruncate(&fd, length))?;
        let memory = Self::map(&fd, size, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
        let size_seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(size_seals))?;
        // Forbids further writable mappings (5.1). On older kernels the reading process could write to the memory, but
        // the creating process never reads it.
        let _ = fcntl(&fd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_FUTURE_WRITE));
        Ok((memory, fd))
    }

    /// Maps the memory of another process for reading.
    ///
    /// # Errors
    /// `EACCES`, `ENOMEM`.
    pub fn open(fd: &OwnedFd, size: usize) -> Result<Self, Errno> {
        Self::map(fd, size, ProtFlags::PROT_READ)
    }

    fn map(fd: &OwnedFd, size: usize, access: ProtFlags) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(size).ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel chooses the address, so the call replaces no mapping of this process.
        let address = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, fd.as_fd(), 0)? };
        Ok(Self { address, size })
    }

    /// The memory, for the process that writes.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `size` bytes are mapped at `address` until drop, and `self` is borrowed mutably meanwhile. The other
        // process maps the memory for reading, and the writer never reads it back.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr().cast(), self.size) }
    }

    /// Copies from the start of the memory to `out`, for the process that reads: at most the size of the memory.
    pub fn copy_to(&self, out: &mut [u8]) {
        let length = out.len().min(self.size);
        // SAFETY: `out` and the mapping have at least `length` bytes and do not overlap: no reference to the mapping
        // exists.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.address.as_ptr().cast::<u8>(),
                out.as_mut_ptr(),
                length,
            );
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping of `size` bytes, and no borrow of `bytes` outlives it.
        let _ = unsafe { munmap(self.address, self.size) };
    }
}

/// Takes ownership of a descriptor that this process inherited.
///
/// # Errors
/// `EBADF` when the descriptor is not open.
pub fn inherited(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the borrow ends with the next call, which only checks that the descriptor is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl(borrowed, FcntlArg::F_GETFD)?;
    // SAFETY: the descriptor is open, and each number is taken once, by its only owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
