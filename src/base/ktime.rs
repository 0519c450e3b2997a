//! The clock of deadlines in maps: `bpf_ktime_get_ns`, which is `CLOCK_MONOTONIC`. The clock stops while the box sleeps, and
//! no step of the wall clock changes it.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since boot.
pub fn now() -> u64 {
    // Every kernel has this clock.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
    now.map_or(0, nanoseconds)
}

/// A duration in nanoseconds; 584 years for longer ones.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The moment at which the clock shows `time`.
pub fn instant(time: u64) -> Instant {
    let left = Duration::from_nanos(time.saturating_sub(now()));
    let now = Instant::now();
    // A deadline in centuries is never reached.
    now.checked_add(left)
        .unwrap_or(now + Duration::from_hours(24))
}
