//! Entries as lines of a Corefile: in words where the map has types, else in bytes.

use std::fmt::{self, Write as _};

use super::{Entry, Shown, Writer};
use crate::base::escape::Escaped;
use crate::base::json::Output;

/// A heading for each map, then a line for each entry.
pub(super) struct Lines<'a, 'o>(pub(super) &'a mut Output<'o>);

impl Writer for Lines<'_, '_> {
    fn begin(&mut self, map: &Shown<'_>) -> fmt::Result {
        let (interface, name) = (Escaped(map.interface), Escaped(map.name));
        let (kind, count, room) = (map.shape.kind, map.entries, map.shape.max_entries);
        write!(self.0, "# {interface} {name} {kind} ")?;
        if kind.holds_bytes() {
            writeln!(self.0, "{count} of {room}")
        } else {
            writeln!(self.0, "of {room}: what it holds are no bytes")
        }
    }

    fn entry(&mut self, map: &mut Shown<'_>, entry: &Entry<'_>) -> fmt::Result {
        let first = entry.values.first();
        let same = entry.values.iter().all(|value| Some(value) == first);
        for (cpu, value) in entry.values.iter().enumerate() {
            // A Corefile gives all CPUs the same value.
            if !same {
                write!(self.0, "# cpu={cpu} ")?;
            }
            let mut line = String::new();
            map.encoder.line(map.name, entry.key, value, &mut line);
            writeln!(self.0, "{line}")?;
            if same {
                break;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self) -> fmt::Result {
        Ok(())
    }
}
