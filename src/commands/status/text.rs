//! Status as text: lines about the daemon, then tables of filters, maps and metrics.

use std::fmt::Write as _;

use super::columns::{Columns, cells, head, time, with, word};
use super::table::{Colour, Style, Table};
use super::verdicts;
use crate::base::escape::Escaped;
use crate::base::json::Value;

const FILTERS: Columns = &[
    ("state", "attached"),
    ("mode", "mode"),
    ("exit", "exit"),
    ("reattached", "reattached"),
    ("program", "program.name"),
    ("id", "program.id"),
    ("loaded", "program.loaded_at"),
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
];
const METRICS: Columns = &[("metric", "name"), ("value", "value"), ("help", "help")];

/// The whole status as text.
pub(super) fn text(status: &Value, style: Style) -> String {
    let mut out = String::new();
    daemon(&mut out, status, style);
    out.push('\n');
    let filters = status.get("filters").list();
    if filters.is_empty() {
        line(&mut out, "nothing is filtered", Colour::Yellow, style);
        return out;
    }
    filter_table(status).write(&mut out, style);
    for filter in filters {
        remarks(&mut out, filter, style);
    }
    let verdicts = verdicts::table(status);
    if verdicts.has_rows() {
        out.push('\n');
        verdicts.write(&mut out, style);
    }
    for (list, columns) in [("maps", MAPS), ("metrics", METRICS)] {
        let mut table = Table::default();
        head(&mut table, columns);
        for filter in filters {
            for part in filter.get(list).list() {
                table.row();
                table.cell(&word(filter.get("interface")), None);
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

/// Writes the reason why a filter is not attached, or not in native mode, and its warnings.
fn remarks(out: &mut String, filter: &Value, style: Style) {
    let interface = word(filter.get("interface"));
    if let Some(reason) = filter.get("reason").word() {
        let (what, colour) = match filter.get("attached") {
            Value::Bool(true) => ("not native", Colour::Yellow),
            _ => ("not attached", Colour::Red),
        };
        let text = format!("{interface}: {what}: {}", Escaped(reason));
        line(out, &text, colour, style);
    }
    for warning in filter.get("warnings").list() {
        let text = format!("{interface}: {}", word(warning));
        line(out, &text, Colour::Yellow, style);
    }
    if filter.get("verdicts") == &Value::Null {
        let why = match filter.get("mode").word() {
            Some("offload") => "a network card cannot count them",
            _ => "the log says why",
        };
        let text = format!("{interface}: verdicts are not counted; {why}");
        line(out, &text, Colour::Yellow, style);
    }
}

fn filter_table(status: &Value) -> Table {
    let measured = status.get("measured");
    let counts = match measured {
        Value::Null => COUNTED,
        _ => MEASURED,
    };
    let mut table = Table::default();
    head(&mut table, FILTERS);
    for (heading, _) in counts {
        table.cell(heading, None);
    }
    for filter in status.get("filters").list() {
        let interface = filter.get("interface");
        table.row();
        table.cell(&word(interface), None);
        cells(&mut table, filter, FILTERS);
        let counted = match measured {
            Value::Null => filter,
            _ => with(measured.get("filters"), "interface", interface),
        };
        cells(&mut table, counted, counts);
    }
    table
}

fn line(out: &mut String, text: &str, colour: Colour, style: Style) {
    out.push_str(&colour.paint(text, style));
    out.push('\n');
}

/// Writes the lines about the daemon.
fn daemon(out: &mut String, status: &Value, style: Style) {
    let member = |path| word(status.at(path));
    let (version, pid, file) = (member("version"), member("pid"), member("corefile"));
    let since = time(status.get("started"));
    let _ = writeln!(
        out,
        "corexdp {version}, process {pid}, since {since}\nCorefile: {file}"
    );
    for page in status.get("pages").list() {
        let _ = writeln!(out, "page: {}", word(page));
    }
    for listener in status.get("listeners").list() {
        if let Some(error) = listener.get("error").word() {
            let (service, address) = (word(listener.get("service")), word(listener.get("address")));
            let text = format!("{service}: NOT served at {address}: {}", Escaped(error));
            line(out, &text, Colour::Yellow, style);
        }
    }
    let (successes, failures) = (member("reloads.success"), member("reloads.failure"));
    let _ = write!(out, "reloads: {successes} done, {failures} failed");
    if status.at("reloads.unconfirmed").number() > Some(0) {
        let _ = write!(out, ", {} not confirmed", member("reloads.unconfirmed"));
    }
    let last = status.at("last_reload.time");
    if last.number().is_some() {
        let (at, result) = (time(last), member("last_reload.result"));
        let _ = write!(out, "; the last at {at}: {result}");
    }
    out.push('\n');
    let error = status.at("last_reload.error").word().unwrap_or_default();
    for error in error.lines() {
        line(out, &format!("  {}", Escaped(error)), Colour::Red, style);
    }
    if let Some(seconds) = status.get("confirm_within").number() {
        let text = format!(
            "not confirmed: run `corexdp confirm` within {seconds} s, or the old state is restored"
        );
        line(out, &text, Colour::Yellow, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"version":"0.1.0","pid":12,"started":1764064557,"corefile":"Corefile","reloads":{"success":1,"failure":2,"unconfirmed":3},
"last_reload":{"time":1764064600,"result":"failure","error":"Corefile:6: map: wrong\nCorefile:7: if: wrong"},"confirm_within":42,
"pages":["http://127.0.0.1:9153/"],"listeners":[
{"service":"page","address":"127.0.0.1:9153","up":true,"url":"http://127.0.0.1:9153/","error":null},
{"service":"health","address":":8080","up":false,"url":null,"error":"Address already in use"}],"filters":[
{"interface":"eth0","attached":true,"mode":"generic","reason":"too\u001blarge","exit":"detach","reattached":0,
"object":"acl","warnings":["the interface has\u001bno Ethernet header"],
"verdicts":[{"verdict":"pass","packets":70,"bytes":8400},{"verdict":"tx","packets":0,"bytes":0},{"verdict":"aborted","packets":5,"bytes":600}],
"program":{"name":"xdp_prog","id":7,"tag":"00","loaded_at":1764064558,"runs":null,"run_time_ns":null},
"maps":[{"name":"xdp_map","type":"hash","entries":3,"capacity":16}],
"metrics":[{"name":"coredns_ebpf_a","type":"gauge","value":-5,"help":"A."}]},
{"interface":"wan","attached":false,"mode":null,"reason":"the interface has gone","exit":"hold","reattached":11,
"program":{"name":"other","id":1234,"tag":"00","loaded_at":1764064559,"runs":18446744073709551615,"run_time_ns":5},
"maps":[{"name":"xdp_map","type":"array","entries":null,"capacity":128}],"metrics":[]}]}"#;

    const TEXT: &str = "\
corexdp 0.1.0, process 12, since 2025-11-25T09:55:57Z
Corefile: Corefile
page: http://127.0.0.1:9153/
health: NOT served at :8080: Address already in use
reloads: 1 done, 2 failed, 3 not confirmed; the last at 2025-11-25T09:56:40Z: failure
  Corefile:6: map: wrong
  Corefile:7: if: wrong
not confirmed: run `corexdp confirm` within 42 s, or the old state is restored

interface  state         mode     exit    reattached  program     id  loaded                                runs  run time ns
eth0       attached      generic  detach           0  xdp_prog     7  2025-11-25T09:55:58Z                     -            -
wan        not attached  -        hold            11  other     1234  2025-11-25T09:55:59Z  18446744073709551615            5
eth0: not native: too\\u{1b}large
eth0: the interface has\\u{1b}no Ethernet header
wan: not attached: the interface has gone
wan: verdicts are not counted; the log says why

interface  object  verdict  packets  bytes
eth0       acl     pass          70   8400
eth0       acl     aborted        5    600

interface  map      type   entries  capacity
eth0       xdp_map  hash         3        16
wan        xdp_map  array        -       128

interface  metric          value  help
eth0       coredns_ebpf_a     -5  A.
";

    #[test]
    fn text_shows_the_whole_status() {
        let status = Value::read(STATUS).unwrap();
        assert_eq!(text(&status, Style::Plain), TEXT);
    }

    #[test]
    fn measured_columns_replace_counted_columns() {
        let measured = r#"],"measured":{"milliseconds":5000,"filters":[{"interface":"wan","runs":10,"run_time_ns":70,"runs_per_second":2,"ns_per_run":7},
{"interface":"eth0","verdicts":[{"verdict":"pass","packets_per_second":14,"bytes_per_second":1680}]}]}}"#;
        let status = STATUS.strip_suffix("]}").unwrap().to_owned() + measured;
        let text = text(&Value::read(&status).unwrap(), Style::Plain);
        for (line, end) in [
            ("interface  state", "  runs/s  ns/run"),
            ("eth0 ", "Z       -       -"),
            ("wan ", "Z       2       7"),
            ("interface  object", "  packets/s  bytes/s"),
            ("eth0       acl     pass ", " 8400         14     1680"),
            ("eth0       acl     aborted ", "  600          -        -"),
        ] {
            let line = text.lines().find(|row| row.starts_with(line)).unwrap();
            assert!(line.ends_with(end), "{line}");
        }
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let status = Value::read(STATUS).unwrap();
        let coloured = text(&status, Style::Coloured);
        for part in [
            "\x1b[32mattached\x1b[0m ",
            "\x1b[1;31mnot attached\x1b[0m",
            "\x1b[33meth0: not native: ",
            "\x1b[33meth0: the interface has",
            "\x1b[1;31mwan: not attached: the interface has gone\x1b[0m",
            "\x1b[33mnot confirmed: ",
            "\x1b[33mhealth: NOT served",
            "\x1b[33mwan: verdicts are not counted",
            "\x1b[1;31maborted\x1b[0m ",
            "\x1b[1;31m  Corefile:6: map: wrong\x1b[0m",
        ] {
            assert!(coloured.contains(part), "{part:?} in {coloured:?}");
        }
        let mut plain = coloured;
        for code in ["\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, TEXT);
    }
}
