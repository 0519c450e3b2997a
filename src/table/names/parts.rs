//! The parts of a name table, and the shape, which describes the others.

use std::sync::atomic::{AtomicU64, Ordering};

use super::hash::Secrets;
use crate::table::{Leaf, ValueLayout};

/// Entries of a line.
pub(super) const LINE: u64 = 8;
/// Words of the shape, `struct name_table_shape`.
pub(super) const SHAPE_WORDS: u64 = 16;
/// Value of `least` without names: more labels than any name has.
pub(super) const NO_NAMES: u64 = 255;

/// Words of the shape.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// Secrets of the hash; three more words are those of the digest.
    Secrets = 0,
    DigestSecrets = 3,
    BloomWords = 6,
    Lines = 7,
    /// Labels of the shortest suffix in the Bloom filter.
    Least = 8,
    Decisions = 9,
    // Word 10 is 0, which the verifier does not know.
    /// Words of `records` in use.
    Records = 11,
    /// Rules in use.
    Rules = 12,
    /// Suffixes that have set bits of the Bloom filter.
    Suffixes = 13,
    /// Entries, as of the last complete build or update.
    Entries = 14,
}

/// The parts of a name table as words.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// `NAME`: entries by line.
    pub lines: &'a [AtomicU64],
    /// `NAME_bloom`.
    pub bloom: &'a [AtomicU64],
    /// `NAME_records`.
    pub records: &'a [AtomicU64],
    /// `NAME_rules`: values of full entries, each rounded up to whole words.
    pub rules: &'a [AtomicU64],
    /// `NAME_shape`.
    pub shape: &'a [AtomicU64],
}

impl Parts<'_> {
    pub(super) fn get(&self, field: Field) -> u64 {
        read(self.shape, field as u64)
    }

    pub(super) fn set(&self, field: Field, value: u64) {
        write(self.shape, field as u64, value);
    }

    pub(super) fn secrets(&self, field: Field) -> Secrets {
        let first = field as u64;
        Secrets::of([0, 1, 2].map(|index| read(self.shape, first + index)))
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.get(Field::Entries)
    }

    /// Writes the value of an entry, with its counters as of now. The member `exact` is as the entry's line gives it for a
    /// full entry, and 0 for a light one.
    pub fn value(&self, leaf: Leaf, layout: &ValueLayout, value: &mut [u8]) {
        let number = u64::from(leaf.number());
        if !leaf.is_full() {
            return layout.write_light(leaf.action(), read(self.records, number), false, value);
        }
        let first = number.saturating_mul(rule_words(layout));
        for (bytes, index) in value.chunks_mut(8).zip(first..) {
            let word = read(self.rules, index).to_ne_bytes();
            bytes.copy_from_slice(word.get(..bytes.len()).unwrap_or_default());
        }
    }

    pub(super) fn set_secrets(&self, secrets: &[u64; 6]) {
        for (index, secret) in (0..).zip(secrets) {
            // Programs multiply by each third one, which is odd.
            write(self.shape, index, secret | u64::from(index % 3 == 2));
        }
    }
}

/// The word at `index`; 0 behind the end.
pub(super) fn read(words: &[AtomicU64], index: u64) -> u64 {
    let word = usize::try_from(index).ok().and_then(|at| words.get(at));
    word.map_or(0, |word| word.load(Ordering::Acquire))
}

/// Stores the word at `index`, after all earlier stores. Nothing happens behind the end.
pub(super) fn write(words: &[AtomicU64], index: u64, value: u64) {
    #[cfg(test)]
    super::kills::before_store();
    if let Some(word) = usize::try_from(index).ok().and_then(|at| words.get(at)) {
        word.store(value, Ordering::Release);
    }
}

/// Words that a value takes in `NAME_rules`.
pub(super) const fn rule_words(layout: &ValueLayout) -> u64 {
    layout.size.div_ceil(8) as u64
}

/// True if a process may go on with these parts: the shape fits their lengths.
pub fn is_intact(parts: &Parts, layout: &ValueLayout) -> bool {
    let fits = |count: u64, size: u64, words: &[AtomicU64]| {
        count != 0
            && count
                .checked_mul(size)
                .is_some_and(|all| all <= words.len() as u64)
    };
    parts.shape.len() as u64 >= SHAPE_WORDS
        && fits(parts.get(Field::BloomWords), 1, parts.bloom)
        && fits(parts.get(Field::Lines), LINE, parts.lines)
        && fits(parts.get(Field::Records), 1, parts.records)
        && fits(parts.get(Field::Rules), rule_words(layout), parts.rules)
        && parts.get(Field::Least) <= NO_NAMES
}

/// Number of decisions.
pub fn decisions(parts: &Parts) -> u64 {
    parts.get(Field::Decisions)
}

/// Stores the number of decisions. Programs look at decisions only while it is not 0.
pub fn set_decisions(parts: &Parts, count: u64) {
    parts.set(Field::Decisions, count);
}
