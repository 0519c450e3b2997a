//! The pieces of `/`, from plain values. Every tag is closed, so that what a browser reads is what stands here.
//!
//! The script refreshes values in place: it fetches the page again, and brings what stands in `main` up to date. What
//! has the class `own` is the script's, and not to be seen without it.

use std::fmt::{self, Write};

use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::kernel::attach::Mode;
use crate::log::Level;
use crate::log::recent::Message;

#[cfg(test)]
mod tests;

/// The `Content-Security-Policy` of `/`: nothing from elsewhere, and this style and this script alone.
pub const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/policy"));
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/style.css"));
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/script.js"));

/// A filter, as it is shown.
pub(super) struct Shown<'a> {
    pub(super) interface: &'a str,
    pub(super) program: &'a str,
    pub(super) id: u32,
    /// `None` while it is not attached.
    pub(super) mode: Option<Mode>,
    /// Why it is not native.
    pub(super) reason: Option<&'a str>,
    pub(super) reattached: u64,
}

/// How full a map is.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    /// An array, which always is.
    Array,
    /// So many entries.
    Entries(u64),
    /// It can't be read.
    Unread,
}

/// What is to be said of the daemon itself.
pub(super) struct Facts {
    pub(super) since: Utc,
    pub(super) read: Utc,
    /// When the last reload failed, unless one after it took effect.
    pub(super) failed: Option<Utc>,
    pub(super) reloads: [u64; 2],
    pub(super) read_errors: u64,
}

/// Everything before the first filter; above all, whether each of these interfaces is filtered.
pub(super) fn begin<'a>(
    text: &mut Text<'_>,
    filters: &(impl Iterator<Item = (&'a str, bool)> + Clone),
) -> fmt::Result {
    let names = |attached| {
        let some = filters.clone().filter(move |(_, is)| *is == attached);
        Names(some.map(|(name, _)| name))
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

/// Everything before `main`. A picture for the tab, empty, keeps browsers from asking for one.
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

/// A filter's heading, and its metrics' if there are `some`.
pub(super) fn filter(text: &mut Text<'_>, filter: &Shown<'_>, some: bool) -> fmt::Result {
    let &Shown { id, reattached, .. } = filter;
    let (interface, program) = (Html(filter.interface), Html(filter.program));
    write!(
        text,
        "<section data-id=\"{id}\"><h2>{interface}</h2>\n<p><strong class="
    )?;
    match filter.mode {
        Some(mode) => write!(text, "\"on\">attached</strong> in {mode} mode")?,
        None => text.write_str("\"off\">NOT attached</strong>; the log says why")?,
    }
    write!(text, "<br/>program {program}, id {id}")?;
    if reattached > 0 {
        write!(
            text,
            "<br/>attached again after its interface had gone: {reattached}"
        )?;
    }
    text.write_str("</p>\n")?;
    if let Some(reason) = filter.reason {
        let reason = Html(reason);
        writeln!(
            text,
            "<p class=\"warning\">native mode was refused: {reason}</p>"
        )?;
    }
    if some {
        writeln!(
            text,
            "<table aria-label=\"Metrics of {interface}\"><thead><tr><th scope=\"col\">Metric</th>\
             <th scope=\"col\">Value</th><th class=\"own\" scope=\"col\">Rate</th></tr></thead><tbody>"
        )?;
    }
    Ok(())
}

/// A metric, and its number now.
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

/// After the last metric, if there are `some`.
pub(super) fn end_metrics(text: &mut Text<'_>, some: bool) -> fmt::Result {
    text.write_str(if some { "</tbody></table>\n" } else { "" })
}

/// A map, and how many of the entries that it has `room` for it has.
pub(super) fn map(text: &mut Text<'_>, name: &str, fill: Fill, room: u32) -> fmt::Result {
    let name = Html(name);
    write!(text, "<p>Map {name}: ")?;
    match fill {
        Fill::Array => write!(text, "an array of {room} entries"),
        Fill::Unread => write!(
            text,
            "<span class=\"error\">unread</span>, of {room} entries"
        ),
        Fill::Entries(entries) => {
            let high = u64::from(room) * 9 / 10;
            let note = if entries >= u64::from(room) {
                " <strong class=\"warning\">full</strong>"
            } else {
                ""
            };
            write!(
                text,
                "{entries} of {room} entries{note} <meter aria-label=\"{name}\" max=\"{room}\" high=\"{high}\" optimum=\"0\" value=\"{entries}\"></meter>"
            )
        }
    }?;
    text.write_str("</p>\n")
}

/// After the last map of a filter.
pub(super) fn end_filter(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</section>\n")
}

/// Before the lines of the log.
pub(super) fn begin_log(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("<section><h2>Log, newest first</h2><ol>\n")
}

/// A line of the log.
pub(super) fn line(text: &mut Text<'_>, line: &Message) -> fmt::Result {
    let (at, said) = (line.at, Html(&line.text));
    let (class, word) = match line.level {
        Level::Info => ("", ""),
        Level::Warning => (" class=\"warning\"", "<b>warning</b> "),
        Level::Error => (" class=\"error\"", "<b>error</b> "),
    };
    writeln!(text, "<li{class}><time>{at}</time> {word}{said}</li>")
}

/// Everything after the lines of the log.
pub(super) fn end(text: &mut Text<'_>, facts: &Facts) -> fmt::Result {
    let &Facts {
        since,
        read,
        failed,
        reloads: [done, failures],
        read_errors,
    } = facts;
    let version = env!("CARGO_PKG_VERSION");
    write!(
        text,
        "</ol></section>\n<section><h2>Daemon</h2><dl><dt>Version</dt><dd>{version}</dd>\n\
         <dt>Runs since</dt><dd><time>{since}</time></dd>\n\
         <dt>Corefile read</dt><dd><time>{read}</time></dd>\n\
         <dt>Reloads</dt><dd>{done} done, {failures} failed"
    )?;
    if let Some(failed) = failed {
        write!(
            text,
            "<br/><strong class=\"error\">the last one failed</strong>, at <time>{failed}</time>; what was before it still runs"
        )?;
    }
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

/// Names with commas between them.
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

/// Text as HTML shows it, between tags or in an attribute's double quotes.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}
