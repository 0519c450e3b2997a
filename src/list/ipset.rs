//! The format `ipset`: the output of `ipset save`.

use super::sink::Sink;
use super::{Reason, address};

/// Commands that give no entries.
const OTHER: [&str; 7] = [
    "create", "flush", "destroy", "swap", "rename", "quit", "COMMIT",
];

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let mut words = text.split_ascii_whitespace();
    let options = |word: &&str| matches!(*word, "-exist" | "-!");
    match words.find(|word| !options(word)) {
        None => return Ok(()),
        Some(first) if first.starts_with('#') || OTHER.contains(&first) => return Ok(()),
        Some("add" | "-A") => {}
        Some(_) => return Err(Reason::Malformed),
    }
    let mut words = words.filter(|word| !options(word));
    let entry = words.nth(1).ok_or(Reason::Malformed)?;
    if words.any(|word| word == "nomatch") {
        return Err(Reason::Option);
    }
    address::put(entry, sink)
}
