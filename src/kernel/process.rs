//! Processes: dividing in two, and closing what was not meant to come along.

use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{ForkResult, Pid};

use super::errno;

/// Where the search for open descriptors ends on a kernel that does not close them all at once.
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// Divides this process in two: the new one's id here, `None` in the new one.
///
/// # Errors
/// `EINVAL` when this process has several threads: the new one would find locked whatever the others hold. `EAGAIN`,
/// `ENOMEM`.
pub fn fork() -> Result<Option<Pid>, Errno> {
    if !has_one_thread()? {
        return Err(Errno::EINVAL);
    }
    // SAFETY: there is no other thread, so no lock that the new process would wait for in vain.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// The kernel counts threads as links of their folder, beyond the two that every folder has. (`unshare(CLONE_THREAD)`
/// tells too, but is itself not allowed in many containers.)
fn has_one_thread() -> Result<bool, Errno> {
    let folder = fs::metadata("/proc/self/task").map_err(|error| errno(&error))?;
    Ok(folder.nlink() == 3)
}

/// Closes every descriptor from `first` on, whoever left it open. To be called before any of them is owned.
pub fn close_from(first: RawFd) {
    // SAFETY: takes integers (5.9); the caller sees to it that nobody owns these descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, 0) };
    if closed == 0 {
        return;
    }
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, MOST_DESCRIPTORS));
    for fd in first..RawFd::try_from(most.min(MOST_DESCRIPTORS)).unwrap_or(first) {
        // SAFETY: as above; one that is not open is EBADF.
        unsafe { libc::close(fd) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn what_has_several_threads_is_not_divided() {
        thread::scope(|scope| {
            let (end, wait) = mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            assert_eq!(fork(), Err(Errno::EINVAL));
            drop(end);
        });
    }
}
