//! Numbers with their digits in groups of three.

use std::fmt::{self, Write as _};

use super::escape::Html;

/// Bytes of the longest number: a sign and 20 digits.
const LONGEST: usize = 24;

/// A number whose groups of digits are elements with a margin. A copied number has no separators, so that a shell or a
/// spreadsheet reads it.
pub(super) struct Digits<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Digits<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grouped(f, &self.0)
    }
}

/// One function for all types of numbers, for the size of the binary.
fn grouped(f: &mut fmt::Formatter<'_>, number: &dyn fmt::Display) -> fmt::Result {
    let mut digits = heapless::String::<LONGEST>::new();
    write!(digits, "{number}")?;
    let unsigned = digits.trim_start_matches('-');
    if unsigned.len() < digits.len() {
        f.write_str("-")?;
    }
    let end = unsigned.find('.').unwrap_or(unsigned.len());
    let (whole, fraction) = unsigned.split_at(end);
    for (at, group) in whole.as_bytes().rchunks(3).rev().enumerate() {
        let group = Html(str::from_utf8(group).unwrap_or_default());
        match at {
            0 => write!(f, "{group}")?,
            _ => write!(f, "<i>{group}</i>")?,
        }
    }
    f.write_str(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_in_groups_of_three() {
        for (number, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1<i>000</i>"),
            ("-1000", "-1<i>000</i>"),
            ("-123456", "-123<i>456</i>"),
            ("123456.7", "123<i>456</i>.7"),
            ("<0.1", "&lt;0.1"),
            ("9.5", "9.5"),
            (
                "18446744073709551615",
                "18<i>446</i><i>744</i><i>073</i><i>709</i><i>551</i><i>615</i>",
            ),
            (
                "-9223372036854775808",
                "-9<i>223</i><i>372</i><i>036</i><i>854</i><i>775</i><i>808</i>",
            ),
        ] {
            assert_eq!(Digits(number).to_string(), expected);
        }
    }
}
