//! The one copy of everything that was read.

use super::Token;

/// Letters of all files, and words that can't be found in them as they stand: unescaped, or with a variable's value.
#[derive(Debug, Default)]
pub(super) struct Text {
    letters: String,
}

/// There are more letters than a [`Token`] can address.
#[derive(Debug)]
pub(super) struct Full;

impl Text {
    /// The word's letters.
    #[inline]
    pub(super) fn get(&self, token: Token) -> &str {
        let (start, end) = token.range();
        usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(start, end)| self.letters.get(start..end))
            .unwrap_or_default()
    }

    /// Everything from one offset up to another.
    #[inline]
    pub(super) fn between(&self, start: usize, end: usize) -> &str {
        self.letters.get(start..end).unwrap_or_default()
    }

    /// The offset of what is added next.
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Adds a file's content without its byte order mark.
    ///
    /// Each byte that is not part of a UTF-8 sequence becomes one U+FFFD, as Go reads it.
    pub(super) fn add_file(&mut self, bytes: Vec<u8>) -> Result<(), Full> {
        let mark = b"\xEF\xBB\xBF";
        let bytes = if self.letters.is_empty() && !bytes.starts_with(mark) {
            match String::from_utf8(bytes) {
                Ok(letters) => {
                    self.letters = letters;
                    return self.full();
                }
                Err(error) => error.into_bytes(),
            }
        } else {
            bytes
        };
        let bytes = bytes.strip_prefix(mark).unwrap_or(&bytes);
        for chunk in bytes.utf8_chunks() {
            self.letters.push_str(chunk.valid());
            for _ in chunk.invalid() {
                self.letters.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.full()
    }

    /// Gives a word other letters; it stays where it stood.
    pub(super) fn rewrite(&mut self, token: Token, word: &str) -> Result<Token, Full> {
        let start = u32::try_from(self.letters.len()).map_err(|_| Full)?;
        let len = u32::try_from(word.len()).map_err(|_| Full)?;
        self.letters.push_str(word);
        self.full()?;
        Ok(token.with_letters(start, len, is_plain(word)))
    }

    /// Gives back memory that nothing was written to.
    pub(super) fn shrink(&mut self) {
        self.letters.shrink_to_fit();
    }

    fn full(&self) -> Result<(), Full> {
        u32::try_from(self.letters.len())
            .map(|_| ())
            .map_err(|_| Full)
    }

    /// Whether `next` goes on in the line in which `token` ends. This is how a reader of directives finds arguments.
    pub(super) fn same_line(&self, token: Token, next: Token) -> bool {
        token.file() == next.file() && self.last_line(token) == next.line()
    }

    /// Whether `next` begins a line after the one in which `token` ends. This is how the parser finds directives.
    ///
    /// Not the opposite of [`Text::same_line`]: where a snippet was imported, a word can stand above the one before it.
    pub(super) fn new_line(&self, token: Token, next: Token) -> bool {
        token.file() != next.file() || self.last_line(token) < next.line()
    }

    fn last_line(&self, token: Token) -> u32 {
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

/// What [`Token::is_plain`] says of a word with these letters.
pub(super) fn is_plain(word: &str) -> bool {
    !word.bytes().any(|byte| matches!(byte, b'\n' | b'{' | b'}'))
}
