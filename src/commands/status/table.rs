//! Tables with columns as wide as their widest cell.

use std::fmt::Write as _;

/// Style of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// With escape sequences for colours (ECMA-48).
    Coloured,
}

/// Terminal colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// For a good state.
    Green,
    /// For a bad state.
    Red,
    /// For a warning.
    Yellow,
}

impl Colour {
    /// The text in this colour, or unchanged in the plain style.
    pub(super) fn paint(self, text: &str, style: Style) -> String {
        let code = match self {
            Self::Green => "32",
            Self::Red => "1;31",
            Self::Yellow => "33",
        };
        match style {
            Style::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            Style::Plain => text.into(),
        }
    }
}

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

    /// True for a column of numbers. Its heading, and cells with `-`, are ignored.
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
    pub(super) fn write(&self, out: &mut String, style: Style) {
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
                let text = colour.map_or_else(|| text.clone(), |colour| colour.paint(text, style));
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
}
