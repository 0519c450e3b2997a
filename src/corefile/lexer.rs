//! Cuts a file's text into words.
//!
//! Words end at white space. One that begins with `"` goes on to the next `"` that has no `\` before it. A `#` hides the
//! rest of its line, but when it follows a word directly, only up to the next white space: `a#b c` is `a` and `c`.
//! Carriage returns outside of quotes are dropped, even within a word.

use super::Token;
use super::text::{Full, Text, is_plain};

/// What is left of one file.
#[derive(Debug)]
pub(super) struct Lexer {
    file: u16,
    at: usize,
    end: usize,
    line: u32,
}

impl Lexer {
    /// Reads the file `file`, whose text is what was added to the [`Text`] since it was `start` bytes long.
    pub(super) fn new(file: u16, start: usize, text: &Text) -> Self {
        Self {
            file,
            at: start,
            end: text.len(),
            line: 1,
        }
    }

    /// The next word, or none at the end of the file.
    pub(super) fn next(&mut self, text: &mut Text) -> Result<Option<Token>, Full> {
        let rest = text.between(self.at, self.end).as_bytes();
        let rest = self.skip_usual_blank(rest);
        let len = usual(rest);
        if len > 0 && matches!(rest.get(len), None | Some(b' ' | b'\t' | b'\n')) {
            let token = self.token(self.at, len, true)?;
            self.at += len;
            return Ok(Some(token));
        }
        let rest = text.between(self.at, self.end);
        match self.skip_blank(rest) {
            None => Ok(None),
            Some('"') => self.quoted(text),
            Some(_) => self.bare(text).map(Some),
        }
    }

    /// Moves past blanks and line breaks; what follows.
    fn skip_usual_blank<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        while let [byte @ (b' ' | b'\t' | b'\n'), more @ ..] = rest {
            self.line = self.line.saturating_add(u32::from(*byte == b'\n'));
            self.at += 1;
            rest = more;
        }
        rest
    }

    /// Moves to the first letter of a word, and gives it.
    fn skip_blank(&mut self, rest: &str) -> Option<char> {
        let mut comment = false;
        for letter in rest.chars() {
            match letter {
                '\n' => {
                    self.line = self.line.saturating_add(1);
                    comment = false;
                }
                '#' => comment = true,
                _ if comment || letter.is_whitespace() => {}
                _ => return Some(letter),
            }
            self.at += letter.len_utf8();
        }
        None
    }

    fn bare(&mut self, text: &mut Text) -> Result<Token, Full> {
        let rest = text.between(self.at, self.end);
        let mut len = 0;
        let mut comment = false;
        let mut returns = false;
        let mut ended_by = None;
        for (offset, letter) in rest.char_indices() {
            match letter {
                '\r' => {}
                _ if letter.is_whitespace() => {
                    ended_by = Some((offset, letter));
                    break;
                }
                '#' => comment = true,
                _ if comment => {}
                _ => {
                    returns |= offset != len;
                    len = offset + letter.len_utf8();
                }
            }
        }
        let plain = rest.get(..len).is_some_and(is_plain);
        let token = self.token(self.at, len, plain)?;
        self.at = match ended_by {
            Some((offset, letter)) => self.at + offset + letter.len_utf8(),
            None => self.end,
        };
        if let Some((_, '\n')) = ended_by {
            self.line = self.line.saturating_add(1);
        }
        if returns {
            let word = text.get(token).replace('\r', "");
            return text.rewrite(token, &word);
        }
        Ok(token)
    }

    fn quoted(&mut self, text: &mut Text) -> Result<Option<Token>, Full> {
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
        // At the end of the file the word counts without its closing quote, unless it is empty.
        let len = closed.unwrap_or(rest.len() - usize::from(escaped));
        let plain = rest.get(..len).is_some_and(is_plain);
        let token = self.token(start, len, plain)?;
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

    fn token(&self, start: usize, len: usize, plain: bool) -> Result<Token, Full> {
        let start = u32::try_from(start).map_err(|_| Full)?;
        let len = u32::try_from(len).map_err(|_| Full)?;
        Ok(Token::new(start, len, self.line, self.file, plain))
    }
}

/// How many bytes from the first on are `$` to `z`. A word of such bytes is plain, and stands in the text as it is.
fn usual(bytes: &[u8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const FIRST: u64 = u64::from_ne_bytes([b'$'; 8]);
    const ROOM: u64 = u64::from_ne_bytes([0x7f - b'z'; 8]);
    let (eights, _) = bytes.as_chunks();
    let mut len = 0;
    for &eight in eights {
        // All eight in one go: no sum or difference reaches from one byte into the next.
        let eight = u64::from_le_bytes(eight);
        let above = eight | ((eight & !HIGH) + ROOM);
        let below = !((eight | HIGH) - FIRST);
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
    use super::usual;

    #[test]
    fn usual_bytes_are_counted_wherever_the_first_other_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'$', b'z', b'A'].repeat(7);
                bytes[at] = byte;
                let expected = if (b'$'..=b'z').contains(&byte) {
                    bytes.len()
                } else {
                    at
                };
                assert_eq!(usual(&bytes), expected, "{byte} at {at}");
            }
        }
    }
}
