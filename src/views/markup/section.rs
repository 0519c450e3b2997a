//! The section of a filter: state, metrics and maps.

use std::fmt::{self, Write as _};

use super::escape::Html;
use crate::base::text::Text;
use crate::kernel::xdp_mode::Mode;
use crate::views::verdicts::{Totals, VerdictTotals};

/// Facts about a filter.
pub(in crate::views) struct FilterFacts<'a> {
    pub(in crate::views) interface: &'a str,
    pub(in crate::views) program: &'a str,
    /// Id of the program.
    pub(in crate::views) id: u32,
    /// `None` while the filter is detached.
    pub(in crate::views) mode: Option<Mode>,
    /// Reason why the driver refused native mode.
    pub(in crate::views) reason: Option<&'a str>,
    /// Reason why the filter is detached.
    pub(in crate::views) obstacle: Option<&'a str>,
    /// Number of times that the filter was attached again.
    pub(in crate::views) reattached: u64,
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

/// Begins the section of a filter. Warnings are texts of corexdp itself and need no escaping.
pub(in crate::views) fn begin_filter(
    text: &mut Text<'_>,
    filter: &FilterFacts<'_>,
    warnings: impl Iterator<Item = impl fmt::Display>,
) -> fmt::Result {
    let &FilterFacts { id, reattached, .. } = filter;
    let (interface, program) = (Html(filter.interface), Html(filter.program));
    write!(
        text,
        "<section data-id=\"{id}\"><h2>{interface}</h2>\n<p><strong class="
    )?;
    if let Some(mode) = filter.mode {
        write!(text, "\"on\">attached</strong> in {mode} mode")?;
    } else {
        let obstacle = Html(filter.obstacle.unwrap_or("the log says why"));
        write!(text, "\"off\">NOT attached</strong>: {obstacle}")?;
    }
    write!(text, "<br/>program {program}, id {id}")?;
    if reattached > 0 {
        let times = if reattached == 1 { "time" } else { "times" };
        write!(text, "<br/>attached again {reattached} {times}")?;
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

/// Writes the table of packets and bytes by verdict. `totals` is `None` for a program whose verdicts are not counted.
///
/// Rare verdicts have a row only if a packet had them. Passed and dropped packets always have rows, so that the page does
/// not jump at the first one.
pub(in crate::views) fn verdicts(
    text: &mut Text<'_>,
    interface: &str,
    totals: Option<&Totals>,
) -> fmt::Result {
    let Some(totals) = totals else {
        return text.write_str("<p>Verdicts are not counted</p>\n");
    };
    let interface = Html(interface);
    writeln!(
        text,
        "<table aria-label=\"Verdicts of {interface}\"><thead><tr><th scope=\"col\">Verdict</th>\
         <th scope=\"col\">Total</th><th class=\"own\" scope=\"col\">Rate</th></tr></thead><tbody>"
    )?;
    let shown = |total: &&VerdictTotals| total.is_usual() || total.packets > 0;
    for total in totals.iter().filter(shown) {
        let verdict = total.verdict;
        let class = if total.is_fault() {
            " class=\"error\""
        } else {
            ""
        };
        for (unit, number) in [("packets", total.packets), ("bytes", total.bytes)] {
            writeln!(
                text,
                "<tr><th scope=\"row\"{class}>{verdict}, {unit}</th><td>{number}</td></tr>"
            )?;
        }
    }
    end_metrics(text)
}

/// Begins the table of the metrics of an interface's filter.
pub(in crate::views) fn begin_metrics(text: &mut Text<'_>, interface: &str) -> fmt::Result {
    let interface = Html(interface);
    writeln!(
        text,
        "<table aria-label=\"Metrics of {interface}\"><thead><tr><th scope=\"col\">Metric</th>\
         <th scope=\"col\">Value</th><th class=\"own\" scope=\"col\">Rate</th></tr></thead><tbody>"
    )
}

/// Writes a metric with its value.
pub(in crate::views) fn metric(
    text: &mut Text<'_>,
    help: &str,
    name: &str,
    number: impl fmt::Display,
) -> fmt::Result {
    let (help, name) = (Html(help), Html(name));
    writeln!(
        text,
        "<tr><th scope=\"row\">{help} <small>{name}</small></th><td>{number}</td></tr>"
    )
}

/// Ends the table of metrics.
pub(in crate::views) fn end_metrics(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</tbody></table>\n")
}

/// Writes a map with its fill level and capacity.
pub(in crate::views) fn map(
    text: &mut Text<'_>,
    name: &str,
    fill: Fill,
    capacity: u32,
) -> fmt::Result {
    let name = Html(name);
    write!(text, "<p>Map {name}: ")?;
    match fill {
        Fill::Array => write!(text, "an array of {capacity} entries"),
        Fill::Unread => write!(
            text,
            "<span class=\"error\">unread</span>, of {capacity} entries"
        ),
        Fill::Entries(entries) => {
            let high = u64::from(capacity) * 9 / 10;
            let note = if entries >= u64::from(capacity) {
                " <strong class=\"warning\">full</strong>"
            } else {
                ""
            };
            write!(
                text,
                "{entries} of {capacity} entries{note} <meter aria-label=\"{name}\" max=\"{capacity}\" high=\"{high}\" optimum=\"0\" value=\"{entries}\"></meter>"
            )
        }
    }?;
    text.write_str("</p>\n")
}

/// Ends the section of a filter.
pub(in crate::views) fn end_filter(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</section>\n")
}
