//! What is promised of every complaint.

/// The most that a complaint quotes is a path, or a name and a word or two, each cut and its letters escaped.
const LONGEST: usize = 5000;

/// A complaint is one line of a log, whatever was quoted in it: no control characters, and no book.
pub(super) fn is_one_line(complaint: &str) {
    assert!(
        !complaint.is_empty() && !complaint.contains(char::is_control),
        "no plain line: {complaint:?}"
    );
    let length = complaint.chars().count();
    assert!(
        length <= LONGEST,
        "{length} characters, {LONGEST} expected at most: {complaint}"
    );
}
