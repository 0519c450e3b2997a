//! The format `drop-json`: Spamhaus's lists, a JSON object on each line. The last line has `"type":"metadata"`.

use super::sink::Sink;
use super::{Reason, address};

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let text = without_array(text);
    if text.is_empty() {
        return Ok(());
    }
    let object = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    // A second object on the line would be lost.
    let object = object.filter(|text| !text.contains('{'));
    let object = object.ok_or(Reason::Malformed)?;
    if let Some(cidr) = member(object, "cidr") {
        // JSON may write `/` as `\/`.
        return address::put(&cidr.replace('\\', ""), sink);
    }
    match member(object, "type") {
        Some("metadata") => Ok(()),
        _ => Err(Reason::Malformed),
    }
}

/// A line without the signs of an array: some writers put the objects into one.
pub(super) fn without_array(line: &str) -> &str {
    line.trim().trim_matches([',', '[', ']']).trim()
}

/// The text of the member `name` of an object; escapes stay.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = object;
    loop {
        let (key, after) = string(rest)?;
        let after = after.trim_start();
        match after.strip_prefix(':') {
            Some(value) if key == name => return Some(string_at(value.trim_start())?.0),
            // A text without a colon is a value.
            _ => rest = after,
        }
    }
}

/// The first text in double quotes, and the rest after it.
fn string(text: &str) -> Option<(&str, &str)> {
    string_at(text.get(text.find('"')?..)?)
}

/// The text in double quotes with which `text` begins, and the rest after it.
fn string_at(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}
