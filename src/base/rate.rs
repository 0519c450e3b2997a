//! Rates as text.

use std::fmt;

/// Growth of a count during a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    growth: u64,
    milliseconds: u64,
}

impl Rate {
    /// The rate of a count that grew by `growth` in this time.
    pub const fn new(growth: u64, milliseconds: u64) -> Self {
        let milliseconds = if milliseconds == 0 { 1 } else { milliseconds };
        Self {
            growth,
            milliseconds,
        }
    }

    /// The rate as a whole number, rounded down.
    pub const fn per_second(self) -> u64 {
        self.growth.saturating_mul(1000) / self.milliseconds
    }

    /// The rate of bits, if this is the rate of bytes.
    pub const fn bits(self) -> Short {
        Short(Self::new(self.growth.saturating_mul(8), self.milliseconds).per_second())
    }
}

impl fmt::Display for Rate {
    /// Writes `12345`; a rate below 10 as `9.5`, and a rate that would round to 0 as `<0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.growth.saturating_mul(10_000) / self.milliseconds;
        match (self.growth, tenths) {
            (0, _) => f.write_str("0"),
            (_, 0) => f.write_str("<0.1"),
            (_, 1..100) => write!(f, "{}.{}", tenths / 10, tenths % 10),
            _ => write!(f, "{}", self.per_second()),
        }
    }
}

/// A number with three digits and a prefix of the SI: `999`, `1.23k`, `45.6M`, `789G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short(pub u64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.0;
        if number < 1000 {
            return write!(f, "{number}");
        }
        let mut prefixes = ["k", "M", "G", "T", "P", "E"].into_iter();
        let mut prefix = prefixes.next();
        while number >= 1_000_000 {
            number /= 1000;
            prefix = prefixes.next();
        }
        let (whole, thousandths) = (number / 1000, number % 1000);
        write!(f, "{whole}")?;
        match whole {
            ..10 => write!(f, ".{:02}", thousandths / 10)?,
            10..100 => write!(f, ".{}", thousandths / 100)?,
            _ => {}
        }
        f.write_str(prefix.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rates_have_a_decimal_digit() {
        for (growth, milliseconds, expected) in [
            (0, 0, "0"),
            (0, 2000, "0"),
            (1, 300_000, "<0.1"),
            (1, 10_000, "0.1"),
            (19, 2000, "9.5"),
            (20, 2000, "10"),
            (21, 2000, "10"),
            (2_000_000, 2000, "1000000"),
            (u64::MAX, 1000, "18446744073709551"),
        ] {
            assert_eq!(Rate::new(growth, milliseconds).to_string(), expected);
        }
    }

    #[test]
    fn short_numbers_have_three_digits() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (1239, "1.23k"),
            (45_678, "45.6k"),
            (999_999, "999k"),
            (1_000_000, "1.00M"),
            (9_876_543_210, "9.87G"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(Short(number).to_string(), expected);
        }
        assert_eq!(Rate::new(1250, 2000).bits(), Short(5000));
    }
}
