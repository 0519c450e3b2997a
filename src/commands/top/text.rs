//! A report as text, in ASCII: lines for a terminal or a pipe.

use std::fmt::{self, Display};

use super::estimate::{permille, share};
use super::level::{KeyText, Level};
use super::report::Report;
use super::table::{By, NAMES, Row, SOURCES, Table};
use super::weights::TX;
use crate::base::escape::Escaped;

/// Columns before the key of a row.
const NUMBERS: usize = 41;
/// Keys of the keyboard.
pub(super) const KEYS: &str =
    "s source  n network  d name  x suffix  t type  v verdict  a all  ? help  q quit";

/// Lines of at most as many columns.
pub(super) struct Lines {
    pub(super) text: String,
    columns: usize,
}

impl Lines {
    pub(super) const fn new(columns: usize) -> Self {
        Self {
            text: String::new(),
            columns,
        }
    }

    /// Appends a line, cut to the columns.
    pub(super) fn add(&mut self, line: &str) {
        self.text.extend(line.chars().take(self.columns));
        self.text.push('\n');
    }
}

/// A number with groups of digits.
struct Grouped(u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        f.pad(&grouped)
    }
}

/// Thousandths in percent.
struct Percent(u16);

impl Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}%", self.0 / 10, self.0 % 10))
    }
}

/// Appends the report: with a subject one table of `count` rows, else a table of sources and one of names.
pub(super) fn write(lines: &mut Lines, report: &Report<'_>, by: Option<By>, count: usize) {
    head(lines, report);
    if let Some(by) = by {
        return table(lines, report, by.levels(), by.word(), count);
    }
    table(lines, report, SOURCES, "source or network", count);
    table(lines, report, NAMES, "name or suffix", count);
}

fn head(lines: &mut Lines, report: &Report<'_>) {
    let total = &report.tally.total;
    let samples = Grouped(total.samples_per_second());
    let right = format!("{samples} samples/s, {} lost", Grouped(report.lost));
    let interfaces = report.interfaces.join(", ");
    let title = format!("corexdp top, {}: {}", report.span, Escaped(&interfaces));
    let room = lines.columns.saturating_sub(right.len() + 2);
    lines.add(&format!("{title:room$.room$}  {right}"));
    let packets = Grouped(total.packets_per_second(total.verdicts.sum()));
    let mut rates = format!("{packets} packets/s");
    append_shares(&mut rates, lines.columns, report, Level::Verdict);
    lines.add(&rates);
    let mut types = "types".to_owned();
    if append_shares(&mut types, lines.columns, report, Level::Type) {
        lines.add(&types);
    }
}

/// Appends the greatest shares of a level to a line. Returns false if there are none.
fn append_shares(line: &mut String, columns: usize, report: &Report<'_>, level: Level) -> bool {
    let total = &report.tally.total;
    let table = Table::new(report.tally, &[level], 8);
    let mut separator = ": ";
    for row in &table.rows {
        let share = permille(row.weights.sum(), total.verdicts.sum());
        let text = KeyText(row.level, row.key);
        let part = format!("{separator}{text} {}", Percent(share));
        if line.len() + part.len() > columns {
            break;
        }
        line.push_str(&part);
        separator = ", ";
    }
    !table.rows.is_empty()
}

fn table(lines: &mut Lines, report: &Report<'_>, levels: &[Level], heading: &str, count: usize) {
    lines.add("");
    lines.add(&format!(
        "{:>6} {:>6} {:>11} {:>6} {:>6}  {heading}",
        "share", "+/-", "packets/s", "drop", "tx"
    ));
    let table = Table::new(report.tally, levels, count);
    for row in &table.rows {
        add_row(lines, report, row);
    }
    if table.other.weights.sum() > 0 {
        add_row(lines, report, &table.other);
    }
}

fn add_row(lines: &mut Lines, report: &Report<'_>, row: &Row<'_>) {
    let (total, weight) = (&report.tally.total, row.weights.sum());
    let share = share(total, weight, row.excess);
    let part = |weight_of| Percent(permille(weight_of, weight));
    let key = KeyText(row.level, row.key).to_string();
    let mut line = format!(
        "{:>6} {:>6} {:>11} {:>6} {:>6}  ",
        Percent(share.permille),
        Percent(share.error),
        Grouped(total.packets_per_second(weight)),
        part(row.weights.dropped()),
        part(row.weights.of(TX)),
    );
    // The end of a name says more than its beginning.
    let room = lines.columns.saturating_sub(NUMBERS);
    match key.len().checked_sub(room) {
        None | Some(0) => line.push_str(&key),
        Some(more) => {
            line.push_str("..");
            line.push_str(key.get(more + "..".len()..).unwrap_or_default());
        }
    }
    lines.add(&line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::report::examples::tally;
    use crate::commands::top::tally::Tally;

    fn written(tally: &Tally, by: Option<By>, count: usize, columns: usize) -> String {
        let report = Report {
            tally,
            interfaces: &["eth0".into(), "wan\u{1b}".into()],
            lost: 12_345,
            span: "5 s",
        };
        let mut lines = Lines::new(columns);
        write(&mut lines, &report, by, count);
        lines.text
    }

    #[test]
    fn report_has_sources_and_names() {
        let mut samples = vec![(900_000, 1, "198.51.100.7", "www.example.org"); 100];
        samples.extend(
            [(
                100,
                3,
                "2001:db8:1234:5678:9abc:def0:1234:5678",
                "a.example.com",
            ); 100],
        );
        samples.extend([(100_000, 2, "192.0.2.1", ""); 100]);
        let expected = "\
corexdp top, 5 s: eth0, wan\\u{1b}                     300 samples/s, 12,345 lost
100,010,000 packets/s: drop 90.0%, pass 10.0%, tx 0.0%
types: A 90.0%, UDP/53 10.0%

 share    +/-   packets/s   drop     tx  source or network
 90.0%   7.0%  90,000,000 100.0%   0.0%  198.51.100.7
 10.0%   7.0%  10,000,000   0.0%   0.0%  192.0.2.1
  0.0%   3.9%      10,000   0.0% 100.0%  2001:db8:1234:5678:9abc:def0:1234:5678

 share    +/-   packets/s   drop     tx  name or suffix
 90.0%   7.0%  90,000,000 100.0%   0.0%  www.example.org
  0.0%   3.9%      10,000   0.0% 100.0%  a.example.com
";
        assert_eq!(written(&tally(&samples), None, 7, 80), expected);
    }

    #[test]
    fn table_of_one_subject_has_the_other_packets() {
        let tally = tally(&[
            (6, 1, "198.51.100.7", "www.example.org"),
            (3, 2, "198.51.100.8", "www.example.org"),
            (1, 0, "192.0.2.1", "org"),
        ]);
        for (by, table) in [
            (
                By::Source,
                "source\n 60.0%  42.0%           6 100.0%   0.0%  198.51.100.7\n 40.0%  42.0%           4  25.0%   0.0%  (other)\n",
            ),
            (By::Network, ""),
        ] {
            let written = written(&tally, Some(by), 1, 80);
            assert!(written.ends_with(table), "{written}");
        }
    }

    #[test]
    fn lines_are_cut_to_the_columns() {
        let label = "\u{1b}[2J".repeat(8);
        let name = format!("{label}.example.org");
        let tally = tally(&[(1, 1, "198.51.100.7", &name)]);
        for columns in [80, 100] {
            let written = written(&tally, Some(By::Name), 5, columns);
            assert!(
                written.lines().all(|line| line.len() <= columns),
                "{written}"
            );
            let last = written.lines().last().unwrap();
            assert_eq!(last.len(), columns);
            assert!(
                last.contains("  ..") && last.ends_with("\\027[2j.example.org"),
                "{last}"
            );
        }
    }

    #[test]
    fn numbers_have_groups() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(Grouped(number).to_string(), expected);
        }
    }

    #[test]
    fn report_without_packets_has_no_rows() {
        let expected = "\
corexdp top, 5 s: eth0, wan\\u{1b}                       0 samples/s, 12,345 lost
0 packets/s

 share    +/-   packets/s   drop     tx  type
";
        assert_eq!(written(&Tally::new(), Some(By::Type), 5, 80), expected);
    }
}
