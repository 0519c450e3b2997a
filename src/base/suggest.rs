//! What somebody may have meant who wrote a name that is not there.

use std::fmt::Write as _;

/// Longest name looked at, in bytes; nobody mistypes longer ones, and the work is bounded.
const LONGEST: usize = 64;
/// How many names a list has.
const NAMED: usize = 12;

/// The name most like `wrong`, if one is like it at all: few letters differ, or one of them holds the other.
pub fn nearest<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let allowed = (wrong.len() / 3).max(1);
    let (mut nearest, mut least) = (None, usize::MAX);
    for name in names {
        let Some(far) = distance(wrong.as_bytes(), name.as_bytes()) else {
            continue;
        };
        let like = far <= allowed || holds(name, wrong) || holds(wrong, name);
        if like && far < least {
            (nearest, least) = (Some(*name), far);
        }
    }
    nearest
}

/// What would be right instead of `wrong`: the nearest of these names, or else all of them.
pub fn instead(wrong: &str, names: &[&str]) -> String {
    match nearest(wrong, names) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", list(names, " and ")),
    }
}

/// Names in a row, `last` before the last: `a, b and c`; of many only the first.
pub fn list(names: &[&str], last: &str) -> String {
    let mut text = String::new();
    for (number, name) in names.iter().take(NAMED).enumerate() {
        text.push_str(match number {
            0 => "",
            _ if number + 1 == names.len() => last,
            _ => ", ",
        });
        text.push_str(name);
    }
    if let Some(more @ 1..) = names.len().checked_sub(NAMED) {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// True if `part` stands in `name`; two letters stand in many.
fn holds(name: &str, part: &str) -> bool {
    let mut places = name.as_bytes().windows(part.len().max(3));
    places.any(|place| place.eq_ignore_ascii_case(part.as_bytes()))
}

/// Edits (a letter changed, added or removed) from `one` to `other`, capital or not; `None` for names that are too long.
fn distance(one: &[u8], other: &[u8]) -> Option<usize> {
    if one.len().max(other.len()) > LONGEST {
        return None;
    }
    let [one, other] = [one, other].map(<[u8]>::to_ascii_lowercase);
    Some(strsim::generic_levenshtein(&one, &other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_the_word_is_meant() {
        let names = ["action", "family", "ACL_DROP", "ACL_PASS", "packets", "x"];
        for (wrong, expected) in [
            ("acton", Some("action")),
            ("Action", Some("action")),
            ("famliy", Some("family")),
            ("packet", Some("packets")),
            ("DROP", Some("ACL_DROP")),
            ("packets_total", Some("packets")),
            ("pass", Some("ACL_PASS")),
            ("y", Some("x")),
            ("verdict", None),
            ("", Some("x")),
            ("AC", None),
            (&"a".repeat(65), None),
        ] {
            assert_eq!(nearest(wrong, &names), expected, "{wrong}");
        }
        assert_eq!(nearest("a", &["b".repeat(65).as_str()]), None);
    }

    #[test]
    fn what_is_right_is_one_name_or_all() {
        let names = ["packets", "bytes", "drops"];
        for (wrong, expected) in [
            ("byte", "did you mean bytes?"),
            ("colour", "there are packets, bytes and drops"),
        ] {
            assert_eq!(instead(wrong, &names), expected);
        }
        let many: Vec<String> = (0..14).map(|number| number.to_string()).collect();
        for (count, expected) in [
            (0, ""),
            (1, "0"),
            (2, "0 and 1"),
            (12, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 11"),
            (14, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more"),
        ] {
            let names: Vec<_> = many.iter().take(count).map(String::as_str).collect();
            assert_eq!(list(&names, " and "), expected);
        }
    }

    #[test]
    fn letters_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "ABC", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(one.as_bytes(), other.as_bytes()), Some(expected));
        }
    }
}
