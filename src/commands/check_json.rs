//! JSON for scripts: `check --json` and `expand`.
//!
//! serde-json-core writes each object into a buffer; lists are streamed, so a Corefile of megabytes needs no more than
//! its longest word.

use std::io::{self, Write};

use serde::Serialize;

use crate::base::diagnostic::Diagnostic;
use crate::base::hex::Upper;
use crate::config::{Filter, MAP};
use crate::corefile::Corefile;
use crate::object::MapDef;
use crate::plan::{Plan, PlannedFilter};

#[derive(Serialize)]
struct ErrorJson<'a> {
    file: &'a str,
    line: u32,
    directive: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct MapJson<'a> {
    r#type: &'a str,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    name: &'a str,
    r#type: &'a str,
    key: &'a str,
    position: usize,
    length: usize,
    help: &'a str,
}

#[derive(Serialize)]
struct TokenJson<'a> {
    file: &'a str,
    line: u32,
    text: &'a str,
}

/// Writes `check --json`: one object, in one line.
///
/// # Errors
/// When `out` can't be written to.
pub fn check(out: &mut impl Write, result: &Result<Plan, Vec<Diagnostic>>) -> io::Result<()> {
    let (wrong, plan) = match result {
        Ok(plan) => (&[][..], Some(plan)),
        Err(wrong) => (wrong.as_slice(), None),
    };
    write!(out, "{{\"ok\":{},\"errors\":[", wrong.is_empty())?;
    list(out, wrong, |out, one| {
        let Diagnostic {
            file,
            line,
            directive,
            message,
            ..
        } = one;
        json(
            out,
            &ErrorJson {
                file,
                line: *line,
                directive,
                message,
            },
        )
    })?;
    out.write_all(b"],\"filters\":[")?;
    let filters = plan.into_iter().flat_map(|plan| &plan.filters);
    list(out, filters, |out, PlannedFilter { block, object }| {
        let first = block.maps.first().map(|named| named.name.as_str());
        let map = object.map(MAP).or_else(|| object.map(first?));
        filter(out, block, map)
    })?;
    out.write_all(b"]}\n")
}

fn filter(out: &mut impl Write, filter: &Filter, map: Option<&MapDef>) -> io::Result<()> {
    out.write_all(b"{\"interface\":")?;
    json(out, &filter.interface.as_str())?;
    out.write_all(b",\"elf\":")?;
    json(out, &filter.elf.to_string_lossy().as_ref())?;
    out.write_all(b",\"mode\":")?;
    json(out, &filter.mode.name())?;
    out.write_all(b",\"map\":")?;
    let map = map.map(|map| (map, map.kind.to_string()));
    let map = map.as_ref().map(|(map, kind)| MapJson {
        r#type: kind,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
    });
    json(out, &map)?;
    write!(out, ",\"entries\":{},\"metrics\":[", filter.entries.len())?;
    list(out, &filter.metrics, |out, metric| {
        let key = Upper(&metric.key).to_string();
        let (position, length) = (metric.number.position, metric.number.length);
        json(
            out,
            &MetricJson {
                name: &metric.name,
                r#type: metric.kind.name(),
                key: &key,
                position,
                length,
                help: &metric.help,
            },
        )
    })?;
    out.write_all(b"]}")
}

/// Writes `expand`: the server blocks, and under each directive's name all its words.
///
/// # Errors
/// When `out` can't be written to.
pub fn expand(out: &mut impl Write, corefile: &Corefile) -> io::Result<()> {
    out.write_all(b"[")?;
    list(out, corefile.blocks(), |out, block| {
        out.write_all(b"{\"keys\":[")?;
        list(out, &block.keys, |out, key| json(out, &key.as_str()))?;
        out.write_all(b"],\"tokens\":{")?;
        list(out, &block.directives, |out, directive| {
            json(out, &directive.name.as_str())?;
            out.write_all(b":[")?;
            list(out, &directive.tokens, |out, &token| {
                let (file, text) = (corefile.file(token), corefile.text(token));
                json(
                    out,
                    &TokenJson {
                        file,
                        line: token.line(),
                        text,
                    },
                )
            })?;
            out.write_all(b"]")
        })?;
        out.write_all(b"}}")
    })?;
    out.write_all(b"]\n")
}

fn list<W: Write, T>(
    out: &mut W,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut W, T) -> io::Result<()>,
) -> io::Result<()> {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        write(out, item)?;
    }
    Ok(())
}

/// Writes one value; the buffer grows to what the longest word needs, as a Corefile's words have no length of their own.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut small = [0; 1024];
    if let Ok(length) = serde_json_core::to_slice(value, &mut small) {
        return out.write_all(small.get(..length).unwrap_or_default());
    }
    let mut large = vec![0; 64 * 1024];
    loop {
        match serde_json_core::to_slice(value, &mut large) {
            Ok(length) => return out.write_all(large.get(..length).unwrap_or_default()),
            // Six bytes for each of the Corefile's, and names; no word can need more.
            Err(_) if large.len() > 8 * crate::base::capacity::MAX_COREFILE + 65536 => {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            Err(_) => large.resize(large.len() * 2, 0),
        }
    }
}
