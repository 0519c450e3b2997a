//! Waits for descriptors and deadlines, and the backoff between retries.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Sleeps until one of `fds` is readable or closed by the other end, or until the deadline; `None` waits forever.
/// Returns for each descriptor whether the descriptor is ready. A caught signal ends the sleep early; no descriptor is
/// ready then.
///
/// # Errors
/// Errors of `poll(2)` except `EINTR`, such as `ENOMEM`.
pub fn wait<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    until: Option<Instant>,
) -> Result<[bool; N], Errno> {
    let mut polled = heapless::Vec::<_, N>::new();
    for fd in fds.into_iter().flatten() {
        // Cannot fail: the list has room for N descriptors.
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

/// Sleeps for `time`, or until a signal is caught. Uses `poll`, which seccomp allows the daemon, and allocates nothing.
pub fn sleep(time: Duration) {
    let _ = poll(&mut [], timeout(Instant::now().checked_add(time)));
}

/// Timeout of `poll` for a deadline; `None` waits forever. The timeout is rounded up to a millisecond, so that the
/// caller does not spin before the deadline.
pub fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
}

/// Exponential backoff: each pause between two attempts is twice the previous one, up to the longest.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// Latest pause; `None` before the first failure.
    pause: Option<Duration>,
    /// Time of the planned attempt, if any.
    at: Option<Instant>,
}

impl Backoff {
    /// A backoff without failure and without planned attempt.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            pause: None,
            at: None,
        }
    }

    /// Plans another attempt after a failure. A failure before the planned time does not lengthen the pause.
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

    /// True from the first failure until [`Backoff::reset`].
    pub const fn is_failing(&self) -> bool {
        self.pause.is_some()
    }

    /// Time of the planned attempt.
    pub const fn at(&self) -> Option<Instant> {
        self.at
    }

    /// True if the planned attempt is due. The plan is then removed, so that a second call returns false.
    pub fn take_due(&mut self) -> bool {
        self.at.take_if(|at| *at <= Instant::now()).is_some()
    }

    /// Cancels the planned attempt and starts again at the first pause.
    pub const fn reset(&mut self) {
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
    fn wait_reports_each_descriptor() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let (readable, mut writer) = UnixStream::pair().unwrap();
        let (closed, peer) = UnixStream::pair().unwrap();
        writer.write_all(b"x").unwrap();
        drop(peer);
        let fds = [&quiet, &readable, &closed].map(|fd| Some(fd.as_fd()));
        assert_eq!(wait(fds, None), Ok([false, true, true]));
        assert_eq!(wait([None, fds[1]], None), Ok([false, true]));
    }

    #[test]
    fn wait_ends_at_the_deadline_and_not_before() {
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
            sleep(Duration::from_millis(pause));
            assert!(backoff.take_due());
        }
        backoff.reset();
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
