//! Memory shared between the daemon and its worker, and descriptors that a process is born with.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::ftruncate;

/// A page of fixed size that one process writes and another reads, in turns they agree on elsewhere.
#[derive(Debug)]
pub struct SharedMemory {
    address: NonNull<c_void>,
    size: usize,
}

// SAFETY: the mapping belongs to this value alone within the process; it may move to another thread.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Makes a page for writing, and the descriptor by which another process can map it. Its size is sealed (3.17).
    ///
    /// # Errors
    /// `ENOMEM`, `EMFILE`.
    pub fn create(size: usize) -> Result<(Self, OwnedFd), Errno> {
        let fd = memfd_create(
            c"corexdp-page",
            MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
        )?;
        ftruncate(&fd, i64::try_from(size).map_err(|_| Errno::E2BIG)?)?;
        let page = Self::map(&fd, size, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
        let size_stays = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(size_stays))?;
        // Nobody maps it for writing from now on (5.1); before, the worker could write what the daemon never reads.
        let _ = fcntl(&fd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_FUTURE_WRITE));
        Ok((page, fd))
    }

    /// Maps a page that another process made, for reading.
    ///
    /// # Errors
    /// `EACCES`, `ENOMEM`.
    pub fn open(fd: &OwnedFd, size: usize) -> Result<Self, Errno> {
        Self::map(fd, size, ProtFlags::PROT_READ)
    }

    fn map(fd: &OwnedFd, size: usize, access: ProtFlags) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(size).ok_or(Errno::EINVAL)?;
        // SAFETY: no address is asked for, so no mapping of ours is replaced.
        let address = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, fd.as_fd(), 0)? };
        Ok(Self { address, size })
    }

    /// The memory, for the process that writes it.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `size` bytes are mapped at `address` until drop, and `self` is borrowed mutably meanwhile. The other
        // process maps them for reading, and the writer never reads back what it wrote.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr().cast(), self.size) }
    }

    /// Copies the first bytes, for the process that reads; as many as there are room for.
    pub fn copy_to(&self, out: &mut [u8]) {
        let length = out.len().min(self.size);
        // SAFETY: both are `length` bytes or more; `out` is no part of the mapping, which no reference reaches.
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
        // SAFETY: the mapping is ours, of this size, and `bytes` borrows no longer.
        let _ = unsafe { munmap(self.address, self.size) };
    }
}

/// Takes ownership of a descriptor that this process was started with.
///
/// # Errors
/// `EBADF` when it is not open.
pub fn inherited(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: only looked at, to see whether it is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl(borrowed, FcntlArg::F_GETFD)?;
    // SAFETY: it is open, and the keeper calls this once for each number before it opens anything of its own.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
