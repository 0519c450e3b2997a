//! Views of the daemon: `/metrics` for Prometheus, `/` for browsers, `/status` for `corexdp status`.

mod config_info;
mod html;
mod json;
pub mod listeners;
mod lists;
mod markup;
pub mod process;
pub mod prometheus;
mod readings;
mod reloads;
mod totals;
mod verdicts;

use std::fmt;
use std::time::Instant;

use crate::base::text::Text;
use crate::config::Metric;
use crate::config::MetricKind;
use crate::encode::integer::Total;
use crate::filter::{Content, Filter, ReadMap, Stage};
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::plan::Source;

use listeners::{ListenerState, MAX_LISTENERS};
pub use markup::POLICY;
pub use readings::Readings;
pub use reloads::Reloads;

/// Input of all views: the filters, their maps, and the state of the daemon.
#[derive(Debug)]
pub struct Overview<'a> {
    /// Running filters.
    pub filters: &'a [Filter],
    /// Buffers for reading maps.
    pub scan: &'a mut Scan,
    /// Number of map values that could not be read since the start.
    pub read_errors: &'a mut u64,
    /// Readings of the verdict counters.
    pub readings: &'a mut Readings,
    /// Results of reloads.
    pub reloads: &'a Reloads,
    /// Start time and id of the process.
    pub process: &'a process::ProcessStart,
    /// Source of the Corefile.
    pub source: &'a Source,
    /// Addresses of page, health and ready, and the control socket.
    pub listeners: heapless::Vec<ListenerState, MAX_LISTENERS>,
    /// Deadline of the pending confirmation.
    pub confirm: Option<Instant>,
    /// The file on trial.
    pub trial: Option<&'a Source>,
    /// The fallback, if it runs because the Corefile is refused.
    pub fallback: Option<&'a Source>,
    /// SHA-256 of the Corefile that runs.
    pub sha256: [u32; 8],
    /// Log, whose last messages `/` shows.
    pub log: &'a Log,
}

impl Overview<'_> {
    /// Writes `/metrics` and returns its length in bytes; `None` if the text does not fit.
    pub fn metrics(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(buffer);
        self.read_totals();
        self.configured_metrics(&mut text)
            .and_then(|()| self.daemon_metrics(&mut text))
            .ok()?;
        Some(text.len())
    }

    /// Whole seconds left for the pending confirmation.
    fn confirm_within(&self) -> Option<u64> {
        let until = self.confirm?;
        Some(until.saturating_duration_since(Instant::now()).as_secs())
    }

    /// Path of the file on trial; `None` for a path that is not UTF-8.
    fn trial_name(&self) -> Option<&str> {
        self.trial?.name()
    }

    /// Writes the metrics of the Corefile.
    fn configured_metrics(&mut self, text: &mut Text<'_>) -> fmt::Result {
        for stage in self.filters.iter().flat_map(Filter::stages) {
            self.each_metric(stage, |metric, number| {
                prometheus::head(text, &metric.name, metric.kind, &metric.help)?;
                prometheus::sample(text, &metric.name, &[], number)
            })?;
        }
        Ok(())
    }

    /// Calls `write` with each metric of a stage and its value: the sum over CPUs, or 0 for a key that the map lacks. A
    /// value that cannot be read is omitted and counted as a read error: a wrong value would be worse than no value.
    fn each_metric<'f>(
        &mut self,
        stage: &'f Stage,
        mut write: impl FnMut(&'f Metric, Total) -> fmt::Result,
    ) -> fmt::Result {
        for (read, metrics) in stage.metrics_by_map() {
            self.each_metric_of_map(&read.content, metrics, &mut write)?;
        }
        Ok(())
    }

    fn each_metric_of_map<'f>(
        &mut self,
        map: &Content,
        metrics: &'f [Metric],
        write: &mut dyn FnMut(&'f Metric, Total) -> fmt::Result,
    ) -> fmt::Result {
        let total =
            |metric: &Metric, copied: &[u8]| metric.number.total(map.shape().values(copied));
        // A batch read of the whole array is faster than single lookups if at least an eighth of its values is used.
        if map.shape().max_entries as usize <= 8 * metrics.len()
            && let Some(all) = map.array(self.scan)
        {
            return metrics
                .iter()
                .try_for_each(|metric| write(metric, total(metric, all.get(&metric.key))));
        }
        let mut key = None;
        let mut copied: Option<&[u8]> = None;
        for metric in metrics {
            // Successive metrics of one key share a lookup.
            if key != Some(&metric.key) {
                key = Some(&metric.key);
                let found = map.value(&metric.key, self.scan);
                *self.read_errors += u64::from(found.is_err());
                copied = found.ok().map(Option::unwrap_or_default);
            }
            if let Some(copied) = copied {
                write(metric, total(metric, copied))?;
            }
        }
        Ok(())
    }

    /// Number of entries in a map of `stage`; `None` if the map cannot be read.
    fn entries(&mut self, stage: &Stage, read: &ReadMap) -> Option<u64> {
        let decisions = stage.decisions(&read.name);
        let counted = read.entries(stage.changes_maps, decisions, self.scan);
        *self.read_errors += u64::from(counted.is_err());
        counted.ok()
    }

    /// Writes the version, and the attachment of each filter.
    fn filter_metrics(&self, text: &mut Text<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        prometheus::head(
            text,
            "corexdp_build_info",
            MetricKind::Gauge,
            "Always 1; the version is a label.",
        )?;
        prometheus::sample(text, "corexdp_build_info", &version, 1)?;
        self.config_info(text)?;
        prometheus::head(
            text,
            "corexdp_filter_attached",
            MetricKind::Gauge,
            "1 if the filter is attached to its interface, else 0.",
        )?;
        for filter in self.filters {
            let attachment = filter.attachment();
            let mode = attachment.map_or("none", |attachment| attachment.mode.name());
            let labels = [("interface", filter.interface.as_str()), ("mode", mode)];
            let attached = u8::from(attachment.is_some());
            prometheus::sample(text, "corexdp_filter_attached", &labels, attached)?;
        }
        let name = "corexdp_filter_reattached_total";
        let help = "Times the filter was attached again: its interface had disappeared, or another process had detached the program.";
        prometheus::head(text, name, MetricKind::Counter, help)?;
        for filter in self.filters {
            let labels = [("interface", filter.interface.as_str())];
            prometheus::sample(text, name, &labels, filter.reattached)?;
        }
        Ok(())
    }

    /// Writes the metrics of the daemon itself.
    fn daemon_metrics(&mut self, text: &mut Text<'_>) -> fmt::Result {
        self.filter_metrics(text)?;
        self.verdict_metrics(text)?;
        self.lost_answers(text)?;
        self.maps(text)?;
        self.list_metrics(text)?;
        listeners::metrics(&self.listeners, text)?;
        prometheus::head(
            text,
            "corexdp_metric_read_errors_total",
            MetricKind::Counter,
            "Map values that could not be read.",
        )?;
        prometheus::sample(
            text,
            "corexdp_metric_read_errors_total",
            &[],
            *self.read_errors,
        )?;
        self.reloads.metrics(text)?;
        let name = "corexdp_confirm_pending";
        let help = "1 while a start or reload waits for `corexdp confirm`, else 0.";
        prometheus::head(text, name, MetricKind::Gauge, help)?;
        prometheus::sample(text, name, &[], u8::from(self.confirm.is_some()))?;
        #[cfg(feature = "faults")]
        prometheus::head(
            text,
            "corexdp_allocations_total",
            MetricKind::Counter,
            "In test builds.",
        )?;
        #[cfg(feature = "faults")]
        prometheus::sample(
            text,
            "corexdp_allocations_total",
            &[],
            crate::kernel::allocations::count(),
        )?;
        self.process.metrics(text)
    }

    /// Writes the drivers' counters of lost packets, for filters whose driver has such counters.
    fn lost_answers(&self, text: &mut Text<'_>) -> fmt::Result {
        let name = "corexdp_xdp_tx_errors_total";
        let help = "Packets that the filter sent back (XDP_TX) and the driver lost.";
        let has_counters = |filter: &Filter| filter.lost_answers().is_some();
        if self.filters.iter().any(has_counters) {
            prometheus::head(text, name, MetricKind::Counter, help)?;
        }
        for filter in self.filters {
            if let Some(lost) = filter.lost_answers() {
                let labels = [("interface", filter.interface.as_str())];
                prometheus::sample(text, name, &labels, lost)?;
            }
        }
        Ok(())
    }

    /// Writes the number of entries and the capacity of each map.
    fn maps(&mut self, text: &mut Text<'_>) -> fmt::Result {
        prometheus::head(
            text,
            "corexdp_map_entries",
            MetricKind::Gauge,
            "Entries in the filter's map.",
        )?;
        let filters = self.filters;
        for (filter, stage, read) in filters.iter().flat_map(maps_of) {
            if let Some(entries) = self.entries(stage, read) {
                let labels = map_labels(filter, stage, &read.name);
                prometheus::sample(text, "corexdp_map_entries", &labels, entries)?;
            }
        }
        prometheus::head(
            text,
            "corexdp_map_capacity",
            MetricKind::Gauge,
            "Entries that the filter's map has room for.",
        )?;
        for (filter, stage, read) in filters.iter().flat_map(maps_of) {
            let capacity = read.content.shape().max_entries;
            let labels = map_labels(filter, stage, &read.name);
            prometheus::sample(text, "corexdp_map_capacity", &labels, capacity)?;
        }
        prometheus::head(
            text,
            "corexdp_decisions",
            MetricKind::Gauge,
            "Entries in the filter's map that `corexdp add` added.",
        )?;
        for (filter, stage, read) in filters.iter().flat_map(maps_of) {
            let labels = map_labels(filter, stage, &read.name);
            let decisions = stage.decisions(&read.name);
            prometheus::sample(text, "corexdp_decisions", &labels, decisions)?;
        }
        Ok(())
    }
}

/// Each map that the daemon reads, with its filter and stage.
fn maps_of<'a>(filter: &'a Filter) -> impl Iterator<Item = (&'a Filter, &'a Stage, &'a ReadMap)> {
    let of_stage = move |stage: &'a Stage| {
        let maps = stage.read_maps.iter();
        maps.map(move |read| (filter, stage, read))
    };
    filter.stages().flat_map(of_stage)
}

/// The labels of a map. Maps of several stages may have the same name, so a chain needs the label `program`.
fn map_labels<'a>(
    filter: &'a Filter,
    stage: &'a Stage,
    map: &'a str,
) -> heapless::Vec<(&'static str, &'a str), 3> {
    let mut labels = heapless::Vec::new();
    let program = ("program", stage.object.as_str());
    let interface = ("interface", filter.interface.as_str());
    let all = [interface, program, ("map", map)];
    let is_chain = !filter.behind.is_empty();
    // Cannot fail: the capacity is that of the array.
    labels.extend(
        all.into_iter()
            .filter(|label| is_chain || *label != program),
    );
    labels
}
