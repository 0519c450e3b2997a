//! Numbers with their nouns, in messages.

use std::fmt;

/// A number with its noun, which is given in the singular: `1 entry`, `2 entries`, `2 lines`.
pub struct Quantity(pub u64, pub &'static str);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(number, noun) = self;
        write!(f, "{number} ")?;
        match noun.strip_suffix('y') {
            _ if number == 1 => f.write_str(noun),
            Some(stem) => write!(f, "{stem}ies"),
            None => write!(f, "{noun}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        for (number, noun, expected) in [
            (0, "entry", "0 entries"),
            (1, "entry", "1 entry"),
            (2, "entry", "2 entries"),
            (1, "skipped line", "1 skipped line"),
            (21, "skipped line", "21 skipped lines"),
        ] {
            assert_eq!(Quantity(number, noun).to_string(), expected);
        }
    }
}
