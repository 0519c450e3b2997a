//! HTML of `/`, written from plain values. Every tag is closed, so that browsers parse the page as written.
//!
//! The script of the page refreshes values in place: it fetches the page again and updates the content of `main`.
//! Elements of the class `own` belong to the script and are hidden without it.

mod escape;
mod section;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::log::Level;
use crate::log::recent::Message;
use escape::{Html, Names};
pub(super) use section::{
    Fill, FilterFacts, begin_filter, begin_metrics, end_filter, end_metrics, map, metric, verdicts,
};

/// `Content-Security-Policy` of `/`: no foreign content, and the page's style and script by their hashes.
pub const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/policy"));
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/style.css"));
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/script.js"));

/// Facts about the daemon.
pub(super) struct DaemonFacts {
    /// Start time.
    pub(super) since: Utc,
    /// Time at which the running Corefile was read.
    pub(super) read: Utc,
    /// Number of successful reloads.
    pub(super) successes: u64,
    /// Number of failed reloads.
    pub(super) failures: u64,
    /// Number of reloads that were rolled back for lack of confirmation.
    pub(super) unconfirmed: u64,
    /// Number of map values that could not be read.
    pub(super) read_errors: u64,
}

/// Writes the page up to the first section. `filters` are the names of the interfaces; true if the filter is attached.
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

/// Writes the seconds left for the confirmation.
pub(super) fn pending(text: &mut Text<'_>, seconds: u64) -> fmt::Result {
    writeln!(
        text,
        "<p class=\"warning\">not confirmed: run <code>corexdp confirm</code> within {seconds} s, or the old state is restored</p>"
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
        "<p class=\"warning\">the last reload was not confirmed and rolled back, at <time>{at}</time>; restore the old Corefile before a restart</p>"
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

/// Writes the page after the log.
pub(super) fn end(text: &mut Text<'_>, facts: &DaemonFacts) -> fmt::Result {
    let &DaemonFacts {
        since,
        read,
        successes,
        failures,
        unconfirmed,
        read_errors,
    } = facts;
    let version = env!("CARGO_PKG_VERSION");
    write!(
        text,
        "</ol></section>\n<section><h2>Daemon</h2><dl><dt>Version</dt><dd>{version}</dd>\n\
         <dt>Runs since</dt><dd><time>{since}</time></dd>\n\
         <dt>Corefile read</dt><dd><time>{read}</time></dd>\n\
         <dt>Reloads</dt><dd>{successes} done, {failures} failed, {unconfirmed} not confirmed"
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
