//! The section of an interface: the state of its filter, then a block for the program with verdicts, metrics and maps.

use std::fmt::{self, Write as _};

use super::digits::Digits;
use super::escape::Html;
use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::filter::ListState;
use crate::kernel::xdp_mode::Mode;
use crate::views::readings::Growth;
use crate::views::totals::VerdictTotals;

/// Facts about the filter of an interface.
pub(in crate::views) struct FilterFacts<'a> {
    pub(in crate::views) interface: &'a str,
    /// `None` while the filter is detached.
    pub(in crate::views) mode: Option<Mode>,
    /// Reason why the driver refused native mode.
    pub(in crate::views) reason: Option<&'a str>,
    /// Number of times that the filter was attached again.
    pub(in crate::views) reattached: u64,
}

/// Facts about a program.
pub(in crate::views) struct ProgramFacts<'a> {
    /// Name of the object's file.
    pub(in crate::views) object: &'a str,
    pub(in crate::views) program: &'a str,
    /// Id of the program.
    pub(in crate::views) id: u32,
}

/// Fill level of a map.
#[derive(Clone, Copy)]
pub(in crate::views) enum Fill {
    /// An array, which is always full.
    Array,
    /// Number of entries.
    Entries(u64),
    /// The map cannot be read.
    Unread,
}

/// Begins the section of an interface. Warnings are texts of corexdp itself and need no escaping.
pub(in crate::views) fn begin_filter(
    text: &mut Text<'_>,
    filter: &FilterFacts<'_>,
    warnings: impl Iterator<Item = impl fmt::Display>,
) -> fmt::Result {
    let &FilterFacts { reattached, .. } = filter;
    let interface = Html(filter.interface);
    write!(text, "<section><h2>{interface}</h2>\n<p><strong class=")?;
    if let Some(mode) = filter.mode {
        write!(text, "\"on\">attached</strong> in {mode} mode")?;
    } else {
        write!(text, "\"off\">NOT attached</strong>")?;
    }
    if reattached > 0 {
        let times = if reattached == 1 { "time" } else { "times" };
        write!(text, ", attached again {reattached} {times}")?;
    }
    text.write_str("</p>\n")?;
    if let Some(reason) = filter.reason {
        let reason = Html(reason);
        writeln!(
            text,
            "<p class=\"warning\">native mode was refused: {reason}</p>"
        )?;
    }
    for warning in warnings {
        writeln!(text, "<p class=\"warning\">{warning}</p>")?;
    }
    Ok(())
}

/// Begins the block of a program.
pub(in crate::views) fn begin_program(
    text: &mut Text<'_>,
    facts: &ProgramFacts<'_>,
) -> fmt::Result {
    let (object, program, id) = (Html(facts.object), Html(facts.program), facts.id);
    writeln!(
        text,
        "<div data-id=\"{id}\"><h3>{object} <small>program {program}, id {id}</small></h3>"
    )
}

/// Begins the table of packets and bytes by verdict.
pub(in crate::views) fn begin_verdicts(text: &mut Text<'_>, interface: &str) -> fmt::Result {
    let interface = Html(interface);
    writeln!(
        text,
        "<table class=\"verdicts\" aria-label=\"Verdicts of {interface}\"><thead><tr><th scope=\"col\">Verdict</th>\
         <th scope=\"col\">Packets/s</th><th scope=\"col\">Bits/s</th><th scope=\"col\">Packets</th><th scope=\"col\">Bytes</th>\
         <th class=\"own\" scope=\"col\">5 minutes</th></tr></thead><tbody>"
    )
}

/// Writes the row of a verdict.
pub(in crate::views) fn verdict(
    text: &mut Text<'_>,
    total: &VerdictTotals,
    growth: Option<Growth>,
) -> fmt::Result {
    let &VerdictTotals {
        verdict,
        packets,
        bytes,
    } = total;
    let class = if total.is_fault() && packets > 0 {
        " class=\"error\""
    } else {
        ""
    };
    write!(text, "<tr><th{class}>{verdict}</th>")?;
    match growth {
        Some(growth) => {
            let (rate, bits) = (Digits(growth.packet_rate()), growth.byte_rate().bits());
            write!(text, "<td>{rate}</td><td>{bits}</td>")
        }
        None => text.write_str("<td>-</td><td>-</td>"),
    }?;
    let (packets, bytes) = (Digits(packets), Digits(bytes));
    writeln!(text, "<td>{packets}</td><td>{bytes}</td></tr>")
}

/// Begins the table of the metrics of an interface's program.
pub(in crate::views) fn begin_metrics(text: &mut Text<'_>, interface: &str) -> fmt::Result {
    let interface = Html(interface);
    writeln!(
        text,
        "<table aria-label=\"Metrics of {interface}\"><thead><tr><th scope=\"col\">Metric</th>\
         <th scope=\"col\">Value</th><th class=\"own\" scope=\"col\">Rate, 5 minutes</th></tr></thead><tbody>"
    )
}

/// Writes a metric with its value.
pub(in crate::views) fn metric(
    text: &mut Text<'_>,
    help: &str,
    name: &str,
    number: impl fmt::Display,
) -> fmt::Result {
    let (help, name, number) = (Html(help), Html(name), Digits(number));
    writeln!(
        text,
        "<tr><th>{help} <small>{name}</small></th><td>{number}</td></tr>"
    )
}

/// Writes that the verdicts of a program are not counted.
pub(in crate::views) fn uncounted(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("<p>Verdicts are not counted</p>\n")
}

/// Begins a part that may be empty. The parts of a program keep their order on the page, so that a refresh changes them
/// in place.
pub(in crate::views) fn begin_part(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("<div>")
}

/// Ends a part.
pub(in crate::views) fn end_part(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</div>\n")
}

/// Ends a table.
pub(in crate::views) fn end_table(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</tbody></table>\n")
}

/// Begins the folded rows, whose values are 0.
pub(in crate::views) fn begin_zeros(
    text: &mut Text<'_>,
    interface: &str,
    count: usize,
) -> fmt::Result {
    let (interface, rows) = (Html(interface), if count == 1 { "row" } else { "rows" });
    writeln!(
        text,
        "<details><summary>{count} {rows} at zero</summary><table aria-label=\"Zeros of {interface}\"><tbody>"
    )
}

/// Writes a verdict without packets.
pub(in crate::views) fn zero_verdict(text: &mut Text<'_>, verdict: &str) -> fmt::Result {
    writeln!(text, "<tr><th>{verdict}</th><td>0</td></tr>")
}

/// Ends the folded rows.
pub(in crate::views) fn end_zeros(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</tbody></table></details>\n")
}

/// Writes a map with its fill level and capacity.
pub(in crate::views) fn map(
    text: &mut Text<'_>,
    name: &str,
    fill: Fill,
    capacity: u32,
    decisions: usize,
) -> fmt::Result {
    let entries = if capacity == 1 { "entry" } else { "entries" };
    let (name, shown) = (Html(name), Digits(capacity));
    write!(text, "<p>Map {name}: ")?;
    match fill {
        Fill::Array => write!(text, "an array of {shown} {entries}"),
        Fill::Unread => write!(
            text,
            "<span class=\"error\">unread</span>, of {shown} {entries}"
        ),
        Fill::Entries(used) => {
            let high = u64::from(capacity) * 9 / 10;
            let note = if used >= u64::from(capacity) {
                " <strong class=\"warning\">full</strong>"
            } else {
                ""
            };
            let count = Digits(used);
            write!(
                text,
                "{count} of {shown} {entries}{note} <meter aria-label=\"{name}\" max=\"{capacity}\" high=\"{high}\" optimum=\"0\" value=\"{used}\"></meter>"
            )
        }
    }?;
    if decisions > 0 {
        let s = if decisions == 1 { "" } else { "s" };
        write!(text, ", {} decision{s}", Digits(decisions as u64))?;
    }
    text.write_str("</p>\n")
}

/// Writes a list.
pub(in crate::views) fn list(text: &mut Text<'_>, list: &ListState) -> fmt::Result {
    let (path, map) = (Html(&list.path), Html(&list.map));
    let (entries, skipped) = (Digits(list.entries), Digits(list.skipped));
    write!(
        text,
        "<p>List {path}: {entries} entries of {map}, {skipped} skipped lines"
    )?;
    if let Some(modified) = list.modified {
        write!(text, ", changed <time>{}</time>", Utc(modified))?;
    }
    text.write_str("</p>\n")
}

/// Ends the block of a program.
pub(in crate::views) fn end_program(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</div>\n")
}

/// Ends the section of an interface.
pub(in crate::views) fn end_filter(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</section>\n")
}
