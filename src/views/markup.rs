//! HTML of `/`, from plain values. Every tag is closed, so that browsers parse the page as written.
//!
//! The script refreshes values in place: it fetches the page again and updates the content of `main`. Elements of the
//! class `own` belong to the script and are hidden without it.

use std::fmt::{self, Write};

use crate::base::escape::is_control;
use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::kernel::attach::Mode;
use crate::log::Level;
use crate::log::recent::Message;

#[cfg(test)]
mod tests;

/// `Content-Security-Policy` of `/`: no foreign content, and the page's style and script by their hashes.
pub const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/policy"));
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/style.css"));
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/script.js"));

/// Facts about a filter.
pub(super) struct FilterFacts<'a> {
    pub(super) interface: &'a str,
    pub(super) program: &'a str,
    pub(super) id: u32,
    /// `None` while the filter is detached.
    pub(super) mode: Option<Mode>,
    /// Reason for generic mode where native mode was refused.
    pub(super) reason: Option<&'a str>,
    /// Reason for which the filter is detached.
    pub(super) obstacle: Option<&'a str>,
    pub(super) reattached: u64,
}

/// Fill level of a map.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    /// An array, which is always full.
    Array,
    /// Number of entries.
    Entries(u64),
    /// The map cannot be read.
    Unread,
}

/// Facts about the daemon.
pub(super) struct DaemonFacts {
    /// Start time.
    pub(super) since: Utc,
    /// Time at which the running Corefile was read.
    pub(super) read: Utc,
    /// Number of successful, failed and unconfirmed reloads.
    pub(super) reloads: [u64; 3],
    pub(super) read_errors: u64,
}

/// Writes the page up to the first filter. `filters` are the interfaces, with whether the filter is attached.
pub(super) fn begin<'a>(
    text: &mut Text<'_>,
    filters: &(impl Iterator<Item = (&'a str, bool)> + Clone),
) -> fmt::Result {
    let names = |attached| {
        let matching = filters.clone().filter(move |(_, is)| *is == attached);
        Names(matching.map(|(name, _)| name))
    };
    let (on, off) = (names(true), names(false));
    let (class, state) = if off.is_empty() && !on.is_empty() {
        ("on", "Filtering")
    } else {
        ("off", "NOT filtering")
    };
    head(text, state)?;
    write!(
        text,
        "<main><p class=\"state {class}\"><strong>{state}</strong>"
    )?;
    match (on.is_empty(), off.is_empty()) {
        (true, true) => text.write_str(": the Corefile has no <code>ebpf</code> block"),
        (false, true) => write!(text, " {on}"),
        (true, false) => write!(text, " {off}"),
        (false, false) => write!(text, " {off} <small>filtered: {on}</small>"),
    }?;
    text.write_str("</p>\n")
}

/// Writes a service that is not served at its address.
pub(super) fn unserved(
    text: &mut Text<'_>,
    service: &str,
    address: &str,
    error: impl fmt::Display,
) -> fmt::Result {
    let address = Html(address);
    writeln!(
        text,
        "<p class=\"warning\">{service} at {address} is NOT served: {error}</p>"
    )
}

/// Writes the time that is left for a confirmation.
pub(super) fn pending(text: &mut Text<'_>, seconds: u64) -> fmt::Result {
    writeln!(
        text,
        "<p class=\"warning\">not confirmed: <code>corexdp confirm</code> keeps it, else the old state returns in {seconds} s</p>"
    )
}

/// Writes that the last reload changed nothing.
pub(super) fn reload_failed(text: &mut Text<'_>, at: Utc) -> fmt::Result {
    writeln!(
        text,
        "<p class=\"warning\">the last reload failed, at <time>{at}</time>; the previous configuration still runs, the log says why</p>"
    )
}

/// Writes that the last reload was rolled back.
pub(super) fn reload_unconfirmed(text: &mut Text<'_>, at: Utc) -> fmt::Result {
    writeln!(
        text,
        "<p class=\"warning\">the last reload was not confirmed and rolled back, at <time>{at}</time>; put the old Corefile back before a restart</p>"
    )
}

/// Writes the page up to `main`. An empty icon keeps browsers from requesting `/favicon.ico`.
fn head(text: &mut Text<'_>, state: &str) -> fmt::Result {
    writeln!(
        text,
        "<!DOCTYPE html>\n\
         <html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <link rel=\"icon\" href=\"data:,\"/><title>{state} - corexdp</title>\n\
         <style>{STYLE}</style></head>\n\
         <body><header><h1>corexdp</h1>\
         <nav><button class=\"own\" id=\"pause\" type=\"button\">Pause</button> <a href=\"/\">Refresh</a> \
         <a href=\"/metrics\">Metrics</a></nav></header>\n\
         <p class=\"own\" id=\"live\" role=\"status\"></p>"
    )
}

/// Begins the section of a filter, and the table of its metrics. Warnings are texts of our own, without markup.
pub(super) fn filter(
    text: &mut Text<'_>,
    filter: &FilterFacts<'_>,
    warnings: impl Iterator<Item = impl fmt::Display>,
    has_metrics: bool,
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
    if has_metrics {
        writeln!(
            text,
            "<table aria-label=\"Metrics of {interface}\"><thead><tr><th scope=\"col\">Metric</th>\
             <th scope=\"col\">Value</th><th class=\"own\" scope=\"col\">Rate</th></tr></thead><tbody>"
        )?;
    }
    Ok(())
}

/// Writes a metric with its value.
pub(super) fn metric(
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
pub(super) fn end_metrics(text: &mut Text<'_>, has_metrics: bool) -> fmt::Result {
    text.write_str(if has_metrics {
        "</tbody></table>\n"
    } else {
        ""
    })
}

/// Writes a map with its fill level and capacity.
pub(super) fn map(text: &mut Text<'_>, name: &str, fill: Fill, capacity: u32) -> fmt::Result {
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
pub(super) fn end_filter(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</section>\n")
}

/// Begins the section of the log.
pub(super) fn begin_log(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("<section><h2>Log, newest first</h2><ol>\n")
}

/// Writes a message of the log.
pub(super) fn line(text: &mut Text<'_>, line: &Message) -> fmt::Result {
    let (at, message) = (line.at, Html(&line.text));
    let (class, word) = match line.level {
        Level::Info => ("", ""),
        Level::Warning => (" class=\"warning\"", "<b>warning</b> "),
        Level::Error => (" class=\"error\"", "<b>error</b> "),
    };
    writeln!(text, "<li{class}><time>{at}</time> {word}{message}</li>")
}

/// Writes the page from the end of the log on.
pub(super) fn end(text: &mut Text<'_>, facts: &DaemonFacts) -> fmt::Result {
    let &DaemonFacts {
        since,
        read,
        reloads: [done, failures, unconfirmed],
        read_errors,
    } = facts;
    let version = env!("CARGO_PKG_VERSION");
    write!(
        text,
        "</ol></section>\n<section><h2>Daemon</h2><dl><dt>Version</dt><dd>{version}</dd>\n\
         <dt>Runs since</dt><dd><time>{since}</time></dd>\n\
         <dt>Corefile read</dt><dd><time>{read}</time></dd>\n\
         <dt>Reloads</dt><dd>{done} done, {failures} failed, {unconfirmed} not confirmed"
    )?;
    if read_errors > 0 {
        write!(
            text,
            "</dd>\n<dt>Values unread</dt><dd class=\"error\">{read_errors}"
        )?;
    }
    write!(
        text,
        "</dd></dl></section></main>\n<script>{SCRIPT}</script></body></html>\n"
    )
}

/// Names separated by commas, escaped for HTML.
struct Names<I>(I);

impl<'a, I: Iterator<Item = &'a str> + Clone> Names<I> {
    fn is_empty(&self) -> bool {
        self.0.clone().next().is_none()
    }
}

impl<'a, I: Iterator<Item = &'a str> + Clone> fmt::Display for Names<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.clone().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Html(name))?;
        }
        Ok(())
    }
}

/// Text escaped for HTML, between tags or in double quotes of an attribute.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\n' | '\t' => f.write_char(c),
            c if is_control(c) => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}
