//! The directive `reload`: periodic checks of the Corefile for changes.

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{RELOAD, duration};
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Token};

// Defaults and minimums of CoreDNS (`plugin/reload/setup.go`).
const INTERVAL: Duration = Duration::from_secs(30);
const JITTER: Duration = Duration::from_secs(15);
const MIN_INTERVAL: Duration = Duration::from_secs(2);
const MIN_JITTER: Duration = Duration::from_secs(1);

/// Interval of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Mean interval.
    interval: Duration,
    /// Difference between the longest and the shortest interval.
    jitter: Duration,
}

impl Reload {
    /// Time between two checks. `jitter_seed` spreads the checks of hosts that start together; any number will do.
    pub fn period(self, jitter_seed: u32) -> Duration {
        let offset = (self.jitter.as_nanos() * u128::from(jitter_seed)) >> u32::BITS;
        let offset = Duration::from_nanos(u64::try_from(offset).unwrap_or(u64::MAX));
        (self.interval + offset).saturating_sub(self.jitter / 2)
    }

    /// Reads the directive in one server block. The last one in the Corefile holds for all server blocks (CoreDNS).
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
            let mut time =
                |word, name, default, minimum| time(word, name, default, minimum, faults);
            let interval = time(interval, "INTERVAL", INTERVAL, MIN_INTERVAL);
            let jitter = time(jitter, "JITTER", JITTER, MIN_JITTER);
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
    default: Duration,
    minimum: Duration,
    faults: &mut Diagnostics<'_>,
) -> Option<Duration> {
    let Some(word) = word else {
        return Some(default);
    };
    let text = faults.corefile.text(word);
    let quoted = Quoted(text);
    match duration::parse(text) {
        Some(time) if time >= minimum => return Some(time),
        Some(_) => {
            let message = format!(
                "{name} {quoted} is too short; the least is {}s",
                minimum.as_secs()
            );
            faults.add(word, RELOAD, message);
        }
        None => {
            let message = format!("{quoted} is no duration; write for example 30s or 1m30s");
            faults.add(word, RELOAD, message);
        }
    }
    None
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
}
