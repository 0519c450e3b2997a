//! Control characters in JSON. RFC 8259, section 7, requires escapes only below U+0020; a terminal interprets more.

use std::io::Write as _;

use crate::base::escape::is_control;

/// Length of an escape such as `\u202e`, in bytes.
const ESCAPE: usize = 6;

/// Escapes the control characters in the first `length` bytes of `room`, which are JSON and have control characters
/// only in strings. Returns the new length. If the text does not fit or is not UTF-8, returns `None` and leaves `room`
/// unchanged.
pub(super) fn escape(room: &mut [u8], length: usize) -> Option<usize> {
    let bytes = room.get(..length)?;
    if bytes.iter().all(|&byte| byte < 0x7f) {
        return Some(length);
    }
    let controls = std::str::from_utf8(bytes)
        .ok()?
        .chars()
        .filter(|c| is_control(*c));
    let growth: usize = controls.map(|c| ESCAPE - c.len_utf8()).sum();
    let escaped = length.checked_add(growth)?;
    room.get(..escaped)?;
    // Moves characters from the end, so that none is overwritten. When both positions are equal, no control is left.
    let (mut from, mut to) = (length, escaped);
    while from < to {
        let last = last_char(room.get(..from)?)?;
        let start = from - last.len_utf8();
        if is_control(last) {
            to -= ESCAPE;
            let mut slot = room.get_mut(to..to + ESCAPE)?;
            write!(slot, "\\u{:04x}", u32::from(last)).ok()?;
        } else {
            to -= last.len_utf8();
            room.copy_within(start..from, to);
        }
        from = start;
    }
    Some(escaped)
}

fn last_char(text: &[u8]) -> Option<char> {
    let start = text.iter().rposition(|byte| byte & 0xc0 != 0x80)?;
    std::str::from_utf8(text.get(start..)?).ok()?.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, room: usize) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(room, 0);
        let length = escape(&mut bytes, text.len())?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    #[test]
    fn controls_are_escaped_in_place() {
        for (raw, expected) in [
            ("\"plain\"", "\"plain\""),
            ("\"é日\"", "\"é日\""),
            ("\"\u{7f}\"", "\"\\u007f\""),
            (
                "\"é\u{9b}a\u{202e}日\u{2028}\"",
                "\"é\\u009ba\\u202e日\\u2028\"",
            ),
        ] {
            assert_eq!(escaped(raw, expected.len()).as_deref(), Some(expected));
            assert_eq!(escaped(raw, expected.len() - 1), None);
        }
    }
}
