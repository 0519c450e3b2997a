//! The Bloom filter: one word for each test, four bits of it.

use std::sync::atomic::Ordering;

use super::hash::Hashed;
use super::parts::{Field, Parts, read};
use super::wire::{labels, suffixes};

fn bits(hash: u64) -> u64 {
    [0, 6, 12, 18]
        .iter()
        .fold(0, |bits, shift| bits | 1 << (hash >> shift & 63))
}

/// Adds the suffixes of a name that have `least` labels or more. The bytes must be a name.
pub(super) fn add(parts: &Parts, hashed: &Hashed, wire: &[u8], least: u64) {
    let count = labels(wire).map_or(0, u64::from);
    for (suffix, labels) in suffixes(wire).zip((0..=count).rev()) {
        if labels < least {
            return;
        }
        add_hash(parts, hashed.suffix(suffix.len()));
    }
}

fn add_hash(parts: &Parts, hash: u64) {
    let index = (hash >> 32).wrapping_mul(parts.get(Field::BloomWords)) >> 32;
    let word = usize::try_from(index)
        .ok()
        .and_then(|at| parts.bloom.get(at));
    let Some(word) = word else {
        return;
    };
    let wanted = bits(hash);
    if word.load(Ordering::Relaxed) & wanted == wanted {
        return;
    }
    #[cfg(test)]
    super::kills::before_store();
    word.fetch_or(wanted, Ordering::Release);
    parts.set(Field::Suffixes, parts.get(Field::Suffixes) + 1);
}

/// True if the filter is too full to keep most other names away from the lines.
pub(super) fn is_full(parts: &Parts) -> bool {
    parts.get(Field::Suffixes) > parts.get(Field::BloomWords).saturating_mul(64 / 9)
}

/// True if the filter has a suffix or takes it for one that it has.
pub(super) fn has(parts: &Parts, hash: u64) -> bool {
    let index = (hash >> 32).wrapping_mul(parts.get(Field::BloomWords)) >> 32;
    bits(hash) & !read(parts.bloom, index) == 0
}
