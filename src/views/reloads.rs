//! Results of reloads.

use std::fmt::{self, Write};
use std::time::SystemTime;

use crate::base::utc::Utc;
use crate::config::MetricKind;
use crate::views::prometheus;

/// Maximum size of an error in bytes; a longer text is truncated.
pub(super) const MAX_ERROR: usize = 1024;

/// Results of the reloads since the start.
#[derive(Clone, Debug)]
pub struct Reloads {
    /// Number of successful reloads. A reload with `--confirm` counts once it is confirmed.
    pub successes: u64,
    /// Number of failed reloads, which changed nothing.
    pub failures: u64,
    /// Number of reloads that were rolled back for lack of confirmation.
    pub unconfirmed: u64,
    /// Time at which the running Corefile was read.
    pub last_success: SystemTime,
    /// `last_success` before the pending reload, restored by a rollback.
    replaced: Option<SystemTime>,
    /// Latest reload; `None` before the first.
    pub(super) last: Option<Last>,
}

/// Outcome of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// The reload succeeded and awaits confirmation.
    Pending,
    /// The reload was rolled back for lack of confirmation.
    Unconfirmed,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// Result of one reload.
#[derive(Clone, Debug)]
pub(super) struct Last {
    /// Time of the reload, or of its rollback.
    pub(super) at: SystemTime,
    pub(super) outcome: Outcome,
    /// Errors, one a line; `None` unless the reload failed or was rolled back.
    pub(super) error: Option<heapless::String<MAX_ERROR>>,
}

impl Default for Reloads {
    fn default() -> Self {
        Self {
            successes: 0,
            failures: 0,
            unconfirmed: 0,
            replaced: None,
            last_success: SystemTime::now(),
            last: None,
        }
    }
}

impl Reloads {
    /// Records a successful reload, at the current time.
    pub fn succeeded(&mut self) {
        self.successes += 1;
        self.record_applied(Outcome::Success);
    }

    /// Records a reload that awaits confirmation, at the current time.
    pub fn awaits_confirmation(&mut self) {
        self.replaced = Some(self.last_success);
        self.record_applied(Outcome::Pending);
    }

    fn record_applied(&mut self, outcome: Outcome) {
        self.last_success = SystemTime::now();
        self.last = Some(Last {
            at: self.last_success,
            outcome,
            error: None,
        });
    }

    /// Records the confirmation of the pending reload. The confirmation of a start is not counted.
    pub fn confirmed(&mut self) {
        if self.replaced.take().is_some() {
            self.successes += 1;
            if let Some(last) = &mut self.last {
                last.outcome = Outcome::Success;
            }
        }
    }

    /// Records the rollback of the pending reload with its message, at the current time.
    pub fn rolled_back(&mut self, message: &str) {
        if let Some(replaced) = self.replaced.take() {
            self.unconfirmed += 1;
            self.last_success = replaced;
            self.record_error(Outcome::Unconfirmed, message);
        }
    }

    /// Records a failed reload with its error, at the current time.
    pub fn failed(&mut self, message: &str) {
        self.failures += 1;
        self.record_error(Outcome::Failure, message);
    }

    /// Records that the start refused the Corefile, for which the fallback runs.
    pub fn refused_at_start(&mut self, message: &str) {
        self.record_error(Outcome::Failure, message);
    }

    fn record_error(&mut self, outcome: Outcome, message: &str) {
        let mut error = heapless::String::new();
        for letter in message.chars() {
            if error.push(letter).is_err() {
                break;
            }
        }
        self.last = Some(Last {
            at: SystemTime::now(),
            outcome,
            error: Some(error),
        });
    }

    /// Writes the metrics of reloads.
    pub(super) fn metrics(&self, text: &mut impl Write) -> fmt::Result {
        let name = "corexdp_reloads_total";
        let help = "Reloads since the start; failed and unconfirmed ones change nothing.";
        prometheus::head(text, name, MetricKind::Counter, help)?;
        for (outcome, count) in [
            (Outcome::Success, self.successes),
            (Outcome::Failure, self.failures),
            (Outcome::Unconfirmed, self.unconfirmed),
        ] {
            prometheus::sample(text, name, &[("result", outcome.name())], count)?;
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

    /// Counters of successful, failed and unconfirmed reloads, and the outcome of the last reload.
    fn counted(reloads: &Reloads) -> ([u64; 3], Option<Outcome>) {
        let counts = [reloads.successes, reloads.failures, reloads.unconfirmed];
        (counts, reloads.last.as_ref().map(|last| last.outcome))
    }

    #[test]
    fn reload_counts_after_confirmation_or_rollback() {
        let mut reloads = Reloads::default();
        let first = reloads.last_success;
        reloads.awaits_confirmation();
        assert_eq!(counted(&reloads), ([0, 0, 0], Some(Outcome::Pending)));
        assert!(reloads.last_success > first);
        reloads.rolled_back("not confirmed");
        assert_eq!(counted(&reloads), ([0, 0, 1], Some(Outcome::Unconfirmed)));
        assert_eq!(reloads.last_success, first);
        reloads.awaits_confirmation();
        let second = reloads.last_success;
        reloads.confirmed();
        assert_eq!(counted(&reloads), ([1, 0, 1], Some(Outcome::Success)));
        assert_eq!(reloads.last_success, second);
    }

    #[test]
    fn confirmation_of_a_start_is_not_counted() {
        let mut reloads = Reloads::default();
        reloads.confirmed();
        reloads.rolled_back("");
        assert_eq!(counted(&reloads), ([0, 0, 0], None));
    }
}
