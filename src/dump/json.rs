//! Entries as JSON, one map after the other.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Entry, Shown, Writer};
use crate::hex::Upper;
use crate::json::Quoted;

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
        let (interface, name) = (Quoted(map.interface), Quoted(map.name));
        let (kind, room) = (map.shape.kind, map.shape.max_entries);
        write!(
            out,
            "{before}{{\"interface\":{interface},\"map\":{name},\"type\":\"{kind}\",\"capacity\":{room},\"entries\":["
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
        let (key, word) = (Upper(entry.key), map.encoder.key_word(entry.key));
        let word = word.map_or_else(|| "null".into(), |word| Quoted(&word).to_string());
        let (mut values, mut all) = (String::new(), String::new());
        let mut comma = "";
        for value in &entry.values {
            let _ = write!(values, "{comma}\"{}\"", Upper(value));
            all.push_str(comma);
            fields(&mut all, map, value);
            comma = ",";
        }
        let (open, close) = if map.shape.kind.is_per_cpu() {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(
            out,
            "{before}{{\"key\":\"{key}\",\"key_word\":{word},\"value\":{open}{values}{close},\"fields\":{open}{all}{close}}}"
        )
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"]}")
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.maps == 0 { b"[]\n" } else { b"]\n" })
    }
}

/// The parts of a value, each with its name; numbers are numbers.
fn fields(out: &mut String, map: &mut Shown<'_>, value: &[u8]) {
    let (parts, _) = map.encoder.parts(value);
    let mut before = "{";
    for part in &parts {
        let _ = write!(out, "{before}{}:", Quoted(&part.path));
        let _ = if part.is_number {
            out.write_str(&part.word)
        } else {
            write!(out, "{}", Quoted(&part.word))
        };
        before = ",";
    }
    out.push_str(if parts.is_empty() { "{}" } else { "}" });
}
