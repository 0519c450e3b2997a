//! Untrusted text in messages: control characters are escaped, and long words are truncated.

use std::fmt::{self, Display, Write};

/// Maximum length of a word in a message, in characters.
const MAX_CHARS: usize = 200;

/// True for a control character, which a terminal or browser interprets instead of displaying: ISO 6429 (C0, DEL, C1),
/// and Unicode's controls of direction, line breaks and shaping (Unicode 16, sections 23.2 and 23.3).
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// Text with control characters escaped, for one line of a log.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| {
            if is_control(letter) {
                write!(f, "{}", letter.escape_default())
            } else {
                f.write_char(letter)
            }
        })
    }
}

/// A message in one line: control characters of the whole message are escaped, those of its arguments included.
pub struct OneLine<T>(pub T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// A formatter that escapes control characters.
struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        Escaped(text).fmt(self.0)
    }
}

/// Text with control characters escaped, truncated after 200 characters.
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Truncated(self.0, MAX_CHARS).fmt(f)
    }
}

/// Text with control characters escaped, truncated after this number of characters.
pub struct Truncated<'a>(pub &'a str, pub usize);

impl Display for Truncated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(text, most) = self;
        let end = text.char_indices().nth(most);
        match end.and_then(|(end, _)| text.get(..end)) {
            Some(start) => write!(f, "{}…", Escaped(start)),
            None => Escaped(text).fmt(f),
        }
    }
}

/// A word as [`Plain`] shows it, in double quotes.
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Plain(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (raw, escaped) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\u{7f}\u{80}\u{9b}\u{9f}", "a\\u{7f}\\u{80}\\u{9b}\\u{9f}"),
            ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
            ("\u{202a}\u{202e}", "\\u{202a}\\u{202e}"),
            ("\u{2066}\u{2069}", "\\u{2066}\\u{2069}"),
            ("\u{2028}\u{2029}\n\t", "\\u{2028}\\u{2029}\\n\\t"),
            ("é – 日本 \\ \"", "é – 日本 \\ \""),
        ] {
            assert_eq!(Escaped(raw).to_string(), escaped);
            assert_eq!(OneLine(format_args!("{raw}")).to_string(), escaped);
            assert_eq!(Quoted(raw).to_string(), format!("\"{escaped}\""));
        }
    }
}
