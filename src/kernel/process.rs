//! Processes: fork, closing inherited descriptors, pending signals, and the command line that `ps` shows.

use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt as _;
use std::{fs, mem, ptr};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, Pid};

use super::errno;

/// Highest descriptor closed on a kernel without `close_range(2)`.
const MAX_DESCRIPTORS: u64 = 1 << 20;

/// Signals that stop the daemon.
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

/// The directory `task` has one link for each thread, and the two links of every directory. Many containers forbid the
/// alternative, `unshare(CLONE_THREAD)`.
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

/// True if the process has exited, is exiting, or has `SIGKILL` pending: it runs no more code of its own.
pub fn is_ending(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| parse_is_ending(&stat).unwrap_or(false))
}

/// Parses `/proc/PID/stat` (`proc_pid_stat(5)`).
fn parse_is_ending(stat: &str) -> Option<bool> {
    /// `linux/sched.h`.
    const PF_EXITING: u64 = 4;
    /// Bit of `SIGKILL` in a set of signals.
    const KILLED: u64 = 1 << (libc::SIGKILL - 1);
    // The command's name, in parentheses, may contain parentheses and spaces.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let (flags, pending) = (words.nth(6)?, words.nth(21)?);
    let (flags, pending): (u64, u64) = (flags.parse().ok()?, pending.parse().ok()?);
    Some(flags & PF_EXITING != 0 || pending & KILLED != 0)
}

/// The memory of this process's arguments, which `ps` shows as its command line.
#[derive(Clone, Copy, Debug)]
pub struct Title {
    address: usize,
    length: usize,
}

impl Title {
    /// Index of `arg_start` in `/proc/PID/stat` behind the command's name; `arg_end` follows (proc(5), 3.5).
    const ARG_START: usize = 45;

    /// Finds the memory; `None` without `/proc`.
    pub fn find() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The command's name, in parentheses, may contain parentheses and spaces.
        let (_, fields) = text.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(Self::ARG_START);
        let mut address = || fields.next()?.parse::<usize>().ok();
        let (start, end) = (address()?, address()?);
        Some(Self {
            address: start,
            length: end.checked_sub(start).filter(|_| start > 0)?,
        })
    }

    /// Replaces the command line. A longer text is truncated. No other thread may read the arguments meanwhile.
    pub fn set(self, text: &str) {
        let start = ptr::with_exposed_provenance_mut::<u8>(self.address);
        // The last byte stays zero, or the kernel looks for the end of the text in the environment.
        let text = text.bytes().take(self.length.saturating_sub(1));
        let bytes = text.chain(std::iter::repeat(0)).take(self.length);
        for (index, byte) in bytes.enumerate() {
            // SAFETY: `exec` put the arguments into these `length` bytes of the stack, where they stay writable until the
            // process ends. By the caller's contract nobody else reads them, and they still end with a zero byte.
            unsafe { start.add(index).write(byte) };
        }
    }
}

/// True if a signal of [`STOP`] is blocked and pending. Long steps check it between their parts, since the event loop
/// takes the signal only after the step.
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
    fn exiting_and_killed_processes_are_ending() {
        let stat = |flags: u64, pending: u64| {
            format!(
                "17 (a) b) S 1 17 17 0 -1 {flags} 1 0 2 0 1 1 0 0 20 0 1 0 5 4096 1 9 1 1 1 1 1 {pending} 0 0 0 1 0 0"
            )
        };
        for (flags, pending, ends) in [
            (0x40_0100, 0, false),
            (0x40_0104, 0, true),
            (0x40_0100, 256, true),
            (0x40_0100, 16384, false),
        ] {
            assert_eq!(
                parse_is_ending(&stat(flags, pending)),
                Some(ends),
                "{flags} {pending}"
            );
        }
        assert_eq!(parse_is_ending(""), None);
        assert!(!is_ending(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(is_ending(pid));
    }

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
