//! What is promised of every complaint.

/// A complaint is one line of a log, whatever was quoted in it: no control characters, and no book.
pub(super) fn is_one_line(complaint: &str, longest: usize) {
    assert!(
        !complaint.is_empty() && !complaint.contains(char::is_control),
        "no plain line: {complaint:?}"
    );
    let length = complaint.chars().count();
    assert!(
        length <= longest,
        "{length} characters, {longest} expected at most: {complaint}"
    );
}
