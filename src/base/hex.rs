//! Hexadecimal bytes of the Corefile and of the change log, in memory order.

use std::fmt;

use super::quantity::Quantity;

/// Reason why a word is not hexadecimal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A character other than `0`–`9`, `a`–`f`, `A`–`F`.
    Digit(char),
    /// An odd number of digits.
    Odd,
    /// No digit.
    Empty,
    /// Too many bytes.
    Long,
}

/// Decodes `text` into the front of `out` and returns the number of bytes. Each `skip` in the text is ignored.
///
/// # Errors
/// See [`Error`].
pub fn decode(text: &str, skip: Option<u8>, out: &mut [u8]) -> Result<usize, Error> {
    let (eights, _) = text.as_bytes().as_chunks();
    let (fours, _) = out.as_chunks_mut();
    let mut length = 0;
    for (digits, bytes) in eights.iter().zip(fours) {
        let Some(four) = decode_eight(*digits) else {
            break;
        };
        *bytes = four;
        length += four.len();
    }
    let mut room = out.iter_mut().skip(length);
    decode_rest(text, length, skip, &mut |byte| {
        *room.next().ok_or(Error::Long)? = byte;
        Ok(())
    })
}

/// Number of bytes of `text`, at most `max`. Each `skip` in the text is ignored.
///
/// # Errors
/// See [`Error`].
pub fn measure(text: &str, skip: Option<u8>, max: usize) -> Result<usize, Error> {
    let (eights, _) = text.as_bytes().as_chunks();
    let mut length = 0;
    for &digits in eights {
        let Some(four) = decode_eight(digits) else {
            break;
        };
        length += four.len();
    }
    let length = decode_rest(text, length, skip, &mut |_| Ok(()))?;
    if length > max {
        Err(Error::Long)
    } else {
        Ok(length)
    }
}

/// Decodes the digits after the fast path one by one: calls `take` with every byte after the first `length`, and
/// returns the number of all bytes.
fn decode_rest(
    text: &str,
    mut length: usize,
    skip: Option<u8>,
    take: &mut dyn FnMut(u8) -> Result<(), Error>,
) -> Result<usize, Error> {
    let done = length * 2;
    let mut high = None;
    let rest = text.as_bytes().get(done..).unwrap_or_default();
    for (at, &byte) in rest.iter().enumerate() {
        if Some(byte) == skip {
            continue;
        }
        let digit = digit(byte);
        if digit > 15 {
            return Err(Error::Digit(character_at(text, done + at)));
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

/// Decodes eight digits at once; `None` for any other character. Fast path: a Corefile may have 100,000 hexadecimal
/// words.
#[inline]
fn decode_eight(digits: [u8; 8]) -> Option<[u8; 4]> {
    const fn repeat(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // Sets the high bit of each byte in `first..=last`. No byte of `all` has its high bit set, so no sum or
    // difference carries into the next byte.
    let within = |all: u64, first: u8, last: u8| {
        ((all | repeat(0x80)) - repeat(first)) & !(all + repeat(0x7f - last)) & repeat(0x80)
    };
    let digits = u64::from_be_bytes(digits);
    let letters = digits | repeat(0x20);
    if digits & repeat(0x80) != 0
        || within(digits, b'0', b'9') | within(letters, b'a', b'f') != repeat(0x80)
    {
        return None;
    }
    // The low half of a letter is 1 to 6; bit 6 distinguishes a letter from a digit.
    let halves = (digits & repeat(0x0f)) + (digits >> 6 & repeat(0x01)) * 9;
    let [_, a, _, b, _, c, _, d] = (halves >> 4 | halves).to_be_bytes();
    Some([a, b, c, d])
}

/// Value of a digit; `u8::MAX` for any other byte.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => u8::MAX,
    }
}

/// The character at byte offset `at`. All characters before it are ASCII.
fn character_at(text: &str, at: usize) -> char {
    let rest = text.get(at..).unwrap_or_default();
    rest.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A number of bytes with its unit: `1 byte`, `2 bytes`.
pub struct Count(pub usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quantity(self.0 as u64, "byte").fmt(f)
    }
}

/// Bytes as upper-case hexadecimal digits without delimiters.
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
    fn decode_keeps_the_order_and_reports_errors() {
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
            ("09AFaf0f", None, Ok(&[0x09, 0xaf, 0xaf, 0x0f][..])),
            ("01234567 9", None, Err(Error::Digit(' '))),
            ("0123456é", None, Err(Error::Digit('é'))),
        ] {
            let mut out = [0; 4];
            let result = decode(text, skip, &mut out);
            assert_eq!(result.map(|length| &out[..length]), expected, "{text}");
        }
    }

    #[test]
    fn decode_eight_agrees_with_single_digits() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut digits = *b"0189ABef";
                digits[at] = byte;
                let halves = digits.map(digit);
                let expected = halves
                    .iter()
                    .all(|&half| half < 16)
                    .then(|| [0, 2, 4, 6].map(|pair| halves[pair] << 4 | halves[pair + 1]));
                assert_eq!(decode_eight(digits), expected, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn upper_writes_two_digits_a_byte() {
        assert_eq!(Upper(&[0, 10, 255]).to_string(), "000AFF");
    }
}
