//! Status as text, for a terminal of 80 columns and 24 lines: the daemon, what needs a person, filters and verdicts; then
//! programs, maps and metrics.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::columns::{Columns, cells, head, place, time, with_stage, word};
use super::remarks::{alarms, notes};
use super::style::{Colour, Style};
use super::table::Table;
use super::verdicts;
use super::wrap::{paragraph, wrap};
use crate::base::escape::Escaped;
use crate::base::json::Value;

const FILTERS: Columns = &[
    ("state", "attached"),
    ("mode", "mode"),
    ("exit", "exit"),
    ("object", "object"),
];
const PROGRAM: Columns = &[
    ("program", "program.name"),
    ("id", "program.id"),
    ("loaded", "program.loaded_at"),
    ("reattached", "reattached"),
];
/// Counts since the program was loaded.
const COUNTED: Columns = &[
    ("runs", "program.runs"),
    ("run time ns", "program.run_time_ns"),
];
/// Counts of `--measure`: members of `measured`.
const MEASURED: Columns = &[("runs/s", "runs_per_second"), ("ns/run", "ns_per_run")];
const MAPS: Columns = &[
    ("map", "name"),
    ("type", "type"),
    ("entries", "entries"),
    ("capacity", "capacity"),
    ("decisions", "decisions"),
];
/// The time is that of the last change of the file.
const LISTS: Columns = &[
    ("list", "path"),
    ("format", "format"),
    ("entries", "entries"),
    ("skipped", "skipped"),
    ("changed", "modified"),
];
const METRICS: Columns = &[("metric", "name"), ("value", "value"), ("help", "help")];
/// Maximum number of lines of the errors of a reload, so that verdicts stay on the first screen.
const ERROR_LINES: usize = 4;
/// Room for a line of these errors.
const ERROR_WIDTH: usize = 76;

/// The whole status as text.
pub(super) fn text(status: &Value, style: Style) -> String {
    let mut out = String::new();
    daemon(&mut out, status, style);
    let filters = status.get("filters").list();
    for filter in filters {
        alarms(&mut out, status, filter, style);
    }
    out.push('\n');
    if filters.is_empty() {
        line(&mut out, "nothing is filtered", Colour::Yellow, style);
        return out;
    }
    table(filters, FILTERS).write(&mut out, style);
    verdicts::write(&mut out, status, style);
    for filter in filters {
        notes(&mut out, filters, filter, style);
    }
    out.push('\n');
    programs(status).write(&mut out, style);
    for (list, columns) in [("maps", MAPS), ("lists", LISTS), ("metrics", METRICS)] {
        let mut table = Table::default();
        head(&mut table, columns);
        for filter in filters {
            for part in filter.get(list).list() {
                table.row();
                table.cell(&place(filters, filter), None);
                cells(&mut table, part, columns);
            }
        }
        if table.has_rows() {
            out.push('\n');
            table.write(&mut out, style);
        }
    }
    out
}

/// A table with a row for each filter.
fn table(filters: &[Value], columns: Columns) -> Table {
    let mut table = Table::default();
    head(&mut table, columns);
    for filter in filters {
        table.row();
        table.cell(&word(filter.get("interface")), None);
        cells(&mut table, filter, columns);
    }
    table
}

fn programs(status: &Value) -> Table {
    let measured = status.get("measured");
    let counts = match measured {
        Value::Null => COUNTED,
        _ => MEASURED,
    };
    let mut table = Table::default();
    head(&mut table, PROGRAM);
    for (heading, _) in counts {
        table.cell(heading, None);
    }
    let filters = status.get("filters").list();
    for filter in filters {
        table.row();
        table.cell(&place(filters, filter), None);
        cells(&mut table, filter, PROGRAM);
        let counted = match measured {
            Value::Null => filter,
            _ => with_stage(measured.get("filters"), filter),
        };
        cells(&mut table, counted, counts);
    }
    table
}

fn line(out: &mut String, text: &str, colour: Colour, style: Style) {
    paragraph(out, text, Some(colour), style);
}

/// Writes the lines about the daemon.
fn daemon(out: &mut String, status: &Value, style: Style) {
    let member = |path| word(status.at(path));
    let (version, pid, file) = (member("version"), member("pid"), member("corefile"));
    let since = time(status.get("started"));
    for text in [
        format!("corexdp {version}, process {pid}, since {since}"),
        format!("Corefile: {file}"),
    ] {
        paragraph(out, &text, None, style);
    }
    if let Some(file) = status.get("fallback").word() {
        let text = format!(
            "the fallback {} runs: the Corefile was refused; correct it, then run `corexdp reload`",
            Escaped(file)
        );
        line(out, &text, Colour::Red, style);
    }
    for page in status.get("pages").list() {
        paragraph(out, &format!("page: {}", word(page)), None, style);
    }
    for listener in status.get("listeners").list() {
        if let Some(error) = listener.get("error").word() {
            let (service, address) = (word(listener.get("service")), word(listener.get("address")));
            let text = format!("{service}: NOT served at {address}: {}", Escaped(error));
            line(out, &text, Colour::Yellow, style);
        }
    }
    reloads(out, status, style);
    if let Some(seconds) = status.get("confirm_within").number() {
        let trial = match status.get("trial").word() {
            Some(file) => format!("{} is on trial: ", Escaped(file)),
            None => String::new(),
        };
        let text = format!(
            "not confirmed: {trial}run `corexdp confirm` within {seconds} s, or the old state is restored"
        );
        line(out, &text, Colour::Yellow, style);
    }
}

/// Writes the results of reloads, and the errors of the last one.
fn reloads(out: &mut String, status: &Value, style: Style) {
    let member = |path| word(status.at(path));
    let (successes, failures) = (member("reloads.success"), member("reloads.failure"));
    let mut text = format!("reloads: {successes} done, {failures} failed");
    if status.at("reloads.unconfirmed").number() > Some(0) {
        let _ = write!(text, ", {} not confirmed", member("reloads.unconfirmed"));
    }
    let last = status.at("last_reload.time");
    if last.number().is_some() {
        let (at, result) = (time(last), member("last_reload.result"));
        let _ = write!(text, "; the last at {at}: {result}");
    }
    paragraph(out, &text, None, style);
    let error = status.at("last_reload.error").word().unwrap_or_default();
    let errors: Vec<_> = error
        .lines()
        .map(|line| Escaped(line).to_string())
        .collect();
    let lines = errors.iter().flat_map(|error| wrap(error, ERROR_WIDTH));
    let mut lines: Vec<_> = lines.collect();
    if lines.len() > ERROR_LINES {
        lines.truncate(ERROR_LINES - 1);
        lines.push("... (the rest: corexdp status --json)");
    }
    for error in lines {
        line(out, &format!("  {error}"), Colour::Red, style);
    }
}
