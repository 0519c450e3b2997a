//! Entries as lines of a Corefile: in words where the map has types, else in bytes.

use std::fmt::Write as _;

use super::{Entry, Shown, Writer};
use crate::base::escape::Escaped;

/// A heading for each map, then a line for each entry.
pub(super) struct Lines;

impl Writer for Lines {
    fn begin(&mut self, out: &mut String, map: &Shown<'_>) {
        let (interface, name) = (Escaped(map.interface), Escaped(map.name));
        let (kind, count, room) = (map.shape.kind, map.entries, map.shape.max_entries);
        let _ = write!(out, "# {interface} {name} {kind} ");
        let _ = if kind.holds_bytes() {
            writeln!(out, "{count} of {room}")
        } else {
            writeln!(out, "of {room}: what it holds are no bytes")
        };
    }

    fn entry(&mut self, out: &mut String, map: &mut Shown<'_>, entry: &Entry<'_>) {
        let first = entry.values.first();
        let same = entry.values.iter().all(|value| Some(value) == first);
        for (cpu, value) in entry.values.iter().enumerate() {
            // A Corefile gives all CPUs the same value.
            if !same {
                let _ = write!(out, "# cpu={cpu} ");
            }
            map.encoder.line(map.name, entry.key, value, out);
            out.push('\n');
            if same {
                break;
            }
        }
    }

    fn end(&mut self, _: &mut String) {}

    fn finish(&mut self, _: &mut String) {}
}
