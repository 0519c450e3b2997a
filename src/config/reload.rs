//! The directive `reload`: the Corefile is looked at again from time to time.

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{RELOAD, duration};
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Token};

/// As CoreDNS has them (`plugin/reload/setup.go`).
const INTERVAL: Duration = Duration::from_secs(30);
const JITTER: Duration = Duration::from_secs(15);
const LEAST_INTERVAL: Duration = Duration::from_secs(2);
const LEAST_JITTER: Duration = Duration::from_secs(1);

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// On average.
    interval: Duration,
    /// From the least time to the most.
    jitter: Duration,
}

impl Reload {
    /// The time from one look to the next, for boxes that begin together not to look together; `jitter_seed` is any number.
    pub fn every(self, jitter_seed: u32) -> Duration {
        let part = (self.jitter.as_nanos() * u128::from(jitter_seed)) >> u32::BITS;
        let part = Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX));
        (self.interval + part).saturating_sub(self.jitter / 2)
    }

    /// Reads it where it stands in a server block. As in CoreDNS, there is one for all; the last counts.
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
                    let what = format!("takes [INTERVAL] [JITTER], not {count} words");
                    faults.add(*more, RELOAD, what);
                    continue;
                }
            };
            let mut time = |word, name, usual, least| time(word, name, usual, least, faults);
            let interval = time(interval, "INTERVAL", INTERVAL, LEAST_INTERVAL);
            let jitter = time(jitter, "JITTER", JITTER, LEAST_JITTER);
            if let Some((interval, jitter)) = interval.zip(jitter) {
                let jitter = jitter.min(interval / 2);
                last = Some(Self { interval, jitter });
            }
        }
        last
    }
}

fn time(
    word: Option<Token>,
    name: &str,
    usual: Duration,
    least: Duration,
    faults: &mut Diagnostics<'_>,
) -> Option<Duration> {
    let Some(word) = word else {
        return Some(usual);
    };
    let text = faults.corefile.text(word);
    let quoted = Quoted(text);
    match duration::parse(text) {
        Some(time) if time >= least => return Some(time),
        Some(_) => {
            let what = format!(
                "{name} {quoted} is too short; the least is {}s",
                least.as_secs()
            );
            faults.add(word, RELOAD, what);
        }
        None => {
            let what = format!("{quoted} is no duration; write for example 30s or 1m30s");
            faults.add(word, RELOAD, what);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jitter_lies_around_the_interval() {
        let reload = Reload {
            interval: Duration::from_secs(30),
            jitter: Duration::from_secs(15),
        };
        assert_eq!(reload.every(0), Duration::from_millis(22_500));
        assert_eq!(reload.every(1 << 31), Duration::from_secs(30));
        assert!(reload.every(u32::MAX) < Duration::from_millis(37_500));
    }
}
