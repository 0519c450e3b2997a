//! Packets and bytes by verdict, counted by the frame around a program.

use std::fmt;
use std::os::fd::AsFd as _;

use super::readings::{Counted, Growth, Reading};
use super::totals::{Totals, VerdictTotals, sum};
use super::{Overview, prometheus};
use crate::base::capacity::MAX_FILTERS;
use crate::base::text::Text;
use crate::config::MetricKind;
use crate::filter::{Filter, Stage};
use crate::kernel::info;
use crate::object::frame::lost_samples;

/// Selects packets or bytes.
type Number = fn(&VerdictTotals) -> u64;

impl Overview<'_> {
    /// Reads the counters of all programs, so that a view shows numbers of one time. Each view calls this first.
    pub(super) fn read_totals(&mut self) {
        let mut reading = Reading::now();
        for stage in self.filters.iter().flat_map(Filter::stages) {
            if let Some(map) = stage.totals() {
                let found = self.scan.value(map, &0_u32.to_ne_bytes());
                *self.read_errors += u64::from(found.is_err());
                if let Ok(Some(copied)) = found {
                    let shape = map.shape();
                    let lost = || shape.values(copied).map(lost_samples).sum();
                    let counted = Counted::new(stage.program.info.id, sum(shape, copied))
                        .in_map(info::map_id(map.fd().as_fd()).ok())
                        .with_lost(stage.can_sample().then(lost));
                    reading.push(counted);
                }
            }
        }
        self.readings.add(reading);
    }

    /// The totals of a stage; `None` if its program has no frame, or if the counters could not be read.
    pub(super) fn totals(&self, stage: &Stage) -> Option<&Totals> {
        self.readings.totals(stage.program.info.id)
    }

    /// Number of a stage's samples that were lost; `None` if its frame cannot sample.
    pub(super) fn lost_samples(&self, stage: &Stage) -> Option<u64> {
        self.readings.lost_samples(stage.program.info.id)
    }

    /// Growth of a stage's verdict since an earlier reading; `None` without such a reading.
    pub(super) fn growth(&self, stage: &Stage, total: &VerdictTotals) -> Option<Growth> {
        self.readings.growth(stage.program.info.id, total.verdict)
    }

    /// Writes the packets and bytes of each stage by verdict, and the number of its lost samples.
    pub(super) fn verdict_metrics(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let mut counted = heapless::Vec::<_, MAX_FILTERS>::new();
        for filter in self.filters {
            for stage in filter.stages() {
                if let Some(totals) = self.totals(stage) {
                    // Cannot fail: each stage is a block of the Corefile, which has no more.
                    let _ = counted.push((filter, stage, totals));
                }
            }
        }
        if counted.is_empty() {
            return Ok(());
        }
        let packets = |total: &VerdictTotals| total.packets;
        let bytes = |total: &VerdictTotals| total.bytes;
        let metrics: [(&str, &str, Number); 2] = [
            (
                "corexdp_packets_total",
                "Packets by verdict of the program.",
                packets,
            ),
            (
                "corexdp_bytes_total",
                "Bytes of these packets, as the program left them.",
                bytes,
            ),
        ];
        for (name, help, number) in metrics {
            prometheus::head(text, name, MetricKind::Counter, help)?;
            for (filter, stage, totals) in &counted {
                for total in *totals {
                    let labels = [
                        ("interface", filter.interface.as_str()),
                        ("program", stage.object.as_str()),
                        ("verdict", total.verdict),
                    ];
                    prometheus::sample(text, name, &labels, number(total))?;
                }
            }
        }
        let name = "corexdp_samples_lost_total";
        let help = "Samples of packets that found the ring buffer full.";
        prometheus::head(text, name, MetricKind::Counter, help)?;
        for (filter, stage, _) in &counted {
            let labels = [
                ("interface", filter.interface.as_str()),
                ("program", stage.object.as_str()),
            ];
            if let Some(lost) = self.lost_samples(stage) {
                prometheus::sample(text, name, &labels, lost)?;
            }
        }
        Ok(())
    }
}
