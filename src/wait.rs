//! Sleeping until a descriptor is readable or a time has come.

#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::time::Instant;

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

fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    // Rounded up, so that nobody spins through the last millisecond.
    let left = until.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

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
