//! A token: the range of its text, and its file and line.

use std::num::NonZeroU64;

/// One token of a Corefile, quotes and escapes removed. [`super::Corefile::text`] returns its text.
///
/// Packed into two 64-bit integers, so that it is passed in registers. A struct of four fields was written field by field
/// and soon copied as a whole; the failed store-to-load forwarding took half of the parser's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Bits 0 to 31: offset of the text; bits 32 to 63: its size in bytes.
    span: u64,
    /// Bit 0: always set; bit 15: [`Token::is_plain`]; bits 16 to 31: file; bits 32 to 63: line.
    place: NonZeroU64,
}

const PLAIN: u64 = 1 << 15;

/// Contents of a token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Neither a line break nor a brace.
    Plain,
    /// Line breaks or braces.
    Special,
}

impl Contents {
    /// The contents of `word`.
    pub(super) fn of(word: &str) -> Self {
        if word.bytes().any(|byte| matches!(byte, b'\n' | b'{' | b'}')) {
            Self::Special
        } else {
            Self::Plain
        }
    }
}

impl Token {
    pub(super) fn new(start: u32, len: u32, line: u32, file: u16, contents: Contents) -> Self {
        let plain = match contents {
            Contents::Plain => PLAIN,
            Contents::Special => 0,
        };
        let place = u64::from(line) << 32 | u64::from(file) << 16 | plain;
        Self {
            span: u64::from(len) << 32 | u64::from(start),
            place: NonZeroU64::MIN | place,
        }
    }

    /// This token with another text; file and line stay.
    pub(super) fn with_span(self, start: u32, len: u32, contents: Contents) -> Self {
        Self::new(start, len, self.line(), self.file(), contents)
    }

    /// Start and end offset of the text.
    pub(super) fn range(self) -> (u64, u64) {
        let start = self.span & u64::from(u32::MAX);
        (start, start + (self.span >> 32))
    }

    /// The line on which the token begins, counted from 1.
    pub fn line(self) -> u32 {
        u32::try_from(self.place.get() >> 32).unwrap_or(u32::MAX)
    }

    /// Index of the file.
    pub(super) fn file(self) -> u16 {
        u16::try_from(self.place.get() >> 16 & u64::from(u16::MAX)).unwrap_or(u16::MAX)
    }

    /// True if the text has neither a line break nor a brace. Nearly all tokens are plain and take fast paths: they end
    /// on the line on which they begin, have no variable, and open or close no block.
    pub(super) fn is_plain(self) -> bool {
        self.place.get() & PLAIN != 0
    }
}
