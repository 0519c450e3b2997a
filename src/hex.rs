//! Bytes as the Corefile and the change log write them: hexadecimal digits, as in memory.

#![forbid(unsafe_code)]

use std::fmt;

/// Why a word is no row of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Something else than `0`–`9`, `a`–`f`, `A`–`F`.
    Digit(char),
    /// An odd number of digits.
    Odd,
    /// Nothing at all.
    Empty,
    /// More bytes than fit.
    Long,
}

/// Decodes `text` into the front of `out`, leaving out each `skip`; returns how many bytes it is.
///
/// # Errors
/// See [`Error`].
pub fn decode(text: &str, skip: Option<char>, out: &mut [u8]) -> Result<usize, Error> {
    let mut digits = text.chars().filter(|&c| Some(c) != skip);
    let mut length = 0;
    while let Some(high) = digits.next() {
        let high = digit(high)?;
        let low = digit(digits.next().ok_or(Error::Odd)?)?;
        *out.get_mut(length).ok_or(Error::Long)? = high << 4 | low;
        length += 1;
    }
    if length == 0 {
        Err(Error::Empty)
    } else {
        Ok(length)
    }
}

fn digit(c: char) -> Result<u8, Error> {
    c.to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
        .ok_or(Error::Digit(c))
}

/// Bytes as upper-case digits without delimiters.
pub struct Upper<'a>(pub &'a [u8]);

impl fmt::Display for Upper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_bytes_in_the_order_written() {
        for (text, skip, expected) in [
            ("0A0b", None, Ok(&[0x0a, 0x0b][..])),
            ("0A.0b", Some('.'), Ok(&[0x0a, 0x0b][..])),
            (".0.A.", Some('.'), Ok(&[0x0a][..])),
            ("0A.0b", None, Err(Error::Digit('.'))),
            ("0A0", None, Err(Error::Odd)),
            ("", None, Err(Error::Empty)),
            ("..", Some('.'), Err(Error::Empty)),
            ("0x0A", None, Err(Error::Digit('x'))),
            ("0011223344", None, Err(Error::Long)),
            ("é0", None, Err(Error::Digit('é'))),
        ] {
            let mut out = [0; 4];
            let result = decode(text, skip, &mut out);
            assert_eq!(result.map(|length| &out[..length]), expected, "{text}");
        }
    }

    #[test]
    fn bytes_are_written_in_upper_case() {
        assert_eq!(Upper(&[0, 10, 255]).to_string(), "000AFF");
    }
}
