//! Packets and bytes by verdict, which the frame around a program counts.

use std::fmt;

use serde::Serialize;

use super::{Overview, prometheus};
use crate::base::capacity::MAX_FILTERS;
use crate::base::text::Text;
use crate::config::MetricKind;
use crate::filter::Filter;
use crate::kernel::map::Shape;
use crate::object::frame::TOTAL_SIZE;

/// Names of the verdicts on all pages, with their numbers in `enum xdp_action`.
const VERDICTS: [(&str, usize); 5] = [
    ("pass", 2),
    ("drop", 1),
    ("tx", 3),
    ("redirect", 4),
    (FAULT, 0),
];
const FAULT: &str = "aborted";

/// Packets and bytes of one verdict since the counters exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct VerdictTotals {
    pub(super) verdict: &'static str,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl VerdictTotals {
    /// True for the verdicts that nearly every program has.
    pub(super) fn is_usual(&self) -> bool {
        ["pass", "drop"].contains(&self.verdict)
    }

    /// True for packets that the program dropped by a fault of its own.
    pub(super) fn is_fault(&self) -> bool {
        self.verdict == FAULT
    }
}

/// The totals of a filter, in the order of [`VERDICTS`].
pub(super) type Totals = [VerdictTotals; VERDICTS.len()];

/// Picks one number of a verdict.
type Number = fn(&VerdictTotals) -> u64;

/// The sums over CPUs of a copied value of the counters. Verdicts above `XDP_REDIRECT` are aborted packets, as in the
/// kernel.
fn sum(shape: &Shape, copied: &[u8]) -> Totals {
    let mut totals = VERDICTS.map(|(verdict, _)| VerdictTotals {
        verdict,
        ..VerdictTotals::default()
    });
    for counters in shape.values(copied) {
        for (number, counter) in counters.chunks_exact(TOTAL_SIZE).enumerate() {
            let numbers = VERDICTS.map(|(_, number)| number);
            let at = numbers.iter().position(|known| *known == number);
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
    /// The totals of a filter; `None` for a program without a frame, and for counters that cannot be read.
    pub(super) fn totals(&mut self, filter: &Filter) -> Option<Totals> {
        let map = filter.totals()?;
        let found = self.scan.value(map, &0_u32.to_ne_bytes());
        *self.read_errors += u64::from(found.is_err());
        Some(sum(map.shape(), found.ok()??))
    }

    /// Writes the packets and bytes of each filter by verdict.
    pub(super) fn verdict_metrics(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let filters = self.filters;
        // Read once, so that packets and bytes match.
        let counted = filters
            .iter()
            .filter_map(|filter| Some((filter, self.totals(filter)?)));
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
            for (filter, totals) in &counted {
                for total in totals {
                    let labels = [
                        ("interface", filter.interface.as_str()),
                        ("program", filter.object.as_str()),
                        ("verdict", total.verdict),
                    ];
                    prometheus::sample(text, name, &labels, number(total))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::MapKind;
    use crate::object::frame::VERDICTS as COUNTERS;

    #[test]
    fn numbers_of_all_cpus_are_added() {
        let shape = Shape {
            kind: MapKind::PERCPU_ARRAY,
            key_size: 4,
            value_size: COUNTERS * TOTAL_SIZE,
            max_entries: 1,
            cpus: 2,
        };
        // The first CPU counted 1, 2, 3, ... packets and bytes, and the second CPU a hundred times as many.
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
            // XDP_ABORTED, 1 packet of 2 bytes, and greater numbers, 11 of 12.
            ("aborted", 101 + 1111, 202 + 1212),
        ];
        assert_eq!(shown, expected);
    }
}
