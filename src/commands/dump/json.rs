//! Entries as JSON, one map after the other.

use std::fmt::Write as _;

use super::{Entry, Shown, Writer};
use crate::base::hex::Upper;
use crate::base::json::Quoted;

/// A list of maps, each with a list of its entries.
#[derive(Default)]
pub(super) struct Json {
    maps: u64,
    entries: u64,
}

impl Writer for Json {
    fn begin(&mut self, out: &mut String, map: &Shown<'_>) {
        let before = if self.maps == 0 { '[' } else { ',' };
        (self.maps, self.entries) = (self.maps + 1, 0);
        let (interface, name) = (Quoted(map.interface), Quoted(map.name));
        let (kind, room) = (map.shape.kind, map.shape.max_entries);
        let _ = write!(
            out,
            "{before}{{\"interface\":{interface},\"map\":{name},\"type\":\"{kind}\",\"capacity\":{room},\"entries\":["
        );
    }

    fn entry(&mut self, out: &mut String, map: &mut Shown<'_>, entry: &Entry<'_>) {
        let before = if self.entries == 0 { "" } else { "," };
        self.entries += 1;
        let key = Upper(entry.key);
        let _ = write!(out, "{before}{{\"key\":\"{key}\",\"key_word\":");
        let _ = match map.encoder.key_word(entry.key) {
            Some(word) => write!(out, "{}", Quoted(&word)),
            None => out.write_str("null"),
        };
        let (open, close) = if map.shape.kind.is_per_cpu() {
            ("[", "]")
        } else {
            ("", "")
        };
        for (name, of_fields) in [("value", false), ("fields", true)] {
            let _ = write!(out, ",\"{name}\":{open}");
            for (index, value) in entry.values.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                if of_fields {
                    fields(out, map, value);
                } else {
                    let _ = write!(out, "\"{}\"", Upper(value));
                }
            }
            out.push_str(close);
        }
        out.push('}');
    }

    fn end(&mut self, out: &mut String) {
        out.push_str("]}");
    }

    fn finish(&mut self, out: &mut String) {
        out.push_str(if self.maps == 0 { "[]\n" } else { "]\n" });
    }
}

/// The parts of a value, each with its name; numbers are numbers.
fn fields(out: &mut String, map: &mut Shown<'_>, value: &[u8]) {
    let (assignments, _) = map.encoder.assignments(value);
    let mut before = "{";
    for assignment in &assignments {
        let _ = write!(out, "{before}{}:", Quoted(&assignment.path));
        let _ = if assignment.is_number {
            out.write_str(&assignment.word)
        } else {
            write!(out, "{}", Quoted(&assignment.word))
        };
        before = ",";
    }
    out.push_str(if assignments.is_empty() { "{}" } else { "}" });
}
