//! HTML of `/`, written from plain values. Every tag is closed, so that browsers parse the page as written.
//!
//! The script of the page refreshes values in place: it fetches the page again and updates the content of `main`.
//! Elements of the class `own` belong to the script and are hidden without it.

mod banner;
mod digits;
mod escape;
mod section;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use crate::base::text::Text;
use crate::base::utc::Utc;
use crate::log::Level;
use crate::log::recent::Message;
pub(super) use banner::{
    aborts, begin_banners, end_banners, fallback, pending, reload_failed, reload_unconfirmed,
    unattached, unserved,
};
use escape::{Html, Names};
pub(super) use section::{
    Fill, FilterFacts, ProgramFacts, begin_filter, begin_metrics, begin_part, begin_program,
    begin_verdicts, begin_zeros, end_filter, end_part, end_program, end_table, end_zeros, list,
    map, metric, uncounted, verdict, zero_verdict,
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

/// Writes the page up to the banners. `filters` are the names of the interfaces; true if the filter is attached.
pub(super) fn begin<'a>(
    text: &mut Text<'_>,
    host: &str,
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
    head(text, host, state)?;
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

/// Writes the page up to `main`. An empty icon keeps browsers from requesting `/favicon.ico`.
fn head(text: &mut Text<'_>, host: &str, state: &str) -> fmt::Result {
    let host = Html(host);
    writeln!(
        text,
        "<!DOCTYPE html>\n\
         <html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <link rel=\"icon\" href=\"data:,\"/><title>{host}: {state} - corexdp</title>\n\
         <style>{STYLE}</style></head>\n\
         <body><header><h1>{host} <small>corexdp</small></h1>\
         <nav><button class=\"own\" id=\"pause\" type=\"button\">Pause</button> <a href=\"/\">Refresh</a> \
         <a href=\"/metrics\">Metrics</a></nav></header>\n\
         <p class=\"own\" id=\"live\" role=\"status\"></p>"
    )
}

/// Begins the sections of the interfaces. `period` is the number of milliseconds of the rates.
pub(super) fn begin_filters(text: &mut Text<'_>, period: Option<u64>) -> fmt::Result {
    match period {
        Some(period) => {
            let seconds = (period + 500) / 1000;
            writeln!(
                text,
                "<p class=\"soft\">Rates of verdicts over the last {seconds} s</p>"
            )
        }
        None => writeln!(
            text,
            "<p class=\"soft\">Rates of verdicts from the next refresh on</p>"
        ),
    }?;
    text.write_str("<div class=\"columns\"><div>\n")
}

/// Ends the sections of the interfaces, and begins the section of the log.
pub(super) fn begin_log(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</div><div>\n<section><h2>Log, newest first</h2><ol>\n")
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
        "</dd></dl></section></div></div></main>\n<script>{SCRIPT}</script></body></html>\n"
    )
}
