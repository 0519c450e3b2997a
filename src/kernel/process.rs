//! Processes: fork, closing inherited descriptors, and pending signals.

use std::fs;
use std::mem;
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, Pid};

use super::errno;

/// Highest descriptor closed on a kernel without `close_range(2)`.
const MAX_DESCRIPTORS: u64 = 1 << 20;

/// Signals to stop.
pub const STOP: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];

/// Forks. Returns the child's id in the parent, `None` in the child.
///
/// # Errors
/// `EINVAL` when this process has several threads: locks of the other threads would stay locked in the child forever.
/// `EAGAIN`, `ENOMEM`.
pub fn fork() -> Result<Option<Pid>, Errno> {
    if !has_one_thread()? {
        return Err(Errno::EINVAL);
    }
    // SAFETY: there is no other thread, so no lock stays locked in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// The directory of threads has a link for each thread, and the two links of every directory. Many containers forbid
/// the alternative, `unshare(CLONE_THREAD)`.
fn has_one_thread() -> Result<bool, Errno> {
    let folder = fs::metadata("/proc/self/task").map_err(|error| errno(&error))?;
    Ok(folder.nlink() == 3)
}

/// Closes all descriptors from `first` on. The caller must not own any of them.
pub fn close_from(first: RawFd) {
    // SAFETY: the call takes integers (5.9); by the caller's contract nobody owns these descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, 0) };
    if closed == 0 {
        return;
    }
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, MAX_DESCRIPTORS));
    for fd in first..RawFd::try_from(most.min(MAX_DESCRIPTORS)).unwrap_or(first) {
        // SAFETY: as above; a descriptor that is not open gives EBADF.
        unsafe { libc::close(fd) };
    }
}

/// True if a signal to stop is blocked and waits. A long step asks between its parts: the event loop takes the signal
/// only after the step.
pub fn stop_is_pending() -> bool {
    // SAFETY: a signal set is plain data.
    let mut pending: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: the call writes the signals to `pending`, which outlives it.
    if unsafe { libc::sigpending(&raw mut pending) } != 0 {
        return false;
    }
    // SAFETY: the call above has written the set.
    let pending = unsafe { SigSet::from_sigset_t_unchecked(pending) };
    STOP.iter().any(|signal| pending.contains(*signal))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_process_with_several_threads_does_not_fork() {
        thread::scope(|scope| {
            let (end, wait) = mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            assert_eq!(fork(), Err(Errno::EINVAL));
            drop(end);
        });
    }
}
