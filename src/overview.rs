//! What the page says: `/metrics` for Prometheus, `/` for a person.

use std::fmt::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;

use crate::config::Metric;
use crate::filter::Filter;
use crate::kernel::scan::Scan;
use crate::metrics::{self, Kind, Text};
use crate::plan::MAP;
use crate::process;

/// The filters, and what is needed to read their maps.
#[derive(Debug)]
pub struct Overview<'a> {
    /// What runs.
    pub filters: &'a [Filter],
    /// Buffers.
    pub scan: &'a mut Scan,
    /// What was counted last, filter by filter.
    pub counts: &'a mut [Count],
    /// How often a value could not be read since the start.
    pub read_errors: &'a mut u64,
    /// How the reloads went.
    pub reloads: &'a Reloads,
    /// The process itself.
    pub process: &'a process::Birth,
}

/// How the reloads went since the start.
#[derive(Clone, Copy, Debug)]
pub struct Reloads {
    /// How many took effect.
    pub successes: u64,
    /// How many changed nothing, since something was wrong.
    pub failures: u64,
    /// When the Corefile that runs was read.
    pub last_success: SystemTime,
}

impl Default for Reloads {
    fn default() -> Self {
        Self {
            successes: 0,
            failures: 0,
            last_success: SystemTime::now(),
        }
    }
}

impl Reloads {
    fn metrics(&self, text: &mut impl Write) -> fmt::Result {
        let name = "corexdp_reloads_total";
        let help = "Reloads since the start; one that fails changes nothing.";
        metrics::head(text, name, Kind::Counter, help)?;
        for (result, count) in [("success", self.successes), ("failure", self.failures)] {
            metrics::sample(text, name, &[("result", result)], count)?;
        }
        let name = "corexdp_last_reload_success_timestamp_seconds";
        let help = "When the Corefile that runs was read, in seconds since 1970.";
        let since = self.last_success.duration_since(UNIX_EPOCH);
        metrics::head(text, name, Kind::Gauge, help)?;
        metrics::sample(text, name, &[], since.unwrap_or_default().as_secs())
    }
}

/// How many entries a map had when they were last counted.
///
/// The kernel does not tell; all entries must be walked, which takes 50 ms for 100,000. So no more than a hundredth of
/// the time goes into counting: a scrape every few seconds gets a new count, a flood of them does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    entries: u64,
    cost: Duration,
    at: Option<Instant>,
}

impl Count {
    fn renew(&mut self, count: impl FnOnce() -> Result<u64, Errno>) -> Result<(), Errno> {
        let begin = Instant::now();
        let rest = self.cost.saturating_mul(100);
        if self.at.is_some_and(|at| begin.duration_since(at) < rest) {
            return Ok(());
        }
        self.entries = count()?;
        self.cost = begin.elapsed();
        self.at = Some(Instant::now());
        Ok(())
    }
}

impl Overview<'_> {
    /// Writes `/metrics`; how long it is, or `None` when it does not fit.
    pub fn metrics(&mut self, page: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(page);
        self.operators(&mut text)
            .and_then(|()| self.own(&mut text))
            .ok()?;
        Some(text.len())
    }

    /// The metrics that the Corefile names.
    fn operators(&mut self, text: &mut Text<'_>) -> fmt::Result {
        for filter in self.filters {
            self.numbers(filter, |metric, number| {
                metrics::head(text, &metric.name, Kind::Gauge, &metric.help)?;
                metrics::sample(text, &metric.name, &[], number)
            })?;
        }
        Ok(())
    }

    /// Gives each metric of a filter and its number now to `write`: the sum over CPUs, 0 for a key that is not in the
    /// map. Metrics of one key that stand together are of one reading.
    fn numbers(
        &mut self,
        filter: &Filter,
        mut write: impl FnMut(&Metric, u64) -> fmt::Result,
    ) -> fmt::Result {
        let Some(map) = &filter.map else {
            return Ok(());
        };
        let mut key = None;
        let mut copied: &[u8] = &[];
        for metric in &filter.metrics {
            if key != Some(&metric.key) {
                key = Some(&metric.key);
                let found = self.scan.value(map, &metric.key);
                *self.read_errors += u64::from(found.is_err());
                copied = found.ok().flatten().unwrap_or_default();
            }
            let number = |value: &[u8]| metrics::number(value, metric.position, metric.length);
            let values = map.shape().values(copied);
            write(metric, values.map(number).fold(0, u64::wrapping_add))?;
        }
        Ok(())
    }

    /// Entries in a filter's map. An array is always full; others are counted, but see [`Count`].
    fn entries(&mut self, index: usize, filter: &Filter) -> u64 {
        let Some(map) = &filter.map else {
            return 0;
        };
        if map.shape().kind.is_array() {
            return u64::from(map.shape().max_entries);
        }
        let Some(count) = self.counts.get_mut(index) else {
            return 0;
        };
        let counted = count.renew(|| self.scan.each(map, |_, _| {}));
        if counted.is_err() {
            *self.read_errors += 1;
        }
        count.entries
    }

    fn own(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        metrics::head(
            text,
            "corexdp_build_info",
            Kind::Gauge,
            "Always 1; the version is a label.",
        )?;
        metrics::sample(text, "corexdp_build_info", &version, 1)?;
        metrics::head(
            text,
            "corexdp_filter_attached",
            Kind::Gauge,
            "Whether the filter is attached to its interface.",
        )?;
        for filter in self.filters {
            let attachment = filter.attachment();
            let mode = attachment.map_or("none", |attachment| attachment.mode.name());
            let labels = [("interface", filter.interface.as_str()), ("mode", mode)];
            let attached = u8::from(attachment.is_some());
            metrics::sample(text, "corexdp_filter_attached", &labels, attached)?;
        }
        self.maps(text)?;
        metrics::head(
            text,
            "corexdp_metric_read_errors_total",
            Kind::Counter,
            "Map values that could not be read.",
        )?;
        metrics::sample(
            text,
            "corexdp_metric_read_errors_total",
            &[],
            *self.read_errors,
        )?;
        self.reloads.metrics(text)?;
        self.process.metrics(text)
    }

    fn maps(&mut self, text: &mut Text<'_>) -> fmt::Result {
        metrics::head(
            text,
            "corexdp_map_entries",
            Kind::Gauge,
            "Entries in the filter's map.",
        )?;
        for (index, filter) in self.filters.iter().enumerate() {
            if filter.map.is_none() {
                continue;
            }
            let labels = [("interface", filter.interface.as_str()), ("map", MAP)];
            metrics::sample(
                text,
                "corexdp_map_entries",
                &labels,
                self.entries(index, filter),
            )?;
        }
        metrics::head(
            text,
            "corexdp_map_capacity",
            Kind::Gauge,
            "Entries that the filter's map has room for.",
        )?;
        for filter in self.filters {
            let labels = [("interface", filter.interface.as_str()), ("map", MAP)];
            if let Some(map) = &filter.map {
                metrics::sample(
                    text,
                    "corexdp_map_capacity",
                    &labels,
                    map.shape().max_entries,
                )?;
            }
        }
        Ok(())
    }

    /// Writes `/`; how long it is, or `None` when it does not fit.
    pub fn page(&mut self, page: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(page);
        self.html(&mut text).ok()?;
        Some(text.len())
    }

    fn html(&mut self, text: &mut Text<'_>) -> fmt::Result {
        text.write_str("<!doctype html><html lang=en><meta charset=utf-8><title>corexdp</title><h1>corexdp</h1><ul>\n")?;
        for filter in self.filters {
            let program = &filter.program.info;
            let (interface, name) = (Html(&filter.interface), Html(&program.name));
            write!(text, "<li>{interface}: {name}, program {}, ", program.id)?;
            match filter.attachment() {
                Some(attachment) => write!(text, "{} mode", attachment.mode)?,
                None => text.write_str("not attached")?,
            }
            if let Some(reason) = filter.reason() {
                write!(text, " ({})", Html(reason))?;
            }
            text.write_str("<table>\n")?;
            self.numbers(filter, |metric, number| {
                writeln!(
                    text,
                    "<tr><td>{}<td>{}<td>{number}",
                    Html(&metric.help),
                    Html(&metric.name)
                )
            })?;
            text.write_str("</table>\n")?;
        }
        text.write_str("</ul><p><a href=/metrics>metrics</a>\n")
    }
}

/// Text as HTML shows it.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_was_dear_is_kept_for_a_while() {
        let mut count = Count::default();
        let dear = || {
            std::thread::sleep(Duration::from_millis(20));
            Ok(7)
        };
        count.renew(dear).unwrap();
        count.renew(|| Ok(8)).unwrap();
        assert_eq!(count.entries, 7);
        count.cost = Duration::ZERO;
        count.renew(|| Ok(9)).unwrap();
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn html_keeps_marks_from_being_read() {
        assert_eq!(
            Html("<a & \"b\">").to_string(),
            "&lt;a &amp; &quot;b&quot;&gt;"
        );
    }
}
