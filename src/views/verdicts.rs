//! Packets and bytes by verdict, counted by the frame around a program.

use std::fmt;
use std::os::fd::AsFd as _;

use super::readings::{Growth, Reading};
use super::totals::{Totals, VerdictTotals, sum};
use super::{Overview, prometheus};
use crate::base::capacity::MAX_FILTERS;
use crate::base::text::Text;
use crate::config::MetricKind;
use crate::filter::Filter;
use crate::kernel::info;

/// Selects packets or bytes.
type Number = fn(&VerdictTotals) -> u64;

impl Overview<'_> {
    /// Reads the counters of all programs, so that a view shows numbers of one time. Each view calls this first.
    pub(super) fn read_totals(&mut self) {
        let mut reading = Reading::now();
        for filter in self.filters {
            if let Some(map) = filter.totals() {
                let found = self.scan.value(map, &0_u32.to_ne_bytes());
                *self.read_errors += u64::from(found.is_err());
                if let Ok(Some(copied)) = found {
                    let id = info::map_id(map.fd().as_fd()).ok();
                    reading.push(filter.program.info.id, id, sum(map.shape(), copied));
                }
            }
        }
        self.readings.add(reading);
    }

    /// The totals of a filter; `None` if its program has no frame, or if the counters could not be read.
    pub(super) fn totals(&self, filter: &Filter) -> Option<&Totals> {
        self.readings.totals(filter.program.info.id)
    }

    /// Growth of a filter's verdict since an earlier reading; `None` without such a reading.
    pub(super) fn growth(&self, filter: &Filter, total: &VerdictTotals) -> Option<Growth> {
        self.readings.growth(filter.program.info.id, total.verdict)
    }

    /// Writes the packets and bytes of each filter by verdict.
    pub(super) fn verdict_metrics(&mut self, text: &mut Text<'_>) -> fmt::Result {
        let filters = self.filters.iter();
        let counted = filters.filter_map(|filter| Some((filter, self.totals(filter)?)));
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
                for total in *totals {
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
