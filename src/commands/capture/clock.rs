//! Times of samples as times since 1970.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Differences of two reads of the clocks are below this time, unless the system clock was set.
const NOISE: Duration = Duration::from_millis(1);

/// The time since 1970 at which the monotonic clock started.
#[derive(Debug, Default)]
pub(super) struct Clock(Duration);

impl Clock {
    /// Reads both clocks. The noise of a read does not change the order of times.
    pub(super) fn update(&mut self) {
        let start = now(ClockId::CLOCK_REALTIME).saturating_sub(now(ClockId::CLOCK_MONOTONIC));
        if start.abs_diff(self.0) > NOISE {
            self.0 = start;
        }
    }

    /// The time since 1970 of a time of the monotonic clock.
    pub(super) const fn since_1970(&self, time: Duration) -> Duration {
        self.0.saturating_add(time)
    }

    /// The present time since 1970.
    pub(super) fn now(&self) -> Duration {
        self.since_1970(now(ClockId::CLOCK_MONOTONIC))
    }
}

/// The time of a clock; 0 if the kernel does not have the clock.
fn now(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn clock_is_that_of_the_system() {
        let mut clock = Clock::default();
        clock.update();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        clock.update();
        let after = clock.now();
        assert!(after + NOISE >= before);
        assert!(after < before + Duration::from_mins(1));
    }
}
