//! The table of packets and bytes by verdict, with their rates.

use super::columns::{NONE, head, with, with_stage, word};
use super::style::{Colour, Style};
use super::table::Table;
use super::wrap::paragraph;
use crate::base::json::Value;
use crate::base::rate::{Rate, Short};

/// Rates of a verdict.
pub(super) struct Rates {
    pub(super) packets: Rate,
    pub(super) bytes: Rate,
}

/// Milliseconds of the daemon's rates; `None` without rates.
pub(super) fn period(status: &Value) -> Option<u64> {
    status.get("period_ms").number()
}

/// The rates of `total`, a verdict of `filter`: of `--measure`, or else of the daemon's readings.
pub(super) fn rate(status: &Value, filter: &Value, total: &Value) -> Option<Rates> {
    let measured = status.get("measured");
    let (counted, packets, bytes, milliseconds) = if measured == &Value::Null {
        (total, "period_packets", "period_bytes", period(status)?)
    } else {
        let filter = with_stage(measured.get("filters"), filter);
        let total = with(filter.get("verdicts"), "verdict", total.get("verdict"));
        (total, "packets_per_second", "bytes_per_second", 1000)
    };
    let rate = |member| Some(Rate::new(counted.get(member).number()?, milliseconds));
    Some(Rates {
        packets: rate(packets)?,
        bytes: rate(bytes)?,
    })
}

/// Appends the table, and the period of its rates.
pub(super) fn write(out: &mut String, status: &Value, style: Style) {
    let (table, has_rates) = table(status);
    if !table.has_rows() {
        return;
    }
    out.push('\n');
    table.write(out, style);
    let measured = status.at("measured.milliseconds").number();
    let text = match measured.or_else(|| period(status)) {
        Some(milliseconds) if has_rates => {
            let (seconds, tenths) = (milliseconds / 1000, milliseconds % 1000 / 100);
            format!("rates: mean of the last {seconds}.{tenths} s")
        }
        _ => "rates: none yet; run `corexdp status` again, or with --measure 1s".to_owned(),
    };
    paragraph(out, &text, None, style);
}

/// Packets and bytes of each verdict that a packet had. Passed and dropped packets always have a row.
fn table(status: &Value) -> (Table, bool) {
    let (mut table, mut has_rates) = (Table::default(), false);
    head(&mut table, &[("object", ""), ("verdict", "")]);
    for heading in ["packets/s", "bit/s", "packets", "bytes"] {
        table.cell(heading, None);
    }
    for filter in status.get("filters").list() {
        for total in filter.get("verdicts").list() {
            let verdict = word(total.get("verdict"));
            let is_usual = ["pass", "drop"].contains(&verdict.as_str());
            if !is_usual && total.get("packets").number() == Some(0) {
                continue;
            }
            table.row();
            for member in ["interface", "object"] {
                table.cell(&word(filter.get(member)), None);
            }
            let colour = (verdict == "aborted").then_some(Colour::Red);
            table.cell(&verdict, colour);
            let rates = rate(status, filter, total);
            has_rates |= rates.is_some();
            let [packets, bits] = match rates {
                Some(rates) => [rates.packets.to_string(), rates.bytes.bits().to_string()],
                None => [NONE, NONE].map(str::to_owned),
            };
            table.cell(&packets, None);
            table.cell(&bits, None);
            table.cell(&word(total.get("packets")), None);
            let bytes = total.get("bytes").number().map(Short);
            table.cell(
                &bytes.map_or_else(|| NONE.into(), |bytes| bytes.to_string()),
                None,
            );
        }
    }
    (table, has_rates)
}
