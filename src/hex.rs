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
pub fn decode(text: &str, skip: Option<u8>, out: &mut [u8]) -> Result<usize, Error> {
    let mut room = out.iter_mut();
    walk(text, skip, |byte| {
        *room.next().ok_or(Error::Long)? = byte;
        Ok(())
    })
}

/// How many bytes `text` is, leaving out each `skip`; at most `most`.
///
/// # Errors
/// See [`Error`].
pub fn measure(text: &str, skip: Option<u8>, most: usize) -> Result<usize, Error> {
    let length = walk(text, skip, |_| Ok(()))?;
    if length > most {
        Err(Error::Long)
    } else {
        Ok(length)
    }
}

/// Gives each byte to `take`.
fn walk(
    text: &str,
    skip: Option<u8>,
    mut take: impl FnMut(u8) -> Result<(), Error>,
) -> Result<usize, Error> {
    let mut length = 0;
    // A Corefile can have a hundred thousand such words, and most are pairs of digits throughout.
    let (pairs, _) = text.as_bytes().as_chunks();
    for &[high, low] in pairs {
        let (high, low) = (digit(high), digit(low));
        if high | low > 15 {
            break;
        }
        take(high << 4 | low)?;
        length += 1;
    }
    let mut high = None;
    for (at, &byte) in text.as_bytes().iter().enumerate().skip(length * 2) {
        if Some(byte) == skip {
            continue;
        }
        let digit = digit(byte);
        if digit > 15 {
            return Err(Error::Digit(character_at(text, at)));
        }
        match high.take() {
            None => high = Some(digit),
            Some(high) => {
                take(high << 4 | digit)?;
                length += 1;
            }
        }
    }
    match (high, length) {
        (Some(_), _) => Err(Error::Odd),
        (None, 0) => Err(Error::Empty),
        (None, length) => Ok(length),
    }
}

/// What a digit counts; for anything else more than 15.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => u8::MAX,
    }
}

/// The character at a byte that begins one: all bytes before were of one byte each.
fn character_at(text: &str, at: usize) -> char {
    let rest = text.get(at..).unwrap_or_default();
    rest.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
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
            ("0A.0b", Some(b'.'), Ok(&[0x0a, 0x0b][..])),
            (".0.A.", Some(b'.'), Ok(&[0x0a][..])),
            ("0A.0b", None, Err(Error::Digit('.'))),
            ("0A0", None, Err(Error::Odd)),
            ("", None, Err(Error::Empty)),
            ("..", Some(b'.'), Err(Error::Empty)),
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
