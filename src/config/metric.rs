//! A `metric` line of the `ebpf` block.

use super::Metric;
use super::ebpf::Reader;
use crate::capacity::{MAX_METRICS, MAX_VALUE};
use crate::corefile::{Plain, Quoted, Token};

impl Reader<'_, '_> {
    pub(super) fn metric(&mut self, name: Token, args: &[Token]) {
        let &[metric, key, position, length, help] = args else {
            self.wrong_count(name, args, "NAME KEY POS LEN \"HELP\"");
            return;
        };
        let full_name = self.metric_name(metric);
        let key = self.hex(key, "metric", "KEY");
        let position = self.number(position, "POS", 0..=MAX_VALUE - 1);
        let length = self.number(length, "LEN", 1..=8);
        let (Some(full_name), Some(key), Some(position), Some(length)) =
            (full_name, key, position, length)
        else {
            return;
        };
        let help = self.text(help).to_owned();
        self.parts.metrics.push(Metric {
            at: name,
            name: full_name,
            key,
            position,
            length,
            help,
        });
    }

    fn metric_name(&mut self, token: Token) -> Option<String> {
        let text = self.text(token);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if text.is_empty() || !text.chars().all(legal) {
            self.faults.add(
                token,
                "metric",
                format!(
                    "{} is no metric name; use letters, digits, `_` and `:`",
                    Quoted(text)
                ),
            );
            return None;
        }
        let full = format!("coredns_ebpf_{text}");
        if self.names.metrics.contains(&full) {
            self.faults.add(
                token,
                "metric",
                format!(
                    "{} is the name of another metric already; names are unique",
                    Plain(text)
                ),
            );
            return None;
        }
        // One too many is enough to refuse them all, and each is compared with all.
        if self.names.metrics.len() <= MAX_METRICS {
            self.names.metrics.push(full.clone());
        }
        Some(full)
    }

    fn number(
        &mut self,
        token: Token,
        what: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Option<usize> {
        let number = self
            .text(token)
            .parse()
            .ok()
            .filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            let what = format!(
                "{what} is {}; it is a number from {low} to {high}",
                self.quote(token)
            );
            self.faults.add(token, "metric", what);
        }
        number
    }
}
