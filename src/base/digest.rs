//! Non-cryptographic 64-bit digests: equal content has equal digests in every process.
//!
//! Collisions are easy to construct. Data from the network must not be compared by these digests.

use std::hash::{Hash, Hasher};

/// Hexadecimal digits of pi. The last digit of `FACTOR` is changed: an odd factor loses no bit of the input.
const START: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x1319_8a2e_0370_7345;

/// Hasher of a digest: one multiplication for eight bytes, since a list may have 100,000 entries.
#[derive(Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(START)
    }
}

/// Digest of a value.
pub fn of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut digest = Digest::default();
    value.hash(&mut digest);
    digest.finish()
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        // The length distinguishes `a` from `a` with a zero byte, and marks the boundary between two slices.
        let last = rest.iter().fold(bytes.len() as u64, |last, byte| {
            last << 8 | u64::from(*byte)
        });
        self.write_u64(last);
    }

    fn write_u64(&mut self, word: u64) {
        // The high half is mixed in, because a high bit of the input changes only high bits of the low half.
        let (low, high) = (self.0 ^ word).carrying_mul(FACTOR, 0);
        // The state is added again, because a product of zero would lose it.
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
    fn every_bit_and_the_length_change_the_digest() {
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
    fn boundary_of_two_slices_changes_the_digest() {
        let both = |first: &[u8], second: &[u8]| {
            let mut digest = Digest::default();
            digest.write(first);
            digest.write(second);
            digest.finish()
        };
        let row = b"0123456789abcdefghi";
        let digests: HashSet<u64> = (0..=row.len())
            .map(|at| both(&row[..at], &row[at..]))
            .collect();
        assert_eq!(digests.len(), row.len() + 1);
    }

    #[test]
    fn digests_of_addresses_spread_over_all_bits() {
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
