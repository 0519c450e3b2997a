//! How full a map is.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::filter::Filter;

const MINUTE: Duration = Duration::from_mins(1);
/// Below this there is nothing to gain by counting less often.
const CHEAP: Duration = Duration::from_millis(100);

/// How many entries a map had when they were last counted.
///
/// The kernel does not tell; all entries must be walked, which takes 50 ms for 100,000. So no more than a hundredth of
/// the time goes into counting: a scrape every few seconds gets a new count, a flood of them does not. Where the program
/// itself changes nothing, only a person could have, and once a minute will do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub(super) entries: u64,
    cost: Duration,
    at: Option<Instant>,
}

impl Count {
    /// One for each map that is read of these filters, in order.
    pub fn of(filters: &[Filter]) -> Vec<Self> {
        let maps = filters.iter().map(|filter| filter.chosen.len());
        vec![Self::default(); maps.sum()]
    }

    /// Counts again, if it is time; what a program that `changes` maps may have changed, it is sooner.
    pub(super) fn renew(
        &mut self,
        changes: bool,
        count: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let begin = Instant::now();
        let rest = self.cost.saturating_mul(100);
        let rest = if changes || rest < CHEAP {
            rest
        } else {
            rest.max(MINUTE)
        };
        if self.at.is_some_and(|at| begin.duration_since(at) < rest) {
            return Ok(());
        }
        self.entries = count()?;
        self.cost = begin.elapsed();
        self.at = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what takes long to count.
    fn renew(count: &mut Count, changes: bool, entries: u64) {
        let counted = count.renew(changes, || {
            std::thread::sleep(Duration::from_millis(20));
            Ok(entries)
        });
        assert_eq!(counted, Ok(()));
    }

    fn earlier(count: &mut Count, seconds: u64) {
        count.at = Instant::now().checked_sub(Duration::from_secs(seconds));
    }

    #[test]
    fn a_count_that_was_dear_is_kept_for_a_while() {
        let mut count = Count::default();
        renew(&mut count, true, 7);
        renew(&mut count, true, 8);
        assert_eq!(count.entries, 7);
        earlier(&mut count, 10);
        renew(&mut count, true, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn what_no_program_changes_is_counted_once_a_minute() {
        let mut count = Count::default();
        renew(&mut count, false, 7);
        earlier(&mut count, 50);
        renew(&mut count, false, 8);
        assert_eq!(count.entries, 7);
        earlier(&mut count, 61);
        renew(&mut count, false, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn a_cheap_count_is_always_new() {
        let mut count = Count::default();
        for expected in 1..4 {
            assert_eq!(count.renew(false, || Ok(expected)), Ok(()));
            count.cost = Duration::ZERO;
            assert_eq!(count.entries, expected);
        }
    }
}
