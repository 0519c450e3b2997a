//! Entries as JSON, one map after the other.

use std::io::{self, Write};

use super::{Entry, Shown, Writer};
use crate::hex::Upper;
use crate::report::json;

/// A list of maps, each with a list of its entries.
#[derive(Default)]
pub(super) struct Json {
    maps: u64,
    entries: u64,
}

impl Writer for Json {
    fn begin(&mut self, out: &mut dyn Write, map: &Shown<'_>) -> io::Result<()> {
        let before = if self.maps == 0 { "[" } else { "," };
        (self.maps, self.entries) = (self.maps + 1, 0);
        write!(out, "{before}{{\"interface\":")?;
        json(out, &map.interface)?;
        write!(out, ",\"map\":")?;
        json(out, &map.name)?;
        let (kind, room) = (map.shape.kind, map.shape.max_entries);
        write!(
            out,
            ",\"type\":\"{kind}\",\"capacity\":{room},\"entries\":["
        )
    }

    fn entry(
        &mut self,
        out: &mut dyn Write,
        map: &mut Shown<'_>,
        entry: &Entry<'_>,
    ) -> io::Result<()> {
        let before = if self.entries == 0 { "" } else { "," };
        self.entries += 1;
        write!(
            out,
            "{before}{{\"key\":\"{}\",\"key_word\":",
            Upper(entry.key)
        )?;
        json(out, &map.encoder.key_word(entry.key).as_deref())?;
        let (open, close) = if map.shape.kind.is_per_cpu() {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(out, ",\"value\":{open}")?;
        for (index, value) in entry.values.iter().enumerate() {
            let before = if index == 0 { "" } else { "," };
            write!(out, "{before}\"{}\"", Upper(value))?;
        }
        write!(out, "{close},\"fields\":{open}")?;
        for (index, value) in entry.values.iter().enumerate() {
            write!(out, "{}", if index == 0 { "" } else { "," })?;
            fields(out, map, value)?;
        }
        write!(out, "{close}}}")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "]}}")
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}]", if self.maps == 0 { "[" } else { "" })
    }
}

/// The parts of a value, each with its name; numbers are numbers.
fn fields(out: &mut dyn Write, map: &mut Shown<'_>, value: &[u8]) -> io::Result<()> {
    let (parts, _) = map.encoder.parts(value);
    for (index, part) in parts.iter().enumerate() {
        write!(out, "{}", if index == 0 { "{" } else { "," })?;
        json(out, &part.path.as_str())?;
        if part.is_number {
            write!(out, ":{}", part.word)?;
        } else {
            write!(out, ":")?;
            json(out, &part.word.as_str())?;
        }
    }
    write!(out, "{}", if parts.is_empty() { "{}" } else { "}" })
}
