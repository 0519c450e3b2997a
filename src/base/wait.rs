//! Polls descriptors with a deadline, and plans retries with backoff.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Sleeps until one of `fds` is readable or closed by its peer, or until `until` (`None`: forever). Returns for each
/// descriptor if it is ready. A caught signal ends the sleep early.
///
/// # Errors
/// `ENOMEM`.
pub fn wait<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    until: Option<Instant>,
) -> Result<[bool; N], Errno> {
    let mut polled = heapless::Vec::<_, N>::new();
    for fd in fds.into_iter().flatten() {
        // There is room for all of them.
        let _ = polled.push(PollFd::new(fd, PollFlags::POLLIN));
    }
    match poll(&mut polled, timeout(until)) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok([false; N]),
        Err(errno) => return Err(errno),
    }
    let mut events = polled.iter();
    Ok(fds.map(|fd| fd.is_some() && events.next().and_then(PollFd::any).unwrap_or(false)))
}

/// Sleeps for `time`, or less if a signal comes. The call is allowed by seccomp and allocates no memory.
pub fn rest(time: Duration) {
    let _ = poll(&mut [], timeout(Instant::now().checked_add(time)));
}

/// The poll timeout until `until` (`None`: forever), rounded up so that no loop spins through the last millisecond.
pub fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
}

/// Exponential backoff: pauses between retries, doubling up to the longest.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The pause planned last; `None` before the first failure.
    pause: Option<Duration>,
    at: Option<Instant>,
}

impl Backoff {
    /// A backoff without a failure or a planned retry.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            pause: None,
            at: None,
        }
    }

    /// Plans a retry after a failure. A failure before the planned time does not lengthen the pause.
    pub fn plan(&mut self) {
        let now = Instant::now();
        let early = self.at.is_some_and(|at| at > now);
        let pause = match self.pause {
            None => self.first,
            Some(pause) if early => pause,
            Some(pause) => (pause * 2).min(self.longest),
        };
        self.pause = Some(pause);
        self.at = now.checked_add(pause);
    }

    /// True if the last attempt failed.
    pub const fn is_failing(&self) -> bool {
        self.pause.is_some()
    }

    /// Time of the planned retry.
    pub const fn at(&self) -> Option<Instant> {
        self.at
    }

    /// True if the planned retry is due; the plan is then cleared.
    pub fn take_due(&mut self) -> bool {
        self.at.take_if(|at| *at <= Instant::now()).is_some()
    }

    /// Cancels the planned retry and resets the pause to the first.
    pub const fn forget(&mut self) {
        self.pause = None;
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn each_descriptor_has_its_own_result() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let (news, mut writer) = UnixStream::pair().unwrap();
        let (closed, gone) = UnixStream::pair().unwrap();
        writer.write_all(b"x").unwrap();
        drop(gone);
        let fds = [&quiet, &news, &closed].map(|fd| Some(fd.as_fd()));
        assert_eq!(wait(fds, None), Ok([false, true, true]));
        assert_eq!(wait([None, fds[1]], None), Ok([false, true]));
    }

    #[test]
    fn wait_ends_at_its_deadline() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let end = Instant::now() + Duration::from_millis(20);
        assert_eq!(wait([Some(quiet.as_fd())], Some(end)), Ok([false]));
        assert!(Instant::now() >= end);
    }

    #[test]
    fn backoff_doubles_up_to_the_longest_pause() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(3));
        assert!(!backoff.is_failing());
        for pause in [1, 2, 3, 3] {
            backoff.plan();
            assert_eq!(backoff.pause, Some(Duration::from_millis(pause)));
            assert!(backoff.is_failing());
            rest(Duration::from_millis(pause));
            assert!(backoff.take_due());
        }
        backoff.forget();
        assert_eq!((backoff.is_failing(), backoff.at()), (false, None));
    }

    #[test]
    fn early_failure_keeps_the_pause() {
        let minute = Duration::from_mins(1);
        let mut backoff = Backoff::new(minute, 30 * minute);
        backoff.plan();
        let first = backoff.at();
        backoff.plan();
        assert_eq!(backoff.pause, Some(minute));
        assert!(backoff.at() >= first);
    }
}
