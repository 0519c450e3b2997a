//! The table of packets and bytes by verdict.

use super::columns::{Columns, cells, head, with, word};
use super::table::Table;
use crate::base::json::Value;

/// Packets and bytes of a verdict, and with `--measure` their rates.
const VERDICTS: Columns = &[
    ("verdict", "verdict"),
    ("packets", "packets"),
    ("bytes", "bytes"),
];
const RATES: Columns = &[
    ("packets/s", "packets_per_second"),
    ("bytes/s", "bytes_per_second"),
];

/// Packets and bytes of each verdict that a packet had.
pub(super) fn table(status: &Value) -> Table {
    let measured = status.get("measured");
    let mut table = Table::default();
    head(&mut table, &[("object", "object")]);
    let rates = match measured {
        Value::Null => &[],
        _ => RATES,
    };
    for (heading, _) in VERDICTS.iter().chain(rates) {
        table.cell(heading, None);
    }
    for filter in status.get("filters").list() {
        let interface = filter.get("interface");
        let measured = with(measured.get("filters"), "interface", interface);
        for total in filter.get("verdicts").list() {
            if total.get("packets").number() == Some(0) {
                continue;
            }
            table.row();
            table.cell(&word(interface), None);
            table.cell(&word(filter.get("object")), None);
            cells(&mut table, total, VERDICTS);
            let rate = with(measured.get("verdicts"), "verdict", total.get("verdict"));
            cells(&mut table, rate, rates);
        }
    }
    table
}
