//! Suggestions for a mistyped name.

use std::fmt::Write as _;

/// Bytes of the longest name that is compared, which bounds the work.
const MAX_LENGTH: usize = 64;
/// Names in a list; further names are only counted.
const MAX_NAMES: usize = 12;

/// The name most similar to `wrong`, if any is similar: few letters differ, or one contains the other.
pub fn nearest<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let allowed = (wrong.len() / 3).max(1);
    let (mut nearest, mut fewest) = (None, usize::MAX);
    for name in names {
        let Some(edits) = distance(wrong.as_bytes(), name.as_bytes()) else {
            continue;
        };
        let similar = edits <= allowed || contains(name, wrong) || contains(wrong, name);
        if similar && edits < fewest {
            (nearest, fewest) = (Some(*name), edits);
        }
    }
    nearest
}

/// The remedy for `wrong` in a message: the nearest of these names, else all of them.
pub fn suggestion(wrong: &str, names: &[&str]) -> String {
    match nearest(wrong, names) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("there are {}", list(names, " and ")),
    }
}

/// Names in a row, with `conjunction` before the last: `a, b and c`. At most `MAX_NAMES` are listed.
pub fn list(names: &[&str], conjunction: &str) -> String {
    let mut text = String::new();
    for (number, name) in names.iter().take(MAX_NAMES).enumerate() {
        text.push_str(match number {
            0 => "",
            _ if number + 1 == names.len() => conjunction,
            _ => ", ",
        });
        text.push_str(name);
    }
    if let Some(more @ 1..) = names.len().checked_sub(MAX_NAMES) {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// True if `name` contains `part`, capitals aside. A part of fewer than three letters would match too often.
fn contains(name: &str, part: &str) -> bool {
    let mut windows = name.as_bytes().windows(part.len().max(3));
    windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// Levenshtein distance from `one` to `other`, capitals aside; `None` for names that are too long.
fn distance(one: &[u8], other: &[u8]) -> Option<usize> {
    if one.len().max(other.len()) > MAX_LENGTH {
        return None;
    }
    let [one, other] = [one, other].map(<[u8]>::to_ascii_lowercase);
    Some(strsim::generic_levenshtein(&one, &other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
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
    fn suggestion_is_one_name_or_all() {
        let names = ["packets", "bytes", "drops"];
        for (wrong, expected) in [
            ("byte", "did you mean bytes?"),
            ("colour", "there are packets, bytes and drops"),
        ] {
            assert_eq!(suggestion(wrong, &names), expected);
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
    fn distance_counts_edits() {
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
