//! The words of a line outside of a Corefile, in the syntax of a Corefile.

use super::lexer::Lexer;
use super::text::Text;

/// The words of `line`, without quotes and comments.
pub fn words(line: &str) -> Vec<String> {
    let (mut text, mut words) = (Text::default(), Vec::new());
    if text.add_file(line.into()).is_err() {
        return words;
    }
    let mut lexer = Lexer::new(0, 0, &text);
    while let Ok(Some(token)) = lexer.next(&mut text) {
        words.push(text.get(token).to_owned());
    }
    words
}
