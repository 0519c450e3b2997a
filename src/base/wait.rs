//! Sleeping until a descriptor is readable or a time has come, and when to try again.

#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Sleeps until one of `fds` is readable or closed by its other end, or until `until`; without that, for ever. Says of
/// each whether it is. A signal that is caught ends the sleep early.
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

/// Sleeps for so long, or less when a signal comes, by a call that a confined daemon may make and that takes no memory.
pub fn rest(time: Duration) {
    let _ = poll(&mut [], timeout(Instant::now().checked_add(time)));
}

/// How long that is from now; without a time, for ever. Rounded up, so that nobody spins through the last millisecond.
pub fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
}

/// When something that failed is tried again: pauses that double up to a longest.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    pause: Duration,
    at: Option<Instant>,
}

impl Backoff {
    /// Nothing is to be tried.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            pause: first,
            at: None,
        }
    }

    /// Plans another attempt.
    pub fn plan(&mut self) {
        self.at = Instant::now().checked_add(self.pause);
        self.pause = (self.pause * 2).min(self.longest);
    }

    /// When it is to be.
    pub const fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Whether that time has come; then nothing is planned any more.
    pub fn take_due(&mut self) -> bool {
        self.at.take_if(|at| *at <= Instant::now()).is_some()
    }

    /// It went well, and would begin with the first pause again.
    pub const fn forget(&mut self) {
        self.pause = self.first;
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
    fn each_descriptor_gets_its_own_answer() {
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
    fn it_ends_when_its_time_has_come_and_not_before() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let end = Instant::now() + Duration::from_millis(20);
        assert_eq!(wait([Some(quiet.as_fd())], Some(end)), Ok([false]));
        assert!(Instant::now() >= end);
    }
}
