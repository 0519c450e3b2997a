//! The directive `reload`: periodic checks of the Corefile for changes.

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{RELOAD, duration};
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Token};

/// An argument of the directive, with CoreDNS's default and minimum (`plugin/reload/setup.go`).
struct Argument {
    name: &'static str,
    default: Duration,
    minimum: Duration,
    /// True if 0 is allowed in spite of the minimum.
    may_be_zero: bool,
}

const INTERVAL: Argument = Argument {
    name: "INTERVAL",
    default: Duration::from_secs(30),
    minimum: Duration::from_secs(2),
    may_be_zero: false,
};
const JITTER: Argument = Argument {
    name: "JITTER",
    default: Duration::from_secs(15),
    minimum: Duration::from_secs(1),
    may_be_zero: true,
};

/// Interval of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Mean interval.
    interval: Duration,
    /// Difference between the longest and the shortest interval.
    jitter: Duration,
}

impl Reload {
    /// Time until the next check. `jitter_seed` is any number; different seeds spread the checks of hosts that start at the
    /// same time.
    pub fn period(self, jitter_seed: u32) -> Duration {
        let offset = (self.jitter.as_nanos() * u128::from(jitter_seed)) >> u32::BITS;
        let offset = Duration::from_nanos(u64::try_from(offset).unwrap_or(u64::MAX));
        (self.interval + offset).saturating_sub(self.jitter / 2)
    }

    /// Reads the directive in one server block. As in CoreDNS, the last in the Corefile applies to all server blocks.
    pub(super) fn read(
        directive: &Directive,
        corefile: &Corefile,
        faults: &mut Diagnostics<'_>,
    ) -> Option<Self> {
        let mut last = None;
        for occurrence in directive.occurrences(corefile) {
            let (interval, jitter) = match occurrence.args {
                [] => (None, None),
                [interval] => (Some(*interval), None),
                [interval, jitter] => (Some(*interval), Some(*jitter)),
                [_, _, more, ..] => {
                    let count = occurrence.args.len();
                    let message = format!("takes [INTERVAL] [JITTER], not {count} words");
                    faults.add(*more, RELOAD, message);
                    continue;
                }
            };
            let interval = INTERVAL.read(interval, faults);
            let jitter = JITTER.read(jitter, faults);
            if let Some((interval, jitter)) = interval.zip(jitter) {
                let jitter = jitter.min(interval / 2);
                last = Some(Self { interval, jitter });
            }
        }
        last
    }
}

impl Argument {
    /// The duration in `word`; the default without a word. An error is reported, and gives `None`.
    fn read(&self, word: Option<Token>, faults: &mut Diagnostics<'_>) -> Option<Duration> {
        let Some(word) = word else {
            return Some(self.default);
        };
        let text = faults.corefile.text(word);
        let quoted = Quoted(text);
        let message = match duration::parse(text) {
            Some(time) if time >= self.minimum => return Some(time),
            Some(time) if time.is_zero() && self.may_be_zero => return Some(time),
            Some(_) => {
                let (name, least) = (self.name, self.minimum.as_secs());
                format!("{name} {quoted} is too short; the least is {least}s")
            }
            None => format!("{quoted} is not a duration; write one such as 30s or 1m30s"),
        };
        faults.add(word, RELOAD, message);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_centred_on_the_interval() {
        let reload = Reload {
            interval: Duration::from_secs(30),
            jitter: Duration::from_secs(15),
        };
        assert_eq!(reload.period(0), Duration::from_millis(22_500));
        assert_eq!(reload.period(1 << 31), Duration::from_secs(30));
        assert!(reload.period(u32::MAX) < Duration::from_millis(37_500));
    }

    #[test]
    fn without_jitter_every_period_is_the_interval() {
        let reload = Reload {
            interval: Duration::from_secs(10),
            jitter: Duration::ZERO,
        };
        for seed in [0, 1 << 31, u32::MAX] {
            assert_eq!(reload.period(seed), Duration::from_secs(10));
        }
    }
}
