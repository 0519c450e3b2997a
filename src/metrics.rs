//! Map values → the text that Prometheus reads (exposition format 0.0.4).

#![forbid(unsafe_code)]

use std::fmt::{self, Write};

/// A text of fixed capacity. Once something did not fit, the text is no longer whole, and says so.
#[derive(Debug)]
pub struct Text<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl<'a> Text<'a> {
    /// An empty text in `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// Bytes written.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// What Prometheus takes a metric for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that goes up and down.
    Gauge,
    /// A number that only goes up.
    Counter,
}

/// Begins a metric: its HELP and TYPE.
///
/// # Errors
/// When the text is full.
pub fn head(text: &mut impl Write, name: &str, kind: Kind, help: &str) -> fmt::Result {
    let kind = match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    };
    write!(text, "# HELP {name} ")?;
    escape(text, help, false)?;
    writeln!(text, "\n# TYPE {name} {kind}")
}

/// One sample with its labels, name and value by turns.
///
/// # Errors
/// When the text is full.
pub fn sample(
    text: &mut impl Write,
    name: &str,
    labels: &[(&str, &str)],
    value: impl fmt::Display,
) -> fmt::Result {
    text.write_str(name)?;
    for (index, (label, value)) in labels.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        write!(text, "{before}{label}=\"")?;
        escape(text, value, true)?;
        text.write_char('"')?;
    }
    let after = if labels.is_empty() { "" } else { "}" };
    writeln!(text, "{after} {value}")
}

/// The number in the `length` (1 to 8) bytes at `position` of a value, little-endian; 0 where the value ends before.
pub fn number(value: &[u8], position: usize, length: usize) -> u64 {
    let bytes = position
        .checked_add(length)
        .and_then(|end| value.get(position..end))
        .unwrap_or_default();
    bytes
        .iter()
        .rev()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn escape(text: &mut impl Write, raw: &str, quoted: bool) -> fmt::Result {
    let mark = |byte: u8| match byte {
        b'\\' => Some("\\\\"),
        b'\n' => Some("\\n"),
        b'"' if quoted => Some("\\\""),
        _ => None,
    };
    let mut from = 0;
    for (at, escaped) in raw
        .bytes()
        .enumerate()
        .filter_map(|(at, byte)| Some((at, mark(byte)?)))
    {
        text.write_str(raw.get(from..at).unwrap_or_default())?;
        text.write_str(escaped)?;
        from = at + 1;
    }
    text.write_str(raw.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_end_with_the_value() {
        let value = [1, 2, 3, 4, 5, 6, 7, 8, 0xff];
        for (position, length, expected) in [
            (0, 1, 1),
            (0, 2, 0x0201),
            (0, 8, 0x0807_0605_0403_0201),
            (1, 8, 0xff08_0706_0504_0302),
            (8, 1, 255),
            (8, 2, 0),
            (9, 1, 0),
            (usize::MAX, 8, 0),
        ] {
            assert_eq!(
                number(&value, position, length),
                expected,
                "{position} {length}"
            );
        }
    }

    #[test]
    fn a_metric_in_full() {
        let mut bytes = [0; 256];
        let mut text = Text::new(&mut bytes);
        head(&mut text, "x", Kind::Gauge, "Back\\slash\nand \"quotes\".").unwrap();
        sample(&mut text, "x", &[], u64::MAX).unwrap();
        sample(&mut text, "x", &[("a", "\"\\\n"), ("b", "2")], 1).unwrap();
        let length = text.len();
        let expected = "# HELP x Back\\\\slash\\nand \"quotes\".\n# TYPE x gauge\nx 18446744073709551615\nx{a=\"\\\"\\\\\\n\",b=\"2\"} 1\n";
        assert_eq!(std::str::from_utf8(&bytes[..length]).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_writes_nothing() {
        let mut bytes = [0; 4];
        let mut text = Text::new(&mut bytes);
        assert!(text.write_str("abc").is_ok());
        assert!(text.write_str("de").is_err());
        assert_eq!(text.len(), 3);
    }
}
