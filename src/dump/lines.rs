//! Entries as lines of a Corefile: in words where the map has types, else in bytes.

use std::io::{self, Write};

use super::{Entry, Shown, Writer};
use crate::corefile::Escaped;

/// A heading for each map, then a line for each entry.
pub(super) struct Lines;

impl Writer for Lines {
    fn begin(&mut self, out: &mut dyn Write, map: &Shown<'_>) -> io::Result<()> {
        let (interface, name) = (Escaped(map.interface), Escaped(map.name));
        let (kind, count, room) = (map.shape.kind, map.entries, map.shape.max_entries);
        write!(out, "# {interface} {name} {kind} ")?;
        if kind.holds_bytes() {
            writeln!(out, "{count} of {room}")
        } else {
            writeln!(out, "of {room}: what it holds are no bytes")
        }
    }

    fn entry(
        &mut self,
        out: &mut dyn Write,
        map: &mut Shown<'_>,
        entry: &Entry<'_>,
    ) -> io::Result<()> {
        if let [first, others @ ..] = entry.values.as_slice()
            && others.iter().all(|other| other == first)
        {
            return writeln!(out, "{}", map.encoder.line(map.name, entry.key, first));
        }
        // A Corefile gives all CPUs the same value.
        for (cpu, value) in entry.values.iter().enumerate() {
            writeln!(
                out,
                "# cpu={cpu} {}",
                map.encoder.line(map.name, entry.key, value)
            )?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
