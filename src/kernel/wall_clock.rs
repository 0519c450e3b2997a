//! The wall clock, for programs that compare wall-clock times: BPF programs of Linux before 6.1 read only clocks that
//! start at boot.
//!
//! Both clocks are slewed alike, and `CLOCK_BOOTTIME` counts the time in which the box sleeps. So the offset between
//! them changes only when the wall clock is set.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc::time_t;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId as Clock, clock_gettime};

/// Wall-clock time less time since boot, in nanoseconds: the most exact of three readings.
pub fn offset() -> i64 {
    // Every kernel has these clocks.
    let read = |clock| {
        clock_gettime(clock).map_or(0, |time| {
            let seconds = time.tv_sec().saturating_mul(1_000_000_000);
            seconds.saturating_add(time.tv_nsec())
        })
    };
    let mut best = Reading::default();
    for _ in 0..3 {
        let before = read(Clock::CLOCK_BOOTTIME);
        let wall = read(Clock::CLOCK_REALTIME);
        best = best.or_better(before, wall, read(Clock::CLOCK_BOOTTIME));
    }
    best.offset
}

/// A reading of the wall clock between two of the time since boot.
struct Reading {
    /// Time between both in nanoseconds.
    took: i64,
    offset: i64,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            took: i64::MAX,
            offset: 0,
        }
    }
}

impl Reading {
    /// This reading, or the one of these times if it took less time.
    const fn or_better(self, before: i64, wall: i64, after: i64) -> Self {
        let took = after.saturating_sub(before);
        if took >= self.took {
            return self;
        }
        Self {
            took,
            offset: wall.wrapping_sub(before.saturating_add(took / 2)),
        }
    }
}

/// A timer that never expires, and that the kernel cancels when the wall clock is set.
#[derive(Debug)]
pub struct ClockWatch(TimerFd);

impl ClockWatch {
    /// Opens the timer.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`; `ENOSYS` without `CONFIG_TIMERFD`.
    pub fn open() -> Result<Self, Errno> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let watch = Self(TimerFd::new(ClockId::CLOCK_REALTIME, flags)?);
        watch.arm()?;
        Ok(watch)
    }

    fn arm(&self) -> Result<(), Errno> {
        let never = Expiration::OneShot(TimeSpec::new(time_t::MAX, 0));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        self.0.set(never, flags)
    }

    /// True if the wall clock was set since the last call.
    pub fn is_set(&self) -> bool {
        // A cancelled timer is no error of nix; `EAGAIN` is one.
        let was_set = self.0.wait().is_ok();
        if was_set {
            // Cannot fail: the timer was armed before.
            let _ = self.arm();
        }
        was_set
    }
}

impl AsFd for ClockWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_exact_reading_gives_the_offset() {
        for (readings, expected) in [
            ([[0, 1000, 10], [100, 1104, 102], [200, 1290, 220]], 1003),
            ([[5, 5, 5], [6, 9, 9], [9, 9, 12]], 0),
            // The wall clock of a box without a real-time clock, set before 1970.
            ([[10, -90, 10], [20, -80, 22], [30, -70, 32]], -100),
        ] {
            let best = readings
                .into_iter()
                .fold(Reading::default(), |best, [before, wall, after]| {
                    best.or_better(before, wall, after)
                });
            assert_eq!(best.offset, expected, "{readings:?}");
        }
    }

    #[test]
    fn untouched_clock_is_not_set() {
        assert!(!ClockWatch::open().unwrap().is_set());
    }
}
