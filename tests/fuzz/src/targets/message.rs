//! Properties of every error message.

/// Characters of the longest message. A message quotes at most a path, or a name and two words, each cut and escaped.
const LONGEST: usize = 5000;

/// Checks that a message is one short line without control characters.
pub(super) fn is_one_line(message: &str) {
    assert!(
        !message.is_empty() && !message.contains(char::is_control),
        "not a plain line: {message:?}"
    );
    let length = message.chars().count();
    assert!(
        length <= LONGEST,
        "{length} characters, expected at most {LONGEST}: {message}"
    );
}
