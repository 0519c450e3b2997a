//! Packets and bytes by verdict, counted by the frame around a program.

use std::fmt;
use std::os::fd::AsFd as _;

use super::readings::{Counted, Growth, Reading};
use super::{Overview, prometheus};
use crate::base::capacity::MAX_FILTERS;
use crate::base::text::Text;
use crate::config::MetricKind;
use crate::filter::{Filter, Stage};
use crate::kernel::info;
use crate::kernel::map::Shape;
use crate::object::frame::{TOTAL_SIZE, VERDICTS as COUNTERS, lost_samples};

/// Labels of the verdicts in the order of the views, with their numbers in `enum xdp_action`.
const VERDICTS: [(&str, usize); 5] = [
    ("pass", 2),
    ("drop", 1),
    ("tx", 3),
    ("redirect", 4),
    (FAULT, 0),
];
pub(super) const FAULT: &str = "aborted";

/// Packets and bytes of one verdict since the creation of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VerdictTotals {
    pub(super) verdict: &'static str,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl VerdictTotals {
    /// True for `pass` and `drop`, which nearly every program returns.
    pub(super) fn is_usual(&self) -> bool {
        ["pass", "drop"].contains(&self.verdict)
    }

    /// True for `aborted`: packets that were dropped because the program failed.
    pub(super) fn is_fault(&self) -> bool {
        self.verdict == FAULT
    }
}

/// The totals of a stage, in the order of [`VERDICTS`].
pub(super) type Totals = [VerdictTotals; VERDICTS.len()];

/// Selects packets or bytes.
type Number = fn(&VerdictTotals) -> u64;

/// The sums over all CPUs of `copied`, a value of the map of counters. Verdicts above `XDP_REDIRECT` count as aborted: the
/// kernel treats them so.
fn sum(shape: &Shape, copied: &[u8]) -> Totals {
    let mut totals = VERDICTS.map(|(verdict, _)| VerdictTotals {
        verdict,
        ..VerdictTotals::default()
    });
    for counters in shape.values(copied) {
        let counters = counters.chunks_exact(TOTAL_SIZE).take(COUNTERS);
        for (number, counter) in counters.enumerate() {
            let at = VERDICTS.iter().position(|(_, known)| *known == number);
            let total = totals.get_mut(at.unwrap_or(VERDICTS.len() - 1));
            if let (Some(total), ([packets, bytes], _)) = (total, counter.as_chunks()) {
                total.packets = total.packets.wrapping_add(u64::from_ne_bytes(*packets));
                total.bytes = total.bytes.wrapping_add(u64::from_ne_bytes(*bytes));
            }
        }
    }
    totals
}

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
        let stages = self
            .filters
            .iter()
            .flat_map(|filter| filter.stages().map(move |stage| (filter, stage)));
        let counted =
            stages.filter_map(|(filter, stage)| Some((filter, stage, self.totals(stage)?)));
        let counted: heapless::Vec<_, MAX_FILTERS> = counted.collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::MapKind;

    #[test]
    fn sum_adds_all_cpus() {
        let shape = Shape {
            kind: MapKind::PERCPU_ARRAY,
            key_size: 4,
            value_size: COUNTERS * TOTAL_SIZE,
            max_entries: 1,
            cpus: 2,
        };
        // The first CPU has the numbers 1, 2, 3, ..., and the second CPU has these numbers times 100.
        let numbers = [1, 100].map(|factor| (1..=2 * COUNTERS as u64).map(move |n| n * factor));
        let copied: Vec<u8> = numbers
            .into_iter()
            .flatten()
            .flat_map(u64::to_ne_bytes)
            .collect();
        let shown = sum(&shape, &copied).map(|total| (total.verdict, total.packets, total.bytes));
        let expected = [
            ("pass", 505, 606),
            ("drop", 303, 404),
            ("tx", 707, 808),
            ("redirect", 909, 1010),
            // Numbers of `XDP_ABORTED`, then of unknown verdicts, each the sum of factors 1 and 100.
            ("aborted", 101 + 1111, 202 + 1212),
        ];
        assert_eq!(shown, expected);
    }
}
