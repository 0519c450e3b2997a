//! Text of others inside our messages: control characters are escaped and long words are cut.

use std::fmt;

/// The longest word that an error repeats in full.
const LONGEST: usize = 200;

/// A text such that it fits into a line of a log: control characters escaped.
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

/// The same, cut if it is long.
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(LONGEST);
        match end.and_then(|(end, _)| self.0.get(..end)) {
            Some(begin) => write!(f, "{}…", Escaped(begin)),
            None => write!(f, "{}", Escaped(self.0)),
        }
    }
}

/// A word in quotes, for a message; as [`Plain`].
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Plain(self.0))
    }
}
