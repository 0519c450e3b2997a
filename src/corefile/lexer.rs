//! The lexer: splits a file's text into tokens.
//!
//! Tokens end at white space. A token that begins with `"` ends at the next `"` without a `\` before it. A `#` after white
//! space comments out the rest of the line. A `#` inside a token comments out the text up to the next white
//! space: `a#b c` is `a` and `c`. Carriage returns outside of quotes are dropped, even inside a token.

use super::Token;
use super::text::{Text, TextFull};
use super::token::Contents;

/// The unread text of one file.
#[derive(Debug)]
pub(super) struct Lexer {
    file: u16,
    /// Offsets in the [`Text`].
    at: usize,
    end: usize,
    line: u32,
}

impl Lexer {
    /// A lexer for file number `file`, whose text is the end of `text` from offset `start`.
    pub(super) fn new(file: u16, start: usize, text: &Text) -> Self {
        Self {
            file,
            at: start,
            end: text.len(),
            line: 1,
        }
    }

    /// The next token, `None` at the end of the file.
    pub(super) fn next(&mut self, text: &mut Text) -> Result<Option<Token>, TextFull> {
        let rest = text.between(self.at, self.end).as_bytes();
        let rest = self.skip_simple_blank(rest);
        let len = simple_len(rest);
        if len > 0 && matches!(rest.get(len), None | Some(b' ' | b'\t' | b'\n')) {
            let token = self.token(self.at, len, Contents::Plain)?;
            self.at += len;
            return Ok(Some(token));
        }
        let rest = text.between(self.at, self.end);
        match self.skip_blank(rest) {
            None => Ok(None),
            Some('"') => self.quoted(text),
            Some(_) => self.unquoted(text).map(Some),
        }
    }

    /// Skips spaces, tabs and line feeds, and returns the text after them.
    fn skip_simple_blank<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        while let [byte @ (b' ' | b'\t' | b'\n'), more @ ..] = rest {
            self.line = self.line.saturating_add(u32::from(*byte == b'\n'));
            self.at += 1;
            rest = more;
        }
        rest
    }

    /// Skips white space and comments, and returns the first character of the next token.
    fn skip_blank(&mut self, rest: &str) -> Option<char> {
        let mut comment = false;
        for c in rest.chars() {
            match c {
                '\n' => {
                    self.line = self.line.saturating_add(1);
                    comment = false;
                }
                '#' => comment = true,
                _ if comment || c.is_whitespace() => {}
                _ => return Some(c),
            }
            self.at += c.len_utf8();
        }
        None
    }

    fn unquoted(&mut self, text: &mut Text) -> Result<Token, TextFull> {
        let rest = text.between(self.at, self.end);
        let mut len = 0;
        let mut comment = false;
        let mut has_carriage_return = false;
        let mut ended_by = None;
        for (offset, c) in rest.char_indices() {
            match c {
                '\r' => {}
                _ if c.is_whitespace() => {
                    ended_by = Some((offset, c));
                    break;
                }
                '#' => comment = true,
                _ if comment => {}
                _ => {
                    has_carriage_return |= offset != len;
                    len = offset + c.len_utf8();
                }
            }
        }
        let contents = Contents::of(rest.get(..len).unwrap_or_default());
        let token = self.token(self.at, len, contents)?;
        self.at = match ended_by {
            Some((offset, c)) => self.at + offset + c.len_utf8(),
            None => self.end,
        };
        if let Some((_, '\n')) = ended_by {
            self.line = self.line.saturating_add(1);
        }
        if has_carriage_return {
            let word = text.get(token).replace('\r', "");
            return text.rewrite(token, &word);
        }
        Ok(token)
    }

    fn quoted(&mut self, text: &mut Text) -> Result<Option<Token>, TextFull> {
        let start = self.at + 1;
        let rest = text.between(start, self.end);
        let (mut escaped, mut rewrite, mut breaks) = (false, false, 0u32);
        let mut closed = None;
        for (offset, byte) in rest.bytes().enumerate() {
            match byte {
                b'"' if !escaped => {
                    closed = Some(offset);
                    break;
                }
                b'"' => rewrite = true,
                b'\n' => breaks = breaks.saturating_add(1),
                _ => {}
            }
            escaped = byte == b'\\' && !escaped;
        }
        // As in Caddy, the end of the file closes a quoted token, unless the token is empty.
        let len = closed.unwrap_or(rest.len() - usize::from(escaped));
        let contents = Contents::of(rest.get(..len).unwrap_or_default());
        let token = self.token(start, len, contents)?;
        self.at = start + closed.map_or(rest.len(), |offset| offset + 1);
        self.line = self.line.saturating_add(breaks);
        if closed.is_none() && len == 0 {
            return Ok(None);
        }
        if rewrite {
            let word = text.get(token).replace("\\\"", "\"");
            return text.rewrite(token, &word).map(Some);
        }
        Ok(Some(token))
    }

    /// The token with `len` bytes of text at offset `start`.
    fn token(&self, start: usize, len: usize, contents: Contents) -> Result<Token, TextFull> {
        let start = u32::try_from(start).map_err(|_| TextFull)?;
        let len = u32::try_from(len).map_err(|_| TextFull)?;
        Ok(Token::new(start, len, self.line, self.file, contents))
    }
}

/// Number of leading bytes in the range from `$` to `z`. A token of these bytes alone is [plain](Token::is_plain).
fn simple_len(bytes: &[u8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const FIRST: u64 = u64::from_ne_bytes([b'$'; 8]);
    const ABOVE_LAST: u64 = u64::from_ne_bytes([0x7f - b'z'; 8]);
    let (words, _) = bytes.as_chunks();
    let mut len = 0;
    for &word in words {
        // Compares eight bytes at once: no sum or difference carries from one byte into the next.
        let word = u64::from_le_bytes(word);
        let above = word | ((word & !HIGH) + ABOVE_LAST);
        let below = !((word | HIGH) - FIRST);
        let others = (above | below) & HIGH;
        if others != 0 {
            return len + others.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = bytes.iter().skip(len);
    len + rest
        .take_while(|&&byte| (b'$'..=b'z').contains(&byte))
        .count()
}

#[cfg(test)]
mod tests {
    use super::simple_len;

    #[test]
    fn simple_len_stops_at_the_first_other_byte() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'$', b'z', b'A'].repeat(7);
                bytes[at] = byte;
                let expected = if (b'$'..=b'z').contains(&byte) {
                    bytes.len()
                } else {
                    at
                };
                assert_eq!(simple_len(&bytes), expected, "{byte} at {at}");
            }
        }
    }
}
