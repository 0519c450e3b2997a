//! The keyed hash of a name and of all its suffixes, in one pass over the name from its end.
//!
//! Multiplying both halves of a state that is secret makes differences of two names depend on the secrets, so that nobody
//! can find names with equal hashes without them.

use super::wire::MAX_NAME;

/// Words of 8 bytes of the longest name.
const MAX_WORDS: usize = MAX_NAME.div_ceil(8);

/// Three random numbers. [`Secrets::of`] makes the last one odd.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets {
    start: u64,
    step: u64,
    last: u64,
}

impl Secrets {
    pub(super) const fn of([start, step, last]: [u64; 3]) -> Self {
        let last = last | 1;
        Self { start, step, last }
    }

    const fn step(self, state: u64, word: u64) -> u64 {
        let mixed = state ^ word;
        (mixed & 0xffff_ffff)
            .wrapping_mul(mixed >> 32)
            .wrapping_add(self.step)
    }

    const fn last(self, state: u64) -> u64 {
        let mixed = (state ^ state >> 32).wrapping_mul(self.last);
        mixed ^ mixed >> 32
    }

    /// Hash of the bytes of a value, in which capitals are not small letters.
    pub(super) fn value(self, value: &[u8]) -> u64 {
        let state = self.start ^ value.len() as u64;
        value.chunks(8).fold(state, |state, bytes| {
            let word = bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.last(self.step(state, word))
        })
    }

    /// Print and place of the hash of a name.
    pub(super) const fn place(self, hash: u64) -> u64 {
        hash.wrapping_mul(self.last)
    }
}

/// The words of a name, and beside each the hash of the name's bytes behind it.
pub(super) struct Hashed {
    secrets: Secrets,
    words: [u64; MAX_WORDS],
    states: [u64; MAX_WORDS],
    size: usize,
}

impl Hashed {
    /// Only the first [`MAX_NAME`] bytes of `wire` count. Capitals count as small letters.
    pub(super) fn new(secrets: Secrets, wire: &[u8]) -> Self {
        let wire = wire.get(..MAX_NAME).unwrap_or(wire);
        let mut hashed = Self {
            secrets,
            words: [0; MAX_WORDS],
            states: [0; MAX_WORDS],
            size: wire.len(),
        };
        let mut state = secrets.start;
        let places = hashed.words.iter_mut().zip(&mut hashed.states);
        for (bytes, (word, before)) in wire.rchunks(8).zip(places) {
            *word = lower_word(bytes);
            *before = state;
            state = secrets.step(state, *word);
        }
        // A suffix of whole words ends with an empty word.
        if wire.len().is_multiple_of(8)
            && let Some(before) = hashed.states.get_mut(wire.len() / 8)
        {
            *before = state;
        }
        hashed
    }

    /// Bytes of the name.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Hash of the suffix of `size` bytes.
    pub(super) fn suffix(&self, size: usize) -> u64 {
        let state = self.states.get(size / 8).copied().unwrap_or(0);
        let word = self.words.get(size / 8).copied().unwrap_or(0) & high_bytes(size % 8);
        self.secrets
            .last(self.secrets.step(state, word ^ size as u64))
    }

    /// The words of the suffix of `size` bytes, its last bytes first.
    pub(super) fn suffix_words(&self, size: usize) -> impl Iterator<Item = u64> {
        let words = self.words.iter().take(size.div_ceil(8)).enumerate();
        words.map(move |(index, word)| match size - 8 * index {
            rest @ ..8 => word & high_bytes(rest),
            _ => *word,
        })
    }
}

/// Up to 8 bytes, the last one in the high bits, as a program on a little-endian CPU reads them.
pub(super) fn lower_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold((0, 64), |(word, shift), byte| {
            let shift = shift - 8;
            (word | u64::from(byte.to_ascii_lowercase()) << shift, shift)
        })
        .0
}

/// Mask of the high `count` bytes of a word, 0 to 7.
const fn high_bytes(count: usize) -> u64 {
    !(u64::MAX >> (8 * count))
}
