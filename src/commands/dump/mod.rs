//! `corexdp dump`: receives descriptors of the running maps from the daemon, and reads the maps itself.
//!
//! The types of a map come from the BTF in the kernel. So showing entries in words needs no object file.

mod json;
mod lines;

use std::fmt::{self, Display};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use nix::errno::Errno;

use crate::base::escape::Escaped;
use crate::base::json::Output;
use crate::control::client::{self, Error};
use crate::control::{Payload, Request};
use crate::encode::Encoder;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::kernel::{btf, describe, errno, info, limits};
use crate::object::Btf;

/// A map of a running filter.
#[derive(Debug)]
pub struct RunningMap {
    place: Place,
    name: String,
    map: OwnedFd,
}

/// Interface of a map, and in a chain the stage, since several stages may have maps of the same name.
#[derive(Debug)]
struct Place {
    interface: String,
    stage: Option<String>,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.interface))?;
        match &self.stage {
            Some(stage) => write!(f, "/{}", Escaped(stage)),
            None => Ok(()),
        }
    }
}

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

/// Receives the maps from the daemon that listens at `control`.
///
/// # Errors
/// When the daemon does not answer, or refuses.
pub fn fetch(control: &Path) -> Result<Vec<RunningMap>, Error> {
    let mut maps = Vec::new();
    client::fetch(control, Request::Dump, &mut |payload, map| {
        let Payload::Map(names) = payload else {
            return Err(Errno::EBADMSG);
        };
        let names = std::str::from_utf8(names).map_err(|_| Errno::EBADMSG)?;
        let (interface, names) = names.split_once(' ').ok_or(Errno::EBADMSG)?;
        let mut names = names.splitn(2, '\0');
        maps.push(RunningMap {
            name: names.next().unwrap_or_default().into(),
            place: Place {
                interface: interface.into(),
                stage: names.next().map(Into::into),
            },
            map,
        });
        Ok(())
    })?;
    Ok(maps)
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
    for running in maps {
        match running.open() {
            Ok((map, info)) => {
                let open = OpenMap { running, map, info };
                complete &= open.write(writer, &mut scan, report)?;
            }
            Err(errno) => {
                complete = false;
                running.report_error("cannot be read", errno, report);
            }
        }
    }
    writer.finish()?;
    Ok(complete)
}

impl RunningMap {
    fn report_error(&self, message: &str, errno: Errno, report: Report<'_>) {
        let (place, name) = (&self.place, Escaped(&self.name));
        let reason = describe(errno);
        report(&format_args!("{place}: {name} {message}: {reason}"));
    }

    fn open(&self) -> Result<(Map, info::Map), Errno> {
        let info = info::map(self.map.as_fd())?;
        let map = self.map.try_clone().map_err(|error| errno(&error))?;
        // The kernel copies a value for each possible CPU of a per-CPU map, so the buffer needs room for all of them.
        let cpus = if info.definition.kind.is_per_cpu() {
            limits::possible_cpus().map_err(|error| errno(&error))?
        } else {
            1
        };
        Ok((Map::open(map, &info, cpus), info))
    }
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
        let btf = self.types(report);
        let (map, shape) = (&self.map, *self.map.shape());
        let entries = match shape.kind {
            kind if kind.is_array() => Ok(shape.max_entries.into()),
            kind if kind.holds_bytes() => scan.each(map, &mut |_, _| {}),
            _ => Ok(0),
        };
        let mut view = MapView {
            place: &self.running.place,
            name: &self.running.name,
            shape,
            entries: entries.unwrap_or(0),
            encoder: Encoder::new(&self.info.definition, btf.as_ref()),
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
            self.running
                .report_error("cannot be read in full", errno, report);
        }
        Ok(scanned.is_ok())
    }

    /// Types of the map; `None` if the map has none, or they cannot be read.
    fn types(&self, report: Report<'_>) -> Option<Btf> {
        let id = self.info.btf;
        if id == 0 {
            return None;
        }
        match btf::read(id) {
            Ok(blob) => Btf::parse(&blob).ok(),
            Err(errno) => {
                let message = "is shown in bytes, since its types cannot be read";
                self.running.report_error(message, errno, report);
                None
            }
        }
    }
}
