//! Lines about a filter: alarms above the tables, which need a person, and notes below them.

use super::columns::{place, word};
use super::style::{Colour, Style};
use super::verdicts::{period, rate};
use super::wrap::paragraph;
use crate::base::escape::Escaped;
use crate::base::json::Value;
use crate::base::quantity::Quantity;

/// Writes the reason why a filter is not attached, and whether its program aborts packets.
pub(super) fn alarms(out: &mut String, status: &Value, filter: &Value, style: Style) {
    let interface = word(filter.get("interface"));
    if is_first(filter)
        && filter.get("attached") != &Value::Bool(true)
        && let Some(reason) = filter.get("reason").word()
    {
        let text = format!("{interface}: not attached: {}", Escaped(reason));
        paragraph(out, &text, Some(Colour::Red), style);
    }
    let mut totals = filter.get("verdicts").list().iter();
    let aborted = totals.find(|total| total.get("verdict").word() == Some("aborted"));
    let Some((total, packets @ 1..)) =
        aborted.and_then(|total| Some((total, total.get("packets").number()?)))
    else {
        return;
    };
    let packets = Quantity(packets, "packet");
    let object = word(filter.get("object"));
    let rates = rate(status, filter, total).map(|rates| rates.packets.to_string());
    let (text, colour) = match rates.as_deref() {
        Some("0") => (
            format!("{interface}: {object} aborted {packets}, but none lately"),
            Colour::Yellow,
        ),
        rate => {
            let now = rate.map_or_else(String::new, |rate| format!(", now {rate}/s"));
            let text = format!(
                "{interface}: {object} aborts: {packets}{now}; the program fails for such packets, and the kernel drops them; \
                 restore the object or Corefile that worked, then run `corexdp reload`"
            );
            (text, Colour::Red)
        }
    };
    paragraph(out, &text, Some(colour), style);
}

/// Writes the reason why a filter is not in native mode, its warnings, and why its verdicts are not counted.
pub(super) fn notes(out: &mut String, filters: &[Value], filter: &Value, style: Style) {
    let interface = word(filter.get("interface"));
    let mut note = |subject: &str, text: &str| {
        let text = format!("{subject}: {text}");
        paragraph(out, &text, Some(Colour::Yellow), style);
    };
    if is_first(filter)
        && filter.get("attached") == &Value::Bool(true)
        && let Some(reason) = filter.get("reason").word()
    {
        note(&interface, &format!("not native: {}", Escaped(reason)));
    }
    let warnings = filter.get("warnings").list().iter();
    for warning in warnings.filter(|_| is_first(filter)) {
        note(&interface, &word(warning));
    }
    if filter.get("verdicts") == &Value::Null {
        let text = match filter.get("mode").word() {
            Some("offload") => "verdicts are not counted; a network card cannot count them",
            _ => "verdicts are not counted; the log says why",
        };
        note(&place(filters, filter), text);
    }
}

/// True for the first stage of an interface, whose remarks include those about the interface.
fn is_first(filter: &Value) -> bool {
    filter.get("stage").number().is_none_or(|stage| stage <= 1)
}

/// True if the status has verdicts but no rates of the last minute, so that a second status would add rates.
pub(super) fn lacks_rates(status: &Value) -> bool {
    let mut filters = status.get("filters").list().iter();
    let is_old = period(status).is_none_or(|milliseconds| milliseconds > 60_000);
    filters.any(|filter| {
        let mut totals = filter.get("verdicts").list().iter();
        totals.any(|total| is_old || total.get("period_packets").number().is_none())
    })
}
