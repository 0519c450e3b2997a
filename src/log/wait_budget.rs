//! Limit on the time for which messages wait for a slow reader of the log.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::base::wait;

/// Longest wait in a row. A verifier's log has up to 100,000 lines, which a terminal or pipe reader takes time to read.
const FULL: Duration = Duration::from_millis(500);
/// The budget refills by a tenth of the time between waits, so that messages wait at most a tenth of the time.
const REFILL_DIVISOR: u32 = 10;

/// The remaining time to wait for a reader. A reader that reads nothing during a wait gets no further wait.
#[derive(Debug)]
pub(super) struct WaitBudget {
    left: Duration,
    /// End of the last wait.
    last_wait: Instant,
    /// True from a wait that timed out until [`WaitBudget::resume`].
    is_suspended: bool,
}

impl WaitBudget {
    pub(super) fn new() -> Self {
        Self {
            left: FULL,
            last_wait: Instant::now(),
            is_suspended: false,
        }
    }

    /// Allows waits again after the reader has read something.
    pub(super) const fn resume(&mut self) {
        self.is_suspended = false;
    }

    #[cfg(test)]
    pub(super) const fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// Waits until `fd` is writable. Returns false if the budget is used up first.
    pub(super) fn wait_writable(&mut self, fd: BorrowedFd<'_>) -> bool {
        if self.is_suspended {
            return false;
        }
        let begin = Instant::now();
        let refill = begin.duration_since(self.last_wait) / REFILL_DIVISOR;
        let left = (self.left + refill).min(FULL);
        let writable = is_writable(fd, wait::timeout(begin.checked_add(left)));
        self.last_wait = Instant::now();
        self.left = left.saturating_sub(self.last_wait.duration_since(begin));
        self.is_suspended = !writable;
        writable
    }
}

/// True if, within `timeout`, a write to `fd` would not block. A write that would fail counts too.
pub(super) fn is_writable(fd: BorrowedFd<'_>, timeout: PollTimeout) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::POLLOUT)];
    poll(&mut polled, timeout).is_ok_and(|ready| ready > 0)
}
