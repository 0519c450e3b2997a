//! Digests of what nobody has a reason to forge: equal content gives equal digests, in every run, and other
//! content gives others. Whoever knows the code can make two that are alike, so nothing that comes from the network
//! belongs here.

use std::hash::{Hash, Hasher};

/// Digits of pi; the factor was made odd.
const START: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x1319_8a2e_0370_7345;

/// A digest in the making. It takes eight bytes with one multiplication, so that a hundred thousand entries cost next to
/// nothing.
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(START)
    }
}

/// The digest of one thing.
pub fn of(what: &(impl Hash + ?Sized)) -> u64 {
    let mut digest = Digest::default();
    what.hash(&mut digest);
    digest.finish()
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks();
        for eight in eights {
            self.write_u64(u64::from_le_bytes(*eight));
        }
        // The length tells `a` from `a` and a zero byte, and where one row ends and the next begins.
        let last = rest.iter().fold(bytes.len() as u64, |last, byte| {
            last << 8 | u64::from(*byte)
        });
        self.write_u64(last);
    }

    fn write_u64(&mut self, word: u64) {
        // Both halves of the product: the low one alone would never carry a high bit down.
        let (low, high) = (self.0 ^ word).carrying_mul(FACTOR, 0);
        // What was there before is added, since a product of zero would forget it.
        self.0 = (high ^ low).wrapping_add(self.0.rotate_left(5));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_of_bytes_that_differ_at_all_have_other_digests() {
        let mut rows: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..=40 {
            rows.push(vec![0; length]);
            for bit in 0..length * 8 {
                let mut row = vec![0; length];
                row[bit / 8] = 1 << (bit % 8);
                rows.push(row);
            }
        }
        let digests: HashSet<u64> = rows.iter().map(|row| of(row.as_slice())).collect();
        assert_eq!(digests.len(), rows.len());
    }

    #[test]
    fn where_one_row_ends_and_the_next_begins_makes_a_difference() {
        let both = |one: &[u8], two: &[u8]| {
            let mut digest = Digest::default();
            digest.write(one);
            digest.write(two);
            digest.finish()
        };
        let row = b"0123456789abcdefghi";
        let digests: HashSet<u64> = (0..=row.len())
            .map(|at| both(&row[..at], &row[at..]))
            .collect();
        assert_eq!(digests.len(), row.len() + 1);
    }

    #[test]
    fn a_list_of_addresses_has_digests_that_differ_in_every_bit() {
        let digests: Vec<u64> = (0..100_000u32).map(|n| of(&n.to_be_bytes())).collect();
        for bit in 0..64 {
            let set = digests.iter().filter(|&digest| digest >> bit & 1 == 1);
            let set = set.count();
            assert!((45_000..55_000).contains(&set), "bit {bit}: {set}");
        }
        let different: HashSet<_> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
    }
}
