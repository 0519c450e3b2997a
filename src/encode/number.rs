//! Whole numbers in decimal, or in hexadecimal after `0x`.

/// An integer in a word, as sign and magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    negative: bool,
    magnitude: u64,
}

impl Literal {
    /// Parses an integer; `None` when the word is not an integer, or has more than 64 bits.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (negative, digits) = match word.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, word),
        };
        let (radix, digits) = match digits.strip_prefix("0x") {
            Some(digits) => (16, digits),
            None => (10, digits),
        };
        // `from_str_radix` would accept a second sign.
        if digits.starts_with(['+', '-']) {
            return None;
        }
        let magnitude = u64::from_str_radix(digits, radix).ok()?;
        Some(Self {
            negative: negative && magnitude > 0,
            magnitude,
        })
    }

    pub(super) fn from_i64(value: i64) -> Self {
        Self {
            negative: value < 0,
            magnitude: value.unsigned_abs(),
        }
    }

    /// True if the integer is in a range returned by [`range`].
    pub(super) const fn is_in(self, (low, high): (u64, u64)) -> bool {
        if self.negative {
            self.magnitude <= low
        } else {
            self.magnitude <= high
        }
    }

    /// Fills `out` with the integer in little-endian order, a negative integer in two's complement.
    pub(super) fn write_little_endian(self, out: &mut [u8]) {
        let bytes = if self.negative {
            self.magnitude.wrapping_neg()
        } else {
            self.magnitude
        };
        let order = out.iter_mut().zip(bytes.to_le_bytes());
        order.for_each(|(byte, value)| *byte = value);
    }

    /// Like [`Literal::write_little_endian`], in big-endian order.
    pub(super) fn write_big_endian(self, out: &mut [u8]) {
        self.write_little_endian(out);
        out.reverse();
    }
}

/// Magnitudes of the least and the greatest integer of `bytes` bytes (1, 2, 4 or 8).
pub(super) const fn range(bytes: usize, signed: bool) -> (u64, u64) {
    if signed {
        signed_range(bytes)
    } else {
        unsigned_range(bytes)
    }
}

/// [`range`] of signed integers.
pub(super) const fn signed_range(bytes: usize) -> (u64, u64) {
    let (_, max) = unsigned_range(bytes);
    (max / 2 + 1, max / 2)
}

/// [`range`] of unsigned integers.
pub(super) const fn unsigned_range(bytes: usize) -> (u64, u64) {
    let max = match bytes {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    };
    (0, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fill_their_bytes() {
        for (word, big_endian, expected) in [
            ("0", false, &[0, 0][..]),
            ("258", false, &[2, 1]),
            ("258", true, &[1, 2]),
            ("0x1ff", true, &[1, 0xff]),
            ("-2", false, &[0xfe, 0xff]),
            ("-2", true, &[0xff, 0xfe]),
            ("-0", false, &[0]),
            ("18446744073709551615", false, &[0xff; 8]),
            ("-9223372036854775808", true, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let mut out = vec![0xaa; expected.len()];
            let literal = Literal::parse(word).unwrap();
            if big_endian {
                literal.write_big_endian(&mut out);
            } else {
                literal.write_little_endian(&mut out);
            }
            assert_eq!(out, expected, "{word}");
        }
    }

    #[test]
    fn malformed_integers_do_not_parse() {
        for word in [
            "",
            "-",
            "+1",
            "-+1",
            "--1",
            "1.0",
            "1e3",
            " 1",
            "0x",
            "0x-1",
            "0X1",
            "ten",
            "1_000",
            "18446744073709551616",
        ] {
            assert_eq!(Literal::parse(word), None, "{word}");
        }
    }

    #[test]
    fn ranges_follow_twos_complement() {
        for (bytes, signed, low, high) in [
            (1, false, "0", "255"),
            (1, true, "-128", "127"),
            (2, true, "-32768", "32767"),
            (4, false, "0", "4294967295"),
            (8, true, "-9223372036854775808", "9223372036854775807"),
            (8, false, "0", "18446744073709551615"),
        ] {
            let range = range(bytes, signed);
            for word in [low, high] {
                assert!(Literal::parse(word).unwrap().is_in(range), "{word}");
            }
        }
        for (bytes, signed, word) in [
            (1, false, "256"),
            (1, false, "-1"),
            (1, true, "-129"),
            (1, true, "128"),
            (8, true, "9223372036854775808"),
        ] {
            assert!(!Literal::parse(word).unwrap().is_in(range(bytes, signed)));
        }
    }
}
