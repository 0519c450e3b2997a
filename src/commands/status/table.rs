//! Tables with columns as wide as their widest cell.

use std::fmt::Write as _;

use super::style::{Colour, Style};
use super::wrap::{INDENT, WIDTH, wrap};

/// Rows of cells. The first row has the headings. Columns of numbers are aligned to the right.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<(String, Option<Colour>)>>,
}

impl Table {
    /// Begins a row.
    pub(super) fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Appends a cell to the last row.
    pub(super) fn cell(&mut self, text: &str, colour: Option<Colour>) {
        if let Some(row) = self.rows.last_mut() {
            row.push((text.into(), colour));
        }
    }

    /// True if the table has rows below the headings.
    pub(super) const fn has_rows(&self) -> bool {
        self.rows.len() > 1
    }

    /// True for a column of numbers, such as `12`, `0.5`, `<0.1` or `1.23k`. Its heading, and cells with `-`, are ignored.
    fn is_number(&self, column: usize) -> bool {
        let cells = self.rows.iter().skip(1).filter_map(|row| row.get(column));
        let (mut any, mut all) = (false, true);
        for (text, _) in cells {
            let digits = text.trim_end_matches(['k', 'M', 'G', 'T', 'P', 'E']);
            any |= digits.bytes().any(|byte| byte.is_ascii_digit());
            all &= digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"-.<".contains(&byte));
        }
        any && all
    }

    /// The columns, each as wide as its widest cell. A column that does not fit begins another line of its row, except
    /// that the text of a last column is wrapped if it has room for some words.
    fn columns(&self) -> Vec<Column> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let (mut columns, mut start) = (Vec::new(), 0);
        for at in 0..count {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let width = cells.map(|(text, _)| text.chars().count()).max();
            let width = width.unwrap_or(0);
            let wraps = at + 1 == count && start + WORDS <= WIDTH && !self.is_number(at);
            let breaks = start > 0 && start + width > WIDTH && !wraps;
            if breaks {
                start = 2 * INDENT;
            }
            let width = width.min(WIDTH.saturating_sub(start));
            let right = self.is_number(at);
            columns.push(Column {
                start,
                width,
                right,
                breaks,
            });
            start += width + GAP;
        }
        columns
    }

    /// Appends the table to `out`. No line has more than 80 columns.
    pub(super) fn write(&self, out: &mut String, style: Style) {
        let columns = self.columns();
        for row in &self.rows {
            for ((text, colour), column) in row.iter().zip(&columns) {
                if column.breaks {
                    end_line(out);
                    let _ = write!(out, "{:1$}", "", column.start);
                }
                for (at, line) in wrap(text, column.width).into_iter().enumerate() {
                    if at > 0 {
                        end_line(out);
                        let _ = write!(out, "{:1$}", "", column.start);
                    }
                    column.write(out, line, *colour, style);
                }
            }
            end_line(out);
        }
    }
}

/// Spaces between two columns.
const GAP: usize = 2;
/// Room in which the text of the last column is wrapped.
const WORDS: usize = 20;

/// A column of a table.
struct Column {
    /// Characters before the column.
    start: usize,
    width: usize,
    /// True if the cells are aligned to the right.
    right: bool,
    /// True if the column begins another line.
    breaks: bool,
}

impl Column {
    /// Appends a line of a cell, and the gap after it.
    fn write(&self, out: &mut String, line: &str, colour: Option<Colour>, style: Style) {
        let space = self.width.saturating_sub(line.chars().count());
        let (before, after) = if self.right { (space, 0) } else { (0, space) };
        let after = after + GAP;
        let line = colour.map_or_else(|| line.to_owned(), |colour| colour.paint(line, style));
        let _ = write!(out, "{:before$}{line}{:after$}", "", "");
    }
}

/// Ends a line of the table, without spaces at its end.
fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        table.row();
        for name in ["name", "count", "help"] {
            table.cell(name, None);
        }
        assert!(!table.has_rows());
        for (name, count, help) in [("a", "-5", "first"), ("longer é", "1000000", "")] {
            table.row();
            table.cell(name, Some(Colour::Green));
            table.cell(count, None);
            table.cell(help, None);
        }
        table
    }

    #[test]
    fn columns_are_aligned() {
        let mut out = String::new();
        table().write(&mut out, Style::Plain);
        assert_eq!(
            out,
            "name        count  help\na              -5  first\nlonger é  1000000\n"
        );
    }

    #[test]
    fn colours_keep_the_alignment() {
        let mut out = String::new();
        table().write(&mut out, Style::Coloured);
        let plain = out.replace("\x1b[32m", "").replace("\x1b[0m", "");
        let mut expected = String::new();
        table().write(&mut expected, Style::Plain);
        assert_eq!(plain, expected);
        assert!(out.contains("\x1b[32ma\x1b[0m"), "{out:?}");
    }

    /// A table of one row below the headings.
    fn row(cells: &[(&str, &str)]) -> String {
        let mut table = Table::default();
        table.row();
        for (name, _) in cells {
            table.cell(name, None);
        }
        table.row();
        for (_, text) in cells {
            table.cell(text, None);
        }
        let mut out = String::new();
        table.write(&mut out, Style::Plain);
        out
    }

    #[test]
    fn long_rows_take_several_lines() {
        let (long, help) = ("x".repeat(60), "word ".repeat(10));
        for (cells, expected) in [
            // The last column is wrapped in its place.
            (
                [("name", &long[..40]), ("value", "12345"), ("help", &help)],
                format!(
                    "name{:38}value  help\n{}  12345  {}\n{:49}{}\n",
                    "",
                    &long[..40],
                    "word ".repeat(6).trim_end(),
                    "",
                    "word ".repeat(4).trim_end()
                ),
            ),
            // It has too little room there.
            (
                [("name", &long), ("value", "12345"), ("help", &help)],
                format!(
                    "name{:58}value\n    help\n{long}  12345\n    {}\n",
                    "",
                    help.trim_end()
                ),
            ),
            // A cell is longer than a line.
            (
                [("name", &long.repeat(2)), ("value", "1"), ("more", "2")],
                format!(
                    "name\n    value  more\n{}\n{}\n        1     2\n",
                    "x".repeat(80),
                    "x".repeat(40)
                ),
            ),
        ] {
            assert_eq!(row(&cells), expected);
        }
    }

    #[test]
    fn rates_are_numbers() {
        for (cells, expected) in [
            (["1.23k", "<0.1", "-"], true),
            (["12", "999", "18.4E"], true),
            (["-", "-", "-"], false),
            (["12", "hash", "1"], false),
            (["2026-01-31T23:59:59Z", "-", "-"], false),
        ] {
            let mut table = Table::default();
            for cell in ["heading"].into_iter().chain(cells) {
                table.row();
                table.cell(cell, None);
            }
            assert_eq!(table.is_number(0), expected, "{cells:?}");
        }
    }
}
