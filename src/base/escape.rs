//! Foreign text in messages: control characters are escaped, and long words are truncated.

use std::fmt;

/// Most characters of a word in a message.
const MAX_CHARS: usize = 200;

/// Text with control characters escaped, for one line of a log.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())
            } else {
                write!(f, "{letter}")
            }
        })
    }
}

/// Text with control characters escaped, truncated after 200 characters.
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(MAX_CHARS);
        match end.and_then(|(end, _)| self.0.get(..end)) {
            Some(start) => write!(f, "{}…", Escaped(start)),
            None => write!(f, "{}", Escaped(self.0)),
        }
    }
}

/// A word as [`Plain`] shows it, in double quotes.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Plain(self.0))
    }
}
