//! Map values → the text that Prometheus reads (exposition format 0.0.4).

#![forbid(unsafe_code)]

use std::fmt::{self, Write};

use crate::json::Scalar;

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

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// When it does not fit; then nothing is written.
    pub fn json(&mut self, value: Scalar<'_>) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        self.length += serde_json_core::to_slice(&value, room).map_err(|_| fmt::Error)?;
        Ok(())
    }

    /// Writes an object as JSON, but leaves it open for more members.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn open(&mut self, members: &[(&str, Scalar<'_>)]) -> fmt::Result {
        let mut before = "{\"";
        for (name, value) in members {
            for part in [before, name, "\":"] {
                self.write_str(part)?;
            }
            self.json(*value)?;
            before = ",\"";
        }
        Ok(())
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

impl Kind {
    /// As Prometheus spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// Begins a metric: its HELP and TYPE.
///
/// # Errors
/// When the text is full.
pub fn head(text: &mut impl Write, name: &str, kind: Kind, help: &str) -> fmt::Result {
    write!(text, "# HELP {name} ")?;
    escape(text, help, false)?;
    writeln!(text, "\n# TYPE {name} {}", kind.name())
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

/// Where in a value a number stands, and how it is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its first byte.
    pub position: usize,
    /// How many bytes it has, 1 to 8.
    pub length: usize,
    /// Whether the highest byte stands first.
    pub big_endian: bool,
    /// Whether it may be negative.
    pub signed: bool,
}

impl Number {
    /// An unsigned number, lowest byte first.
    pub const fn little_endian(position: usize, length: usize) -> Self {
        Self {
            position,
            length,
            big_endian: false,
            signed: false,
        }
    }

    /// Reads it, a negative one in two's complement of 64 bits; 0 where the value ends before.
    pub fn read(self, value: &[u8]) -> u64 {
        let end = self.position.checked_add(self.length);
        let bytes = end.and_then(|end| value.get(self.position..end));
        let bytes = bytes.unwrap_or_default();
        let mut number = [0; 8];
        for (to, from) in number.iter_mut().zip(bytes) {
            *to = *from;
        }
        let Some(unused @ ..64) = 64_usize.checked_sub(8 * bytes.len()) else {
            return 0;
        };
        let high = if self.big_endian {
            u64::from_be_bytes(number)
        } else {
            u64::from_le_bytes(number) << unused
        };
        if self.signed {
            (high.cast_signed() >> unused).cast_unsigned()
        } else {
            high >> unused
        }
    }

    /// The sum of it over several values, those of a per-CPU map.
    pub fn total<'a>(self, values: impl Iterator<Item = &'a [u8]>) -> Total {
        Total {
            sum: values.fold(0, |sum, value| sum.wrapping_add(self.read(value))),
            signed: self.signed,
        }
    }
}

/// A sum, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    sum: u64,
    signed: bool,
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signed {
            self.sum.cast_signed().fmt(f)
        } else {
            self.sum.fmt(f)
        }
    }
}

impl From<Total> for Scalar<'_> {
    fn from(total: Total) -> Self {
        if total.signed {
            Self::Signed(total.sum.cast_signed())
        } else {
            Self::Number(Some(total.sum))
        }
    }
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
    fn numbers_end_with_the_value() {
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
            let number = Number::little_endian(position, length).read(&value);
            assert_eq!(number, expected, "{position} {length}");
        }
    }

    #[test]
    fn numbers_have_an_order_and_a_sign() {
        let value = [0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        for (length, big_endian, signed, expected) in [
            (1, false, false, "255"),
            (1, true, true, "-1"),
            (2, false, false, "65279"),
            (2, false, true, "-257"),
            (2, true, false, "65534"),
            (2, true, true, "-2"),
            (3, false, true, "-257"),
            (4, true, true, "-65537"),
            (8, true, false, "18446462598732840705"),
            (8, false, true, "144115188075855615"),
        ] {
            let number = Number {
                position: 0,
                length,
                big_endian,
                signed,
            };
            let total = number.total([&value[..]].into_iter());
            assert_eq!(total.to_string(), expected, "{number:?}");
        }
    }

    #[test]
    fn sums_go_over_all_values() {
        let number = Number {
            signed: true,
            ..Number::little_endian(0, 1)
        };
        let values = [&[0xfe][..], &[0x01], &[0x7f], &[]];
        assert_eq!(number.total(values.into_iter()).to_string(), "126");
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
