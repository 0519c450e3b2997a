//! Tables with columns as wide as their widest cell.

use std::fmt::Write as _;

/// Terminal colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Good state.
    Green,
    /// Bad state.
    Red,
    /// Warning.
    Yellow,
}

impl Colour {
    /// The text in this colour, or unchanged without `colours`.
    pub(super) fn paint(self, text: &str, colours: bool) -> String {
        let code = match self {
            Self::Green => "32",
            Self::Red => "1;31",
            Self::Yellow => "33",
        };
        if colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.into()
        }
    }
}

/// Rows of cells. The first row has the headings; columns of numbers are aligned to the right.
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

    /// True with rows below the headings.
    pub(super) const fn has_rows(&self) -> bool {
        self.rows.len() > 1
    }

    /// True for a column of numbers; heading and cells of `-` do not count.
    fn is_number(&self, column: usize) -> bool {
        let cells = self.rows.iter().skip(1).filter_map(|row| row.get(column));
        let (mut any, mut all) = (false, true);
        for byte in cells.flat_map(|(text, _)| text.bytes()) {
            any |= byte.is_ascii_digit();
            all &= byte == b'-' || byte.is_ascii_digit();
        }
        any && all
    }

    /// Appends the table to `out`.
    pub(super) fn write(&self, out: &mut String, colours: bool) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let (mut widths, mut right) = (Vec::new(), Vec::new());
        for column in 0..columns {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            widths.push(cells.map(|(text, _)| text.chars().count()).max());
            right.push(self.is_number(column));
        }
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&right) {
                let (text, colour) = cell;
                let space = width.unwrap_or(0).saturating_sub(text.chars().count());
                let (before, after) = if *right { (space, 0) } else { (0, space) };
                let text =
                    colour.map_or_else(|| text.clone(), |colour| colour.paint(text, colours));
                let _ = write!(line, "{:before$}{text}{:after$}  ", "", "");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
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
        table().write(&mut out, false);
        assert_eq!(
            out,
            "name        count  help\na              -5  first\nlonger é  1000000\n"
        );
    }

    #[test]
    fn colours_keep_the_alignment() {
        let mut out = String::new();
        table().write(&mut out, true);
        let plain = out.replace("\x1b[32m", "").replace("\x1b[0m", "");
        let mut expected = String::new();
        table().write(&mut expected, false);
        assert_eq!(plain, expected);
        assert!(out.contains("\x1b[32ma\x1b[0m"), "{out:?}");
    }
}
