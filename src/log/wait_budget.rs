//! Patience with a slow reader of the log.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::base::wait;

/// Most time that messages wait for a reader that is slow, such as one of a verifier's log of 100,000 lines.
const PATIENCE: Duration = Duration::from_millis(500);
/// The part of the time after which patience returns: messages wait for a tenth of the time at most.
const RETURNS: u32 = 10;

/// The wait for a reader that is slow. It ends for a reader that does not read at all.
#[derive(Debug)]
pub(super) struct Patience {
    left: Duration,
    /// End of the last wait.
    since: Instant,
    /// True from a wait in vain to the next message that was written.
    is_over: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            left: PATIENCE,
            since: Instant::now(),
            is_over: false,
        }
    }

    /// Notes that the reader reads.
    pub(super) const fn renew(&mut self) {
        self.is_over = false;
    }

    #[cfg(test)]
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits until `fd` is writable; false if the time is over first.
    pub(super) fn wait(&mut self, fd: BorrowedFd<'_>) -> bool {
        if self.is_over {
            return false;
        }
        let begin = Instant::now();
        let returned = begin.duration_since(self.since) / RETURNS;
        let left = (self.left + returned).min(PATIENCE);
        let writable = is_writable(fd, wait::timeout(begin.checked_add(left)));
        self.since = Instant::now();
        self.left = left.saturating_sub(self.since.duration_since(begin));
        self.is_over = !writable;
        writable
    }
}

/// True if a write to `fd` does not block, or fails at once.
pub(super) fn is_writable(fd: BorrowedFd<'_>, timeout: PollTimeout) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::POLLOUT)];
    poll(&mut polled, timeout).is_ok_and(|ready| ready > 0)
}
