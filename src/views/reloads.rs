//! How reloads went.

use std::fmt::{self, Write};
use std::time::SystemTime;

use crate::base::utc::Utc;
use crate::config::MetricKind;
use crate::views::prometheus;

/// Bytes that are kept of what was wrong.
const MOST: usize = 1024;

/// How the reloads went since the start.
#[derive(Clone, Debug)]
pub struct Reloads {
    /// How many took effect.
    pub successes: u64,
    /// How many changed nothing, since something was wrong.
    pub failures: u64,
    /// When the Corefile that runs was read.
    pub last_success: SystemTime,
    /// The last of them; none before the first.
    pub(super) last: Option<Last>,
}

/// How one reload went.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) at: SystemTime,
    /// What was wrong, in lines; cut where it is long.
    pub(super) error: Option<heapless::String<MOST>>,
}

impl Default for Reloads {
    fn default() -> Self {
        Self {
            successes: 0,
            failures: 0,
            last_success: SystemTime::now(),
            last: None,
        }
    }
}

impl Reloads {
    /// One took effect just now.
    pub fn succeeded(&mut self) {
        self.successes += 1;
        self.last_success = SystemTime::now();
        self.last = Some(Last {
            at: self.last_success,
            error: None,
        });
    }

    /// One changed nothing; why.
    pub fn failed(&mut self, why: &str) {
        self.failures += 1;
        let mut error = heapless::String::new();
        for letter in why.chars() {
            if error.push(letter).is_err() {
                break;
            }
        }
        self.last = Some(Last {
            at: SystemTime::now(),
            error: Some(error),
        });
    }

    /// When the last one failed, unless one after it took effect.
    pub(super) fn last_failure(&self) -> Option<SystemTime> {
        let last = self.last.as_ref().filter(|last| last.error.is_some());
        last.map(|last| last.at)
    }

    pub(super) fn metrics(&self, text: &mut impl Write) -> fmt::Result {
        let name = "corexdp_reloads_total";
        let help = "Reloads since the start; one that fails changes nothing.";
        prometheus::head(text, name, MetricKind::Counter, help)?;
        for (result, count) in [("success", self.successes), ("failure", self.failures)] {
            prometheus::sample(text, name, &[("result", result)], count)?;
        }
        let name = "corexdp_last_reload_success_timestamp_seconds";
        let help = "When the Corefile that runs was read, in seconds since 1970.";
        prometheus::head(text, name, MetricKind::Gauge, help)?;
        prometheus::sample(text, name, &[], Utc::from(self.last_success).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_wrong_as_much_is_kept_as_there_is_room_for() {
        let mut reloads = Reloads::default();
        reloads.failed(&"é".repeat(MOST));
        let last = reloads.last.as_ref().unwrap();
        assert_eq!(last.error.as_ref().unwrap().len(), MOST);
        reloads.succeeded();
        assert_eq!((reloads.successes, reloads.failures), (1, 1));
        assert_eq!(reloads.last.unwrap().error, None);
    }
}
