//! `corexdp dump`: receives descriptors of the running maps from the daemon, and reads the maps itself.
//!
//! The types of a map come from the BTF in the kernel. So showing entries in words needs no object file.

mod json;
mod lines;

use std::fmt::{self, Display};
use std::io;
use std::rc::Rc;

use nix::errno::Errno;

use crate::base::escape::Escaped;
use crate::base::json::Output;
use crate::commands::running_map::{Place, RunningMap};
use crate::encode::Encoder;
use crate::filter::{Content, RunningTable};
use crate::kernel::info;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::object::{self, Btf, MapDef, Table, TableKind};

/// An entry in the layout that the kernel copies.
struct Entry<'a> {
    key: &'a [u8],
    /// The value; for a per-CPU map, a value for each possible CPU.
    values: Vec<&'a [u8]>,
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
    running: &'a RunningMap,
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

/// Function that prints an error.
type Report<'a> = &'a mut dyn FnMut(&dyn Display);

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
            complete &= opened.write(writer, &mut scan, report)?;
        }
    }
    writer.finish()?;
    Ok(complete)
}

/// Opens the maps of one stage, and forms its tables. Clears `complete` if a map cannot be read.
fn open_maps<'a>(
    maps: &'a [RunningMap],
    complete: &mut bool,
    report: Report<'_>,
) -> Vec<OpenMap<'a>> {
    let mut opened = Vec::with_capacity(maps.len());
    for running in maps {
        match running.open() {
            Ok((map, info)) => opened.push((running, map, info)),
            Err(errno) => {
                *complete = false;
                report_error(running, "cannot be read", errno, report);
            }
        }
    }
    // All maps of an object have their types in the same BTF.
    let typed = opened.iter().find(|(_, _, info)| info.btf != 0);
    let btf = typed.and_then(|(running, _, info)| {
        running.types(info).unwrap_or_else(|errno| {
            let message = "is shown in bytes, since its types cannot be read";
            report_error(running, message, errno, report);
            None
        })
    });
    let btf = btf.map(Rc::new);
    let mut defs: Vec<_> = opened.iter().map(definition).collect();
    // Without their types, the parts are shown as the maps that they are.
    let _ = object::find_tables(&mut defs, btf.as_deref());
    let maps: Vec<_> = opened
        .into_iter()
        .map(|(running, map, _)| (running, map))
        .collect();
    let open = |(number, def): (usize, &MapDef)| {
        let (running, map) = maps.get(number)?;
        let content = match def.table() {
            None => Content::Map(map.share().ok()?),
            Some(table) => Content::Table(form(table, &def.name, &maps)?),
        };
        Some(OpenMap {
            running,
            content,
            definition: def.for_lines()?.clone(),
            btf: btf.clone(),
        })
    };
    defs.iter().enumerate().filter_map(open).collect()
}

/// The table of this name, of the parts among `maps`.
fn form(table: &Table, name: &str, maps: &[(&RunningMap, Map)]) -> Option<RunningTable> {
    let part = |name: String| {
        let mut maps = maps.iter();
        let (_, map) = maps.find(|(running, _)| running.name == name)?;
        map.share().ok()
    };
    let parts: Option<Vec<_>> = table.part_names(name).map(part).collect();
    Some(RunningTable::new(table, parts?))
}

fn definition((running, _, info): &(&RunningMap, Map, info::Map)) -> MapDef {
    MapDef {
        name: running.name.clone(),
        ..info.definition.clone()
    }
}

fn report_error(running: &RunningMap, message: &str, errno: Errno, report: Report<'_>) {
    let (place, name) = (&running.place, Escaped(&running.name));
    let reason = errno.desc();
    report(&format_args!("{place}: {name} {message}: {reason}"));
}

/// A map opened for reading.
struct OpenMap<'a> {
    running: &'a RunningMap,
    content: Content,
    /// The definition, with ids of types in `btf`.
    definition: MapDef,
    btf: Option<Rc<Btf>>,
}

impl OpenMap<'_> {
    /// Writes all entries. Returns false if some entries cannot be read.
    fn write(
        &self,
        writer: &mut dyn Writer,
        scan: &mut Scan,
        report: Report<'_>,
    ) -> Result<bool, fmt::Error> {
        let (content, shape) = (&self.content, *self.content.shape());
        let entries = match shape.kind {
            kind if kind.is_array() => Ok(shape.max_entries.into()),
            kind if kind.holds_bytes() => content.each(scan, &mut |_, _| {}),
            _ => Ok(0),
        };
        let mut view = MapView {
            running: self.running,
            place: &self.running.place,
            name: &self.running.name,
            table: match content {
                Content::Map(_) => None,
                Content::Table(table) => Some(table.kind()),
            },
            shape,
            entries: entries.unwrap_or(0),
            encoder: Encoder::new(&self.definition, self.btf.as_deref()),
        };
        writer.begin(&view)?;
        let (mut written, mut scanned) = (Ok(()), Ok(0));
        if shape.kind.holds_bytes() {
            scanned = content.each(scan, &mut |key, copied| {
                let values = shape.values(copied).collect();
                if written.is_ok() {
                    written = writer.entry(&mut view, &Entry { key, values });
                }
            });
        }
        written?;
        writer.end()?;
        if let Err(errno) = scanned {
            report_error(self.running, "cannot be read in full", errno, report);
        }
        Ok(scanned.is_ok())
    }
}
