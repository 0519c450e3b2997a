//! A report as JSON.

use std::io;

use serde::Serialize;

use super::estimate::share;
use super::level::KeyText;
use super::report::Report;
use super::table::{By, Row, Table};
use super::tally::Total;
use super::weights::{PACKET, VERDICTS};
use crate::base::json::{Output, Shown, Writer};
use crate::object::frame::sample::verdict_name;

/// Version of the members. A later version has a greater number.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct ReportJson {
    schema: u32,
    milliseconds: u64,
    samples: u64,
    lost: u64,
    packets_per_second: u64,
}

#[derive(Serialize)]
struct RowJson<'a> {
    key: Shown<KeyText<'a>>,
    packets_per_second: u64,
    share_permille: u16,
    error_permille: u16,
}

/// Writes the report: the table of one subject, or all tables, each with at most `count` rows.
///
/// # Errors
/// Errors of `out`.
pub(super) fn write(
    out: &mut dyn io::Write,
    report: &Report<'_>,
    by: Option<By>,
    count: usize,
) -> io::Result<()> {
    let total = &report.tally.total;
    let mut output = Output::new(out);
    let mut json = Writer::new(&mut output);
    json.begin_object(&ReportJson {
        schema: SCHEMA,
        milliseconds: total.time / 1_000_000,
        samples: total.samples / PACKET,
        lost: report.lost,
        packets_per_second: total.packets_per_second(total.verdicts.sum()),
    });
    json.list("interfaces", report.interfaces.iter().map(String::as_str));
    json.member("tables");
    json.begin_list();
    for subject in By::ALL
        .into_iter()
        .filter(|subject| by.is_none_or(|by| by == *subject))
    {
        json.begin_empty_object();
        json.member("by");
        json.value(&subject.word());
        json.member("rows");
        json.begin_list();
        let table = Table::new(report.tally, subject.levels(), count);
        for row in &table.rows {
            write_row(&mut json, total, row);
        }
        json.end_list();
        json.member("other");
        write_row(&mut json, total, &table.other);
        json.end_object();
    }
    json.end_list();
    json.end_object();
    let written = json.end();
    output.finish(written)
}

fn write_row(json: &mut Writer<'_>, total: &Total, row: &Row<'_>) {
    let weight = row.weights.sum();
    let share = share(total, weight, row.excess);
    json.begin_object(&RowJson {
        key: Shown(KeyText(row.level, row.key)),
        packets_per_second: total.packets_per_second(weight),
        share_permille: share.permille,
        error_permille: share.error,
    });
    json.member("verdicts");
    json.begin_empty_object();
    for verdict in 0..VERDICTS {
        json.member(verdict_name(verdict));
        json.value(&total.packets_per_second(row.weights.of(verdict)));
    }
    json.end_object();
    json.end_object();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::Value;
    use crate::commands::top::report::examples::tally;

    fn written(by: Option<By>) -> String {
        let tally = tally(&[
            (3, 1, "198.51.100.7", "www.example.org"),
            (1, 3, "198.51.100.8", ""),
        ]);
        let report = Report {
            tally: &tally,
            interfaces: &["eth0".into()],
            lost: 7,
            span: "",
        };
        let mut out = Vec::new();
        write(&mut out, &report, by, 1).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn report_has_the_table_of_the_subject() {
        let expected = concat!(
            r#"{"schema":1,"milliseconds":1000,"samples":2,"lost":7,"packets_per_second":4,"interfaces":["eth0"],"tables":["#,
            r#"{"by":"source","rows":[{"key":"198.51.100.7","packets_per_second":3,"share_permille":750,"error_permille":500,"#,
            r#""verdicts":{"aborted":0,"drop":3,"pass":0,"tx":0,"redirect":0}}],"#,
            r#""other":{"key":"(other)","packets_per_second":1,"share_permille":250,"error_permille":500,"#,
            r#""verdicts":{"aborted":0,"drop":0,"pass":0,"tx":1,"redirect":0}}}]}"#,
            "\n"
        );
        assert_eq!(written(Some(By::Source)), expected);
    }

    #[test]
    fn report_without_subject_has_all_tables() {
        let report = Value::read(&written(None)).unwrap();
        let tables = report.get("tables").list().iter();
        let subjects = tables.map(|table| table.get("by").word().unwrap());
        let expected = By::ALL.map(By::word);
        assert_eq!(subjects.collect::<Vec<_>>(), expected);
    }
}
