//! `corexdp dump`: receives descriptors of the running maps from the daemon, and reads the maps itself.
//!
//! The types of a map come from the BTF in the kernel. So showing entries in words needs no object file.

mod json;
mod lines;

use std::fmt::{self, Display};
use std::io;

use nix::errno::Errno;

use crate::base::escape::Escaped;
use crate::base::json::Output;
use crate::commands::running_map::{Place, RunningMap};
use crate::encode::Encoder;
use crate::kernel::info;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;

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
    for running in maps {
        match running.open() {
            Ok((map, info)) => {
                let open = OpenMap { running, map, info };
                complete &= open.write(writer, &mut scan, report)?;
            }
            Err(errno) => {
                complete = false;
                report_error(running, "cannot be read", errno, report);
            }
        }
    }
    writer.finish()?;
    Ok(complete)
}

fn report_error(running: &RunningMap, message: &str, errno: Errno, report: Report<'_>) {
    let (place, name) = (&running.place, Escaped(&running.name));
    let reason = errno.desc();
    report(&format_args!("{place}: {name} {message}: {reason}"));
}

/// A map opened for reading.
struct OpenMap<'a> {
    running: &'a RunningMap,
    map: Map,
    info: info::Map,
}

impl OpenMap<'_> {
    /// Writes all entries. Returns false if some entries cannot be read.
    fn write(
        &self,
        writer: &mut dyn Writer,
        scan: &mut Scan,
        report: Report<'_>,
    ) -> Result<bool, fmt::Error> {
        let types = self.running.types(&self.info).unwrap_or_else(|errno| {
            let message = "is shown in bytes, since its types cannot be read";
            report_error(self.running, message, errno, report);
            None
        });
        let (map, shape) = (&self.map, *self.map.shape());
        let entries = match shape.kind {
            kind if kind.is_array() => Ok(shape.max_entries.into()),
            kind if kind.holds_bytes() => scan.each(map, &mut |_, _| {}),
            _ => Ok(0),
        };
        let mut view = MapView {
            running: self.running,
            place: &self.running.place,
            name: &self.running.name,
            shape,
            entries: entries.unwrap_or(0),
            encoder: Encoder::new(&self.info.definition, types.as_ref()),
        };
        writer.begin(&view)?;
        let (mut written, mut scanned) = (Ok(()), Ok(0));
        if shape.kind.holds_bytes() {
            scanned = scan.each(map, &mut |key, copied| {
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
