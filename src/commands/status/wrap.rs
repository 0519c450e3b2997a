//! Lines that fit a terminal of 80 columns.

use super::style::{Colour, Style};

/// Columns of the narrowest terminal.
pub(super) const WIDTH: usize = 80;
/// Indentation of the lines that continue a line.
pub(super) const INDENT: usize = 2;

/// Splits text into lines of at most `width` characters, between words if possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some((end, next)) = rest.char_indices().nth(width.max(1)) {
        let fits = rest.get(..end).unwrap_or_default();
        let cut = match fits.rfind(' ') {
            Some(space) if next != ' ' && space > 0 => space,
            _ => end,
        };
        let Some((line, after)) = rest.split_at_checked(cut) else {
            break;
        };
        lines.push(line.trim_end());
        rest = after.trim_start();
    }
    lines.push(rest);
    lines
}

/// Writes text in this colour, as several lines if necessary.
pub(super) fn paragraph(out: &mut String, text: &str, colour: Option<Colour>, style: Style) {
    for (at, line) in wrap(text, WIDTH - INDENT).into_iter().enumerate() {
        let line = match at {
            0 => line.to_owned(),
            _ => format!("{:INDENT$}{line}", ""),
        };
        match colour {
            Some(colour) => out.push_str(&colour.paint(&line, style)),
            None => out.push_str(&line),
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        for (text, expected) in [
            ("", &[""][..]),
            ("one two", &["one two"]),
            ("one two three", &["one two", "three"]),
            ("one  twothree", &["one", "twothree"]),
            ("onetwothree four", &["onetwoth", "ree four"]),
            ("12345678 9", &["12345678", "9"]),
            ("éééééééé ééé", &["éééééééé", "ééé"]),
            (" 123456789", &[" 1234567", "89"]),
        ] {
            assert_eq!(wrap(text, 8), expected, "{text}");
        }
    }

    #[test]
    fn further_lines_are_indented_and_coloured() {
        let (mut out, text) = (String::new(), "word ".repeat(16) + "end");
        paragraph(&mut out, &text, Some(Colour::Red), Style::Coloured);
        let first = "word ".repeat(15).trim_end().to_owned();
        let expected = format!("\x1b[1;31m{first}\x1b[0m\n\x1b[1;31m  word end\x1b[0m\n");
        assert_eq!(out, expected);
    }
}
