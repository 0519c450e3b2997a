//! `corexdp dump`: takes the running maps from the daemon, and reads them without it.
//!
//! The kernel has the types that a map was made with, so words need no object file, and are those of what runs.

mod json;
mod lines;

use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use nix::errno::Errno;

use crate::base::escape::Escaped;
use crate::control::client::{self, Error};
use crate::control::{Passed, Request};
use crate::encode::Encoder;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::kernel::{btf, errno, info, limits};
use crate::object::{Btf, MapDef, MapKind};

/// Bytes of text that are gathered before they are written.
const PIECE: usize = 32 << 10;

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
    fn begin(&mut self, out: &mut String, map: &Shown<'_>);
    fn entry(&mut self, out: &mut String, map: &mut Shown<'_>, entry: &Entry<'_>);
    fn end(&mut self, out: &mut String);
    fn finish(&mut self, out: &mut String);
}

/// Where the text goes, and what is wrong.
pub struct Sink<'a> {
    /// Takes a piece of the text.
    pub write: &'a mut dyn FnMut(&str) -> io::Result<()>,
    /// Takes a complaint.
    pub tell: &'a mut dyn FnMut(&dyn Display),
}

/// Takes the maps from the daemon that listens at `control`.
///
/// # Errors
/// When it can't be asked, or refuses.
pub fn fetch(control: &Path) -> Result<Vec<Running>, Error> {
    let mut maps = Vec::new();
    client::fetch(control, Request::Dump, &mut |what, map| {
        let Passed::Map(names) = what else {
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

/// Writes all their entries: lines for a Corefile, or JSON; false when some can't be read.
///
/// # Errors
/// When the text can't be written.
pub fn write(maps: &[Running], json: bool, sink: &mut Sink<'_>) -> io::Result<bool> {
    let (mut as_json, mut as_lines) = (json::Json::default(), lines::Lines);
    let writer: &mut dyn Writer = if json { &mut as_json } else { &mut as_lines };
    let (mut scan, mut whole) = (Box::<Scan>::default(), true);
    for running in maps {
        match running.open() {
            Ok((map, info)) => {
                let reading = Reading { running, map, info };
                whole &= reading.write(writer, &mut scan, sink)?;
            }
            Err(errno) => {
                whole = false;
                running.trouble("can't be read", errno, sink);
            }
        }
    }
    let mut text = String::new();
    writer.finish(&mut text);
    (sink.write)(&text)?;
    Ok(whole)
}

impl Running {
    fn trouble(&self, what: &str, errno: Errno, sink: &mut Sink<'_>) {
        let (interface, name) = (Escaped(&self.interface), Escaped(&self.name));
        let why = errno.desc();
        (sink.tell)(&format_args!("{interface}: {name} {what}: {why}"));
    }

    fn open(&self) -> Result<(Map, info::Map), Errno> {
        let info = info::map(self.map.as_fd())?;
        let map = self.map.try_clone().map_err(|error| errno(&error))?;
        // Of a per-CPU map the kernel writes as many values as it has, so there must be room for them.
        let cpus = if MapKind(info.shape.0).is_per_cpu() {
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
        sink: &mut Sink<'_>,
    ) -> io::Result<bool> {
        let (btf, def) = self.types(sink);
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
            encoder: Encoder::new(&def, btf.as_ref()),
        };
        let (mut text, mut written, mut seen) = (String::new(), Ok(()), Ok(0));
        writer.begin(&mut text, &shown);
        if shape.kind.holds_bytes() {
            seen = scan.each(map, &mut |key, copied| {
                let values = shape.values(copied).collect();
                writer.entry(&mut text, &mut shown, &Entry { key, values });
                if text.len() > PIECE {
                    if written.is_ok() {
                        written = (sink.write)(&text);
                    }
                    text.clear();
                }
            });
        }
        written?;
        writer.end(&mut text);
        (sink.write)(&text)?;
        if let Err(errno) = seen {
            self.running.trouble("can't be read in full", errno, sink);
        }
        Ok(seen.is_ok())
    }

    /// Its types, and a definition that says which of them it has.
    fn types(&self, sink: &mut Sink<'_>) -> (Option<Btf>, MapDef) {
        let (kind, key_size, value_size, max_entries) = self.info.shape;
        let (id, key, value) = self.info.types;
        let mut btf = None;
        if id != 0 {
            match btf::read(id) {
                Ok(blob) => btf = Btf::parse(&blob).ok(),
                Err(errno) => {
                    let what = "is shown in bytes, since its types can't be read";
                    self.running.trouble(what, errno, sink);
                }
            }
        }
        let def = MapDef {
            kind: MapKind(kind),
            key_size,
            value_size,
            max_entries,
            btf_types: Some((key, value)),
            ..MapDef::new("")
        };
        (btf, def)
    }
}
