//! `corexdp dump`: receives descriptors of the running maps from the daemon, and reads the maps itself.
//!
//! The types of a map come from the BTF in the kernel. So showing entries in words needs no object file.

mod json;
mod lines;

use std::fmt;
use std::io;

use crate::base::json::Output;
use crate::commands::open_map::{OpenMap, Report, open_maps, report_error};
use crate::commands::running_map::{Place, RunningMap};
use crate::config::decision::End;
use crate::encode::Encoder;
use crate::filter::Content;
use crate::kernel::map::Shape;
use crate::kernel::map_scan::Scan;
use crate::object::TableKind;

/// An entry in the layout that the kernel copies.
struct Entry<'a> {
    key: &'a [u8],
    /// The value; for a per-CPU map, a value for each possible CPU.
    values: Vec<&'a [u8]>,
    /// The end of a decision; `None` for an entry that is no decision.
    end: Option<End>,
}

/// Properties of a map that the writers need.
struct MapView<'a> {
    place: &'a Place,
    name: &'a str,
    /// The kind of table; `None` for a map of its own.
    table: Option<TableKind>,
    shape: Shape,
    /// Number of entries.
    entries: u64,
    encoder: Encoder<'a>,
}

/// An output format. Calls come in the order `begin`, `entry`…, `end` for each map, then `finish`.
trait Writer {
    fn begin(&mut self, map: &MapView<'_>) -> fmt::Result;
    fn entry(&mut self, map: &mut MapView<'_>, entry: &Entry<'_>) -> fmt::Result;
    fn end(&mut self) -> fmt::Result;
    fn finish(&mut self) -> fmt::Result;
}

/// Destinations of text and errors.
pub struct Sink<'a> {
    /// Destination of the text, which is written in small pieces.
    pub out: &'a mut dyn io::Write,
    /// Called with each error.
    pub report: Report<'a>,
}

/// Writes all entries of the maps: as JSON if `json` is true, else as lines of a Corefile. Returns false if some entries
/// cannot be read.
///
/// # Errors
/// When the text cannot be written.
pub fn write(maps: &[RunningMap], json: bool, sink: &mut Sink<'_>) -> io::Result<bool> {
    let mut out = Output::new(sink.out);
    let written = if json {
        write_maps(maps, &mut json::Json::begin(&mut out), sink.report)
    } else {
        write_maps(maps, &mut lines::Lines(&mut out), sink.report)
    };
    out.finish(written.as_ref().map(drop).map_err(|error| *error))?;
    Ok(written.unwrap_or(false))
}

fn write_maps(
    maps: &[RunningMap],
    writer: &mut dyn Writer,
    report: Report<'_>,
) -> Result<bool, fmt::Error> {
    let (mut scan, mut complete) = (Box::<Scan>::default(), true);
    for maps in maps.chunk_by(|one, next| one.place == next.place) {
        for opened in open_maps(maps, &mut complete, report) {
            complete &= write_map(&opened, writer, &mut scan, report)?;
        }
    }
    writer.finish()?;
    Ok(complete)
}

/// Writes all entries of a map. Returns false if some entries cannot be read.
fn write_map(
    open: &OpenMap<'_>,
    writer: &mut dyn Writer,
    scan: &mut Scan,
    report: Report<'_>,
) -> Result<bool, fmt::Error> {
    let (content, shape) = (&open.content, *open.content.shape());
    let entries = match shape.kind {
        kind if kind.is_array() => Ok(shape.max_entries.into()),
        kind if kind.holds_bytes() => content.each(scan, &mut |_, _| {}),
        _ => Ok(0),
    };
    let mut view = MapView {
        place: &open.running.place,
        name: &open.running.name,
        table: match content {
            Content::Map(_) => None,
            Content::Table(table) => Some(table.kind()),
        },
        shape,
        entries: entries.unwrap_or(0),
        encoder: open.encoder(),
    };
    let mut ends = 0;
    let counted = open.each_decision(scan, &mut |_, _, _| ends += 1);
    view.entries = view.entries.saturating_add(ends);
    writer.begin(&view)?;
    let (mut written, mut scanned) = (Ok(()), counted);
    if shape.kind.holds_bytes() {
        let mut write = |key: &[u8], copied: &[u8], end: Option<End>| {
            let values = shape.values(copied).collect();
            if written.is_ok() {
                written = writer.entry(&mut view, &Entry { key, values, end });
            }
        };
        let read = content.each(scan, &mut |key, copied| {
            write(key, copied, open.running.decision(key));
        });
        let decisions = open.each_decision(scan, &mut |key, value, end| {
            write(key, value, Some(end));
        });
        scanned = scanned.and(read.map(drop)).and(decisions);
    }
    written?;
    writer.end()?;
    if let Err(errno) = scanned {
        report_error(open.running, "cannot be read in full", errno, report);
    }
    Ok(scanned.is_ok())
}
