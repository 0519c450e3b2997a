//! Integers inside map values.

use std::fmt;

use serde::{Serialize, Serializer};

/// Place and encoding of an integer in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Offset of the first byte in the value.
    pub position: usize,
    /// Size in bytes, 1 to 8.
    pub length: usize,
    /// True for big-endian bytes, false for little-endian bytes.
    pub big_endian: bool,
    /// True for two's complement.
    pub signed: bool,
}

impl Number {
    /// An unsigned little-endian integer.
    pub const fn little_endian(position: usize, length: usize) -> Self {
        Self {
            position,
            length,
            big_endian: false,
            signed: false,
        }
    }

    /// Reads the integer. A negative integer is in 64-bit two's complement. 0 if the value is too short.
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

    /// Sum of the integers in several values, such as the values of a per-CPU map.
    pub fn total<'a>(self, values: impl Iterator<Item = &'a [u8]>) -> Total {
        Total {
            sum: values.fold(0, |sum, value| sum.wrapping_add(self.read(value))),
            signed: self.signed,
        }
    }
}

/// A sum that wraps around at 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    sum: u64,
    signed: bool,
}

impl Total {
    /// True for 0.
    pub const fn is_zero(self) -> bool {
        self.sum == 0
    }
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

impl Serialize for Total {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.signed {
            to.serialize_i64(self.sum.cast_signed())
        } else {
            to.serialize_u64(self.sum)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_past_the_end_reads_as_zero() {
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
    fn integers_follow_byte_order_and_sign() {
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
    fn total_sums_all_values() {
        let number = Number {
            signed: true,
            ..Number::little_endian(0, 1)
        };
        let values = [&[0xfe][..], &[0x01], &[0x7f], &[]];
        assert_eq!(number.total(values.into_iter()).to_string(), "126");
    }
}
