//! Entries as lines of a Corefile: in words where the map has types, else in bytes.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Entry, Shown, Writer};
use crate::config::MAP;
use crate::corefile::{Escaped, Word};
use crate::hex::Upper;

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
            return writeln!(out, "{}", line(map, entry.key, first));
        }
        // A Corefile gives all CPUs the same value.
        for (cpu, value) in entry.values.iter().enumerate() {
            writeln!(out, "# cpu={cpu} {}", line(map, entry.key, value))?;
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

/// The line that gives a key this value.
fn line(map: &mut Shown<'_>, key: &[u8], value: &[u8]) -> String {
    let name = format!("@{}", map.name);
    let name = if map.name == MAP {
        String::new()
    } else {
        format!("{} ", Word(&name))
    };
    let (parts, whole) = map.encoder.parts(value);
    let Some(word) = map.encoder.key_word(key).filter(|_| whole) else {
        return format!("map {name}{} {}", Upper(key), Upper(value));
    };
    let mut line = format!("entry {name}{}", Word(&word));
    let named = parts.iter().filter(|part| !part.is_zero);
    // A line names one FIELD at least.
    let first = parts
        .iter()
        .take(1)
        .filter(|_| named.clone().next().is_none());
    for part in first.chain(named.clone()) {
        let field = format!("{}={}", part.path, part.word);
        let _ = write!(line, " {}", Word(&field));
    }
    line
}
