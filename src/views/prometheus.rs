//! Text exposition format 0.0.4 of Prometheus.

use std::fmt::{self, Write};

use crate::base::escape::is_control;
use crate::config::MetricKind;

/// Writes HELP and TYPE of a metric.
///
/// # Errors
/// When the text is full.
pub fn head(text: &mut impl Write, name: &str, kind: MetricKind, help: &str) -> fmt::Result {
    write!(text, "# HELP {name} ")?;
    escape(text, help, Place::Help)?;
    writeln!(text, "\n# TYPE {name} {}", kind.name())
}

/// Writes a sample. `labels` are pairs of name and value.
///
/// # Errors
/// When the text is full.
pub fn sample(
    text: &mut impl Write,
    name: &str,
    labels: &[(&str, &str)],
    value: impl fmt::Display,
) -> fmt::Result {
    write_sample(text, name, labels, &value)
}

/// Compiled once for all kinds of values.
fn write_sample(
    text: &mut dyn Write,
    name: &str,
    labels: &[(&str, &str)],
    value: &dyn fmt::Display,
) -> fmt::Result {
    text.write_str(name)?;
    for (index, (label, value)) in labels.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        write!(text, "{before}{label}=\"")?;
        escape(text, value, Place::LabelValue)?;
        text.write_char('"')?;
    }
    let after = if labels.is_empty() { "" } else { "}" };
    writeln!(text, "{after} {value}")
}

/// Place of an escaped text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After `# HELP NAME`, where quotes are not escaped.
    Help,
    /// Between double quotes.
    LabelValue,
}

fn escape(text: &mut dyn Write, raw: &str, place: Place) -> fmt::Result {
    let needs_escape = |c: char| match c {
        '\\' => true,
        '"' => place == Place::LabelValue,
        c => is_control(c) && c != '\t',
    };
    let mut from = 0;
    for (at, c) in raw.char_indices().filter(|(_, c)| needs_escape(*c)) {
        text.write_str(raw.get(from..at).unwrap_or_default())?;
        match c {
            '\\' | '"' => write!(text, "\\{c}"),
            '\n' => text.write_str("\\n"),
            // The format has no escape for control characters: readers get a backslash and the code, as in messages.
            c => write!(text, "\\{}", c.escape_default()),
        }?;
        from = at + c.len_utf8();
    }
    text.write_str(raw.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::Text;

    #[test]
    fn help_and_labels_are_escaped() {
        let mut bytes = [0; 256];
        let mut text = Text::new(&mut bytes);
        head(
            &mut text,
            "x",
            MetricKind::Gauge,
            "Back\\slash\nand \"quotes\", \u{1b}[2J \u{202e}.",
        )
        .unwrap();
        sample(&mut text, "x", &[], u64::MAX).unwrap();
        sample(&mut text, "x", &[("a", "\"\\\n"), ("b", "2")], 1).unwrap();
        let length = text.len();
        let expected = "# HELP x Back\\\\slash\\nand \"quotes\", \\\\u{1b}[2J \\\\u{202e}.\n# TYPE x gauge\nx 18446744073709551615\nx{a=\"\\\"\\\\\\n\",b=\"2\"} 1\n";
        assert_eq!(std::str::from_utf8(&bytes[..length]).unwrap(), expected);
    }
}
