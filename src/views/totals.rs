//! Packets and bytes of a program by verdict.

use crate::kernel::map::Shape;
use crate::object::frame::{TOTAL_SIZE, VERDICTS as COUNTERS};

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

/// The sums over all CPUs of `copied`, a value of the map of counters. Verdicts above `XDP_REDIRECT` count as aborted: the
/// kernel treats them so.
pub(super) fn sum(shape: &Shape, copied: &[u8]) -> Totals {
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
