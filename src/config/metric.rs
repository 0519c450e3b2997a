//! The `metric`, `gauge` and `counter` lines of the `ebpf` block.

use super::Metric;
use super::reader::{Line, Reader};
use crate::base::capacity::{MAX_METRICS, MAX_VALUE};
use crate::base::escape::{Plain, Quoted};
use crate::corefile::Token;
use crate::encode::integer::Number;

/// Reads `metric NAME [@MAP] KEY POS LEN HELP`.
pub(super) fn metric(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let Some((metric, map_name, &[key, position, length, help])) = reader.split_metric(line.args)
    else {
        reader.wrong_count(line);
        return;
    };
    let full_name = reader.metric_name(line.name, metric);
    let key = reader.hex(key, "metric", "KEY");
    let position = reader.number(position, "POS", 0..=MAX_VALUE - 1);
    let length = reader.number(length, "LEN", 1..=8);
    let (Some(full_name), Some(key), Some(position), Some(length)) =
        (full_name, key, position, length)
    else {
        return;
    };
    let metric = Metric {
        at: line.name,
        name: full_name,
        kind: MetricKind::Gauge,
        map: reader.resolve_map(line.name, map_name),
        key,
        number: Number::little_endian(position, length),
        help: reader.text(help).to_owned(),
        words: None,
    };
    reader.parts.metrics.push(metric);
}

/// Reads `gauge NAME [@MAP] KEY FIELD HELP`.
pub(super) fn gauge(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    read_named(reader, line, MetricKind::Gauge);
}

/// Reads `counter NAME [@MAP] KEY FIELD HELP`.
pub(super) fn counter(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    read_named(reader, line, MetricKind::Counter);
}

/// Reads the arguments of a metric whose KEY and FIELD are words.
fn read_named(reader: &mut Reader<'_, '_>, line: &Line<'_>, kind: MetricKind) {
    let Some((metric, map_name, &[key, field, help])) = reader.split_metric(line.args) else {
        reader.wrong_count(line);
        return;
    };
    let Some(full_name) = reader.metric_name(line.name, metric) else {
        return;
    };
    let metric = Metric {
        at: line.name,
        name: full_name,
        kind,
        map: reader.resolve_map(line.name, map_name),
        key: heapless::Vec::new(),
        number: Number::little_endian(0, 0),
        help: reader.text(help).to_owned(),
        words: Some((key, field)),
    };
    reader.parts.metrics.push(metric);
}

impl Reader<'_, '_> {
    /// Splits the arguments into NAME, `@MAP` if present, and the remaining words.
    fn split_metric<'t, const N: usize>(
        &self,
        args: &'t [Token],
    ) -> Option<(Token, Option<Token>, &'t [Token; N])> {
        let (name, rest) = args.split_first()?;
        let (map_name, rest) = self.split_map(rest);
        Some((*name, map_name, rest.try_into().ok()?))
    }

    /// The metric's full name. Reports an error for an invalid name, and for one that is in use.
    fn metric_name(&mut self, line: Token, token: Token) -> Option<String> {
        let option = self.text(line);
        let text = self.text(token);
        let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if text.is_empty() || !text.chars().all(is_valid) {
            self.faults.add(
                token,
                option,
                format!(
                    "{} is not a metric name; use letters, digits, `_` and `:`",
                    Quoted(text)
                ),
            );
            return None;
        }
        let full = format!("coredns_ebpf_{text}");
        if self.names.metrics.contains(&full) {
            self.faults.add(
                token,
                option,
                format!(
                    "{} is the name of another metric already; names are unique",
                    Plain(text)
                ),
            );
            return None;
        }
        // One name past the limit suffices for the error. A search in more names would take quadratic time.
        if self.names.metrics.len() <= MAX_METRICS {
            self.names.metrics.push(full.clone());
        }
        Some(full)
    }

    /// The whole number in `token`. Reports an error for any other word, and for a number outside of `range`.
    fn number(
        &mut self,
        token: Token,
        operand: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Option<usize> {
        let number = self
            .text(token)
            .parse()
            .ok()
            .filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            let message = format!(
                "{operand} is {}; write a number from {low} to {high}",
                self.quote(token)
            );
            self.faults.add(token, "metric", message);
        }
        number
    }
}

/// Type of a metric in Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that rises and falls.
    Gauge,
    /// A number that only rises.
    Counter,
}

impl MetricKind {
    /// Name of the type in the exposition format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}
