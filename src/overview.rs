//! What the page says: `/metrics` for Prometheus, `/` for a person.

use std::fmt::{self, Write};

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
    /// How often a value could not be read since the start.
    pub read_errors: &'a mut u64,
    /// The process itself.
    pub process: &'a process::Birth,
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
            for metric in &filter.metrics {
                let value = self.value(filter, metric);
                metrics::head(text, &metric.name, Kind::Gauge, &metric.help)?;
                metrics::sample(text, &metric.name, &[], value)?;
            }
        }
        Ok(())
    }

    /// A metric's value now: the sum over CPUs, 0 for a key that is not in the map.
    fn value(&mut self, filter: &Filter, metric: &crate::config::Metric) -> u64 {
        let Some(map) = &filter.map else {
            return 0;
        };
        let number = |value: &[u8]| metrics::number(value, metric.position, metric.length);
        let Ok(copied) = self.scan.value(map, &metric.key) else {
            *self.read_errors += 1;
            return 0;
        };
        let values = map.shape().values(copied.unwrap_or_default());
        values.map(number).fold(0, u64::wrapping_add)
    }

    /// Entries in a filter's map now.
    fn entries(&mut self, filter: &Filter) -> u64 {
        let Some(map) = &filter.map else {
            return 0;
        };
        if map.shape().kind.is_array() {
            return u64::from(map.shape().max_entries);
        }
        self.scan.each(map, |_, _| {}).unwrap_or_else(|_| {
            *self.read_errors += 1;
            0
        })
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
            let mode = match filter.attachment.mode {
                crate::kernel::attach::Mode::Native => "native",
                crate::kernel::attach::Mode::Generic => "generic",
                crate::kernel::attach::Mode::Offload => "offload",
            };
            let labels = [("interface", filter.interface.as_str()), ("mode", mode)];
            metrics::sample(text, "corexdp_filter_attached", &labels, 1)?;
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
        self.process.metrics(text)
    }

    fn maps(&mut self, text: &mut Text<'_>) -> fmt::Result {
        metrics::head(
            text,
            "corexdp_map_entries",
            Kind::Gauge,
            "Entries in the filter's map.",
        )?;
        for filter in self.filters.iter().filter(|filter| filter.map.is_some()) {
            let labels = [("interface", filter.interface.as_str()), ("map", MAP)];
            metrics::sample(text, "corexdp_map_entries", &labels, self.entries(filter))?;
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
            let Filter {
                interface,
                program,
                attachment,
                ..
            } = filter;
            write!(
                text,
                "<li>{}: {}, program {}, {} mode",
                Html(interface),
                Html(&program.name),
                program.id,
                attachment.mode
            )?;
            if let Some(reason) = &filter.reason {
                write!(text, " ({})", Html(reason))?;
            }
            text.write_str("<table>\n")?;
            for metric in &filter.metrics {
                let value = self.value(filter, metric);
                writeln!(
                    text,
                    "<tr><td>{}<td>{}<td>{value}",
                    Html(&metric.help),
                    Html(&metric.name)
                )?;
            }
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
