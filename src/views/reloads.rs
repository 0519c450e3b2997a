//! Results of reloads.

use std::fmt::{self, Write};
use std::time::SystemTime;

use crate::base::utc::Utc;
use crate::config::MetricKind;
use crate::views::prometheus;

/// Most bytes of an error; a longer text is truncated.
const MAX_ERROR: usize = 1024;

/// Results of the reloads since the start.
#[derive(Clone, Debug)]
pub struct Reloads {
    /// Number of successful reloads.
    pub successes: u64,
    /// Number of failed reloads, which changed nothing.
    pub failures: u64,
    /// Time at which the running Corefile was read.
    pub last_success: SystemTime,
    /// Latest reload; `None` before the first.
    pub(super) last: Option<Last>,
}

/// Result of one reload.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) at: SystemTime,
    /// Error, with several lines for several errors; `None` after a success.
    pub(super) error: Option<heapless::String<MAX_ERROR>>,
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
    /// Records a successful reload, at the current time.
    pub fn succeeded(&mut self) {
        self.successes += 1;
        self.last_success = SystemTime::now();
        self.last = Some(Last {
            at: self.last_success,
            error: None,
        });
    }

    /// Records a failed reload with its error, at the current time.
    pub fn failed(&mut self, message: &str) {
        self.failures += 1;
        let mut error = heapless::String::new();
        for letter in message.chars() {
            if error.push(letter).is_err() {
                break;
            }
        }
        self.last = Some(Last {
            at: SystemTime::now(),
            error: Some(error),
        });
    }

    /// Time of the latest reload if that reload failed.
    pub(super) fn last_failure(&self) -> Option<SystemTime> {
        let last = self.last.as_ref().filter(|last| last.error.is_some());
        last.map(|last| last.at)
    }

    pub(super) fn metrics(&self, text: &mut impl Write) -> fmt::Result {
        let name = "corexdp_reloads_total";
        let help = "Reloads since the start; a failed reload changes nothing.";
        prometheus::head(text, name, MetricKind::Counter, help)?;
        for (result, count) in [("success", self.successes), ("failure", self.failures)] {
            prometheus::sample(text, name, &[("result", result)], count)?;
        }
        let name = "corexdp_last_reload_success_timestamp_seconds";
        let help = "Time at which the running Corefile was read, in seconds since 1970.";
        prometheus::head(text, name, MetricKind::Gauge, help)?;
        prometheus::sample(text, name, &[], Utc::from(self.last_success).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_errors_are_truncated() {
        let mut reloads = Reloads::default();
        reloads.failed(&"é".repeat(MAX_ERROR));
        let last = reloads.last.as_ref().unwrap();
        assert_eq!(last.error.as_ref().unwrap().len(), MAX_ERROR);
        reloads.succeeded();
        assert_eq!((reloads.successes, reloads.failures), (1, 1));
        assert_eq!(reloads.last.unwrap().error, None);
    }
}
