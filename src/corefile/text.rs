//! The text of a Corefile. There is one copy, and tokens refer to ranges of it.

use super::Token;
use super::token::Contents;

/// The text of all files, and of tokens that differ from the files' text: without escapes, or with expanded variables.
#[derive(Debug, Default)]
pub(super) struct Text {
    content: String,
}

/// Error: the text is larger than a [`Token`] can address (4 GiB).
#[derive(Debug)]
pub(super) struct TextFull;

impl Text {
    /// The token's text.
    #[inline]
    pub(super) fn get(&self, token: Token) -> &str {
        let (start, end) = token.range();
        usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(start, end)| self.content.get(start..end))
            .unwrap_or_default()
    }

    /// The text from offset `start` to offset `end`.
    #[inline]
    pub(super) fn between(&self, start: usize, end: usize) -> &str {
        self.content.get(start..end).unwrap_or_default()
    }

    /// Size in bytes, which is the offset of the text added next.
    pub(super) fn len(&self) -> usize {
        self.content.len()
    }

    /// Adds a file's content without its byte order mark.
    ///
    /// Each byte that is not part of a valid UTF-8 sequence becomes one U+FFFD, as in Go.
    pub(super) fn add_file(&mut self, bytes: Vec<u8>) -> Result<(), TextFull> {
        let mark = b"\xEF\xBB\xBF";
        let bytes = if self.content.is_empty() && !bytes.starts_with(mark) {
            match String::from_utf8(bytes) {
                Ok(content) => {
                    self.content = content;
                    return self.check_size();
                }
                Err(error) => error.into_bytes(),
            }
        } else {
            bytes
        };
        let bytes = bytes.strip_prefix(mark).unwrap_or(&bytes);
        for chunk in bytes.utf8_chunks() {
            self.content.push_str(chunk.valid());
            for _ in chunk.invalid() {
                self.content.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.check_size()
    }

    /// Gives a token another text. The token keeps its file and line.
    pub(super) fn rewrite(&mut self, token: Token, word: &str) -> Result<Token, TextFull> {
        let start = u32::try_from(self.content.len()).map_err(|_| TextFull)?;
        let len = u32::try_from(word.len()).map_err(|_| TextFull)?;
        self.content.push_str(word);
        self.check_size()?;
        Ok(token.with_span(start, len, Contents::of(word)))
    }

    /// Frees unused capacity.
    pub(super) fn shrink(&mut self) {
        self.content.shrink_to_fit();
    }

    fn check_size(&self) -> Result<(), TextFull> {
        u32::try_from(self.content.len())
            .map(|_| ())
            .map_err(|_| TextFull)
    }

    /// True if `next` is on the line on which `token` ends. Arguments of a directive are found by this rule.
    pub(super) fn same_line(&self, token: Token, next: Token) -> bool {
        token.file() == next.file() && self.end_line(token) == next.line()
    }

    /// True if `next` is on a line after the line on which `token` ends. Directives are found by this rule.
    ///
    /// This is not the opposite of [`Text::same_line`]: a token of an imported snippet can be on a line above its predecessor.
    pub(super) fn new_line(&self, token: Token, next: Token) -> bool {
        token.file() != next.file() || self.end_line(token) < next.line()
    }

    fn end_line(&self, token: Token) -> u32 {
        if token.is_plain() {
            return token.line();
        }
        let breaks = self
            .get(token)
            .bytes()
            .filter(|&byte| byte == b'\n')
            .count();
        u32::try_from(breaks).map_or(u32::MAX, |breaks| token.line().saturating_add(breaks))
    }
}
