//! `corexdp dump`: takes the running maps from the daemon, and reads them without it.
//!
//! The kernel has the types that a map was made with, so words need no object file, and are those of what runs.

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
use crate::kernel::{btf, errno, info, limits};
use crate::object::Btf;

/// A map that runs.
#[derive(Debug)]
pub struct Running {
    interface: String,
    name: String,
    map: OwnedFd,
}

/// One entry, as the kernel copies it.
struct Entry<'a> {
    key: &'a [u8],
    /// One value, or one of each CPU.
    values: Vec<&'a [u8]>,
}

/// A map that is being shown.
struct Shown<'a> {
    interface: &'a str,
    name: &'a str,
    shape: Shape,
    /// How many entries there are.
    entries: u64,
    encoder: Encoder<'a>,
}

/// How entries are shown, map by map.
trait Writer {
    fn begin(&mut self, map: &Shown<'_>) -> fmt::Result;
    fn entry(&mut self, map: &mut Shown<'_>, entry: &Entry<'_>) -> fmt::Result;
    fn end(&mut self) -> fmt::Result;
    fn finish(&mut self) -> fmt::Result;
}

/// The receivers of text and errors.
pub struct Sink<'a> {
    /// Takes the text, in small pieces.
    pub out: &'a mut dyn io::Write,
    /// Takes an error.
    pub tell: Tell<'a>,
}

/// Takes an error.
type Tell<'a> = &'a mut dyn FnMut(&dyn Display);

/// Takes the maps from the daemon that listens at `control`.
///
/// # Errors
/// When it can't be asked, or refuses.
pub fn fetch(control: &Path) -> Result<Vec<Running>, Error> {
    let mut maps = Vec::new();
    client::fetch(control, Request::Dump, &mut |what, map| {
        let Payload::Map(names) = what else {
            return Err(Errno::EBADMSG);
        };
        let names = std::str::from_utf8(names).map_err(|_| Errno::EBADMSG)?;
        let (interface, name) = names.split_once(' ').ok_or(Errno::EBADMSG)?;
        maps.push(Running {
            interface: interface.into(),
            name: name.into(),
            map,
        });
        Ok(())
    })?;
    Ok(maps)
}

/// Writes all entries of the maps: lines for a Corefile, or JSON; false when some can't be read.
///
/// # Errors
/// When the text can't be written.
pub fn write(maps: &[Running], json: bool, sink: &mut Sink<'_>) -> io::Result<bool> {
    let mut out = Output::new(sink.out);
    let written = if json {
        write_maps(maps, &mut json::Json::begin(&mut out), sink.tell)
    } else {
        write_maps(maps, &mut lines::Lines(&mut out), sink.tell)
    };
    out.finish(written.as_ref().map(drop).map_err(|error| *error))?;
    Ok(written.unwrap_or(false))
}

fn write_maps(
    maps: &[Running],
    writer: &mut dyn Writer,
    tell: Tell<'_>,
) -> Result<bool, fmt::Error> {
    let (mut scan, mut whole) = (Box::<Scan>::default(), true);
    for running in maps {
        match running.open() {
            Ok((map, info)) => {
                let reading = Reading { running, map, info };
                whole &= reading.write(writer, &mut scan, tell)?;
            }
            Err(errno) => {
                whole = false;
                running.trouble("can't be read", errno, tell);
            }
        }
    }
    writer.finish()?;
    Ok(whole)
}

impl Running {
    fn trouble(&self, what: &str, errno: Errno, tell: Tell<'_>) {
        let (interface, name) = (Escaped(&self.interface), Escaped(&self.name));
        let why = errno.desc();
        tell(&format_args!("{interface}: {name} {what}: {why}"));
    }

    fn open(&self) -> Result<(Map, info::Map), Errno> {
        let info = info::map(self.map.as_fd())?;
        let map = self.map.try_clone().map_err(|error| errno(&error))?;
        // Of a per-CPU map the kernel writes as many values as it has, so there must be room for them.
        let cpus = if info.definition.kind.is_per_cpu() {
            limits::possible_cpus().map_err(|error| errno(&error))?
        } else {
            1
        };
        Ok((Map::open(map, &info, cpus), info))
    }
}

/// A map that is being read.
struct Reading<'a> {
    running: &'a Running,
    map: Map,
    info: info::Map,
}

impl Reading<'_> {
    /// Writes all its entries; false when some can't be read.
    fn write(
        &self,
        writer: &mut dyn Writer,
        scan: &mut Scan,
        tell: Tell<'_>,
    ) -> Result<bool, fmt::Error> {
        let btf = self.types(tell);
        let (map, shape) = (&self.map, *self.map.shape());
        let entries = match shape.kind {
            kind if kind.is_array() => Ok(shape.max_entries.into()),
            kind if kind.holds_bytes() => scan.each(map, &mut |_, _| {}),
            _ => Ok(0),
        };
        let mut shown = Shown {
            interface: &self.running.interface,
            name: &self.running.name,
            shape,
            entries: entries.unwrap_or(0),
            encoder: Encoder::new(&self.info.definition, btf.as_ref()),
        };
        writer.begin(&shown)?;
        let (mut written, mut seen) = (Ok(()), Ok(0));
        if shape.kind.holds_bytes() {
            seen = scan.each(map, &mut |key, copied| {
                let values = shape.values(copied).collect();
                if written.is_ok() {
                    written = writer.entry(&mut shown, &Entry { key, values });
                }
            });
        }
        written?;
        writer.end()?;
        if let Err(errno) = seen {
            self.running.trouble("can't be read in full", errno, tell);
        }
        Ok(seen.is_ok())
    }

    /// The map's types; `None` where it has none, or where the types cannot be read.
    fn types(&self, tell: Tell<'_>) -> Option<Btf> {
        let id = self.info.btf;
        if id == 0 {
            return None;
        }
        match btf::read(id) {
            Ok(blob) => Btf::parse(&blob).ok(),
            Err(errno) => {
                let what = "is shown in bytes, since its types can't be read";
                self.running.trouble(what, errno, tell);
                None
            }
        }
    }
}
