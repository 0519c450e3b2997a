//! The daemon's answer for a person: a few lines on the daemon, then tables of filters, maps and metrics.

use std::fmt::Write as _;

use super::measure::Measured;
use super::table::{Colour, Table};
use crate::corefile::Escaped;
use crate::json::Value;
use crate::utc::Utc;

/// What stands where there is nothing to say.
const NONE: &str = "-";

/// The whole text.
pub(super) fn text(status: &Value, measured: Option<&Measured>, colours: bool) -> String {
    let mut out = String::new();
    daemon(&mut out, status, colours);
    let filters = status.get("filters").list();
    if filters.is_empty() {
        let nothing = Colour::Yellow.paint("nothing is filtered", colours);
        let _ = writeln!(out, "\n{nothing}");
        return out;
    }
    out.push('\n');
    table_of_filters(filters, measured).write(&mut out, colours);
    for filter in filters {
        if let Some(reason) = filter.get("reason").word() {
            let interface = word(filter.get("interface"));
            let line = format!("{interface}: not native: {}", Escaped(reason));
            let _ = writeln!(out, "{}", Colour::Yellow.paint(&line, colours));
        }
    }
    for (list, columns, names) in [
        (
            "maps",
            &["name", "type", "entries", "capacity"][..],
            &["interface", "map", "type", "entries", "capacity"][..],
        ),
        (
            "metrics",
            &["name", "value", "help"],
            &["interface", "metric", "value", "help"],
        ),
    ] {
        parts(&mut out, filters, list, columns, names);
    }
    out
}

/// A word of the answer as a terminal can show it.
fn word(value: &Value) -> String {
    let word = value.word().filter(|word| !word.is_empty());
    Escaped(word.unwrap_or(NONE)).to_string()
}

fn time(value: &Value) -> String {
    let known = value.number().map(|seconds| Utc(seconds).to_string());
    known.unwrap_or_else(|| NONE.into())
}

fn daemon(out: &mut String, status: &Value, colours: bool) {
    let [version, pid, file] = ["version", "pid", "corefile"].map(|name| word(status.get(name)));
    let since = time(status.get("started"));
    let _ = writeln!(out, "corexdp {version}, process {pid}, since {since}");
    let _ = writeln!(out, "Corefile: {file}");
    for page in status.get("pages").list() {
        let _ = writeln!(out, "page: {}", word(page));
    }
    let count = |result| word(status.get("reloads").get(result));
    let (good, bad) = (count("success"), count("failure"));
    let _ = write!(out, "reloads: {good} done, {bad} failed");
    let last = status.get("last_reload");
    if last.get("time").number().is_some() {
        let (at, result) = (time(last.get("time")), word(last.get("result")));
        let _ = write!(out, "; the last at {at}: {result}");
    }
    out.push('\n');
    let error = last.get("error").word().unwrap_or_default();
    for line in error.lines() {
        let line = format!("  {}", Escaped(line));
        let _ = writeln!(out, "{}", Colour::Red.paint(&line, colours));
    }
    if let Some(seconds) = status.get("confirm_within").number() {
        let line = format!(
            "not confirmed: `corexdp confirm` keeps it, else the old state returns in {seconds} s"
        );
        let _ = writeln!(out, "{}", Colour::Yellow.paint(&line, colours));
    }
}

fn table_of_filters(filters: &[Value], measured: Option<&Measured>) -> Table {
    let mut names = vec![
        "interface",
        "state",
        "mode",
        "exit",
        "reattached",
        "program",
        "id",
        "loaded",
    ];
    names.extend(match measured {
        None => ["runs", "run time ns"],
        Some(_) => ["runs/s", "ns/run"],
    });
    let mut table = Table::new(&names);
    for filter in filters {
        table.row();
        let interface = word(filter.get("interface"));
        table.cell(&interface, None);
        let (state, colour) = match filter.get("attached") {
            Value::Truth(true) => ("attached", Colour::Green),
            _ => ("not attached", Colour::Red),
        };
        table.cell(state, Some(colour));
        for name in ["mode", "exit", "reattached"] {
            table.cell(&word(filter.get(name)), None);
        }
        let program = filter.get("program");
        for name in ["name", "id"] {
            table.cell(&word(program.get(name)), None);
        }
        table.cell(&time(program.get("loaded_at")), None);
        let measured = measured.map(|all| all.of(&interface));
        let numbers = match measured {
            None => ["runs", "run_time_ns"].map(|name| word(program.get(name))),
            Some(counted) => {
                let number =
                    |one: Option<u64>| one.map_or_else(|| NONE.into(), |one| one.to_string());
                let (runs, time) = counted.unzip();
                [number(runs), number(time.flatten())]
            }
        };
        for number in numbers {
            table.cell(&number, None);
        }
    }
    table
}

/// A table of what each filter has several of; none if there is none.
fn parts(out: &mut String, filters: &[Value], list: &str, columns: &[&str], names: &[&str]) {
    if filters
        .iter()
        .all(|filter| filter.get(list).list().is_empty())
    {
        return;
    }
    let mut table = Table::new(names);
    for filter in filters {
        for part in filter.get(list).list() {
            table.row();
            table.cell(&word(filter.get("interface")), None);
            for column in columns {
                table.cell(&word(part.get(column)), None);
            }
        }
    }
    out.push('\n');
    table.write(out, false);
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"version":"0.1.0","pid":12,"started":1764064557,"corefile":"Corefile","reloads":{"success":1,"failure":2},
"last_reload":{"time":1764064600,"result":"failure","error":"Corefile:6: map: wrong\nCorefile:7: if: wrong"},"confirm_within":42,
"pages":["http://127.0.0.1:9153/"],"filters":[
{"interface":"eth0","attached":true,"mode":"generic","reason":"too\u001blarge","exit":"detach","reattached":0,
"program":{"name":"xdp_prog","id":7,"tag":"00","loaded_at":1764064558,"runs":null,"run_time_ns":null},
"maps":[{"name":"xdp_map","type":"hash","entries":3,"capacity":16}],
"metrics":[{"name":"coredns_ebpf_a","type":"gauge","value":-5,"help":"A."}]},
{"interface":"wan","attached":false,"mode":null,"reason":null,"exit":"hold","reattached":11,
"program":{"name":"other","id":1234,"tag":"00","loaded_at":1764064559,"runs":18446744073709551615,"run_time_ns":5},
"maps":[{"name":"xdp_map","type":"array","entries":null,"capacity":128}],"metrics":[]}]}"#;

    const TEXT: &str = "\
corexdp 0.1.0, process 12, since 2025-11-25T09:55:57Z
Corefile: Corefile
page: http://127.0.0.1:9153/
reloads: 1 done, 2 failed; the last at 2025-11-25T09:56:40Z: failure
  Corefile:6: map: wrong
  Corefile:7: if: wrong
not confirmed: `corexdp confirm` keeps it, else the old state returns in 42 s

interface  state         mode     exit    reattached  program     id  loaded                                runs  run time ns
eth0       attached      generic  detach           0  xdp_prog     7  2025-11-25T09:55:58Z                     -            -
wan        not attached  -        hold            11  other     1234  2025-11-25T09:55:59Z  18446744073709551615            5
eth0: not native: too\\u{1b}large

interface  map      type   entries  capacity
eth0       xdp_map  hash         3        16
wan        xdp_map  array        -       128

interface  metric          value  help
eth0       coredns_ebpf_a     -5  A.
";

    #[test]
    fn all_is_told_in_columns() {
        let status = Value::read(STATUS).unwrap();
        assert_eq!(text(&status, None, false), TEXT);
    }

    #[test]
    fn colours_say_what_the_words_say() {
        let status = Value::read(STATUS).unwrap();
        let coloured = text(&status, None, true);
        for part in [
            "\x1b[32mattached\x1b[0m ",
            "\x1b[1;31mnot attached\x1b[0m",
            "\x1b[33meth0: not native: ",
            "\x1b[33mnot confirmed: ",
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
