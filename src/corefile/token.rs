//! A word: where its letters are, and where it stands.

use std::num::NonZeroU64;

/// One word of a Corefile, quotes and escapes removed. [`super::Corefile::text`] has its letters.
///
/// Packed into two machine words, so that it travels in registers: half of the time of reading a Corefile once went into
/// the processor's waits where a word written member by member was soon copied as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Offset of the first letter, and from bit 32 on how many bytes the letters are.
    letters: u64,
    /// From bit 32 on the line; the file in 16 bits, whether it is plain in the 15th, and the lowest always set.
    place: NonZeroU64,
}

const PLAIN: u64 = 1 << 15;

impl Token {
    pub(super) fn new(start: u32, len: u32, line: u32, file: u16, plain: bool) -> Self {
        let plain = if plain { PLAIN } else { 0 };
        let place = u64::from(line) << 32 | u64::from(file) << 16 | plain;
        Self {
            letters: u64::from(len) << 32 | u64::from(start),
            place: NonZeroU64::MIN | place,
        }
    }

    /// The same place with other letters.
    pub(super) fn with_letters(self, start: u32, len: u32, plain: bool) -> Self {
        Self::new(start, len, self.line(), self.file(), plain)
    }

    /// Offset of the first letter, and of what follows the last.
    pub(super) fn range(self) -> (u64, u64) {
        let start = self.letters & u64::from(u32::MAX);
        (start, start + (self.letters >> 32))
    }

    /// The line on which the word begins, counted from 1.
    pub fn line(self) -> u32 {
        u32::try_from(self.place.get() >> 32).unwrap_or(u32::MAX)
    }

    /// The number of the file in which it stands.
    pub(super) fn file(self) -> u16 {
        u16::try_from(self.place.get() >> 16 & u64::from(u16::MAX)).unwrap_or(u16::MAX)
    }

    /// Neither a line break nor a brace is in it. Nearly all words are so, and need no second look: they end where they
    /// began, hold no variable, and open and close nothing.
    pub(super) fn is_plain(self) -> bool {
        self.place.get() & PLAIN != 0
    }
}
