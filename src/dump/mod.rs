//! `corexdp dump`: takes the running maps from the daemon, and reads them without it.
//!
//! The kernel has the types that a map was made with, so words need no object file, and are those of what runs.

#![forbid(unsafe_code)]

mod json;
mod lines;

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use nix::errno::Errno;

use crate::control::client::{self, Error};
use crate::control::{Passed, Request};
use crate::corefile::Escaped;
use crate::encode::Encoder;
use crate::kernel::map::{Map, Shape};
use crate::kernel::scan::Scan;
use crate::kernel::{btf, errno, info, limits};
use crate::object::{Btf, MapDef, MapKind};

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
    fn begin(&mut self, out: &mut dyn Write, map: &Shown<'_>) -> io::Result<()>;
    fn entry(
        &mut self,
        out: &mut dyn Write,
        map: &mut Shown<'_>,
        entry: &Entry<'_>,
    ) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
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

/// Writes all their entries: lines for a Corefile, or JSON; false when some can't be read. What is wrong is told to
/// `tell`.
///
/// # Errors
/// When `out` can't be written to.
pub fn write(
    out: &mut dyn Write,
    maps: &[Running],
    json: bool,
    tell: &mut dyn FnMut(&dyn Display),
) -> io::Result<bool> {
    let mut whole = true;
    let (mut as_json, mut as_lines) = (json::Json::default(), lines::Lines);
    let writer: &mut dyn Writer = if json { &mut as_json } else { &mut as_lines };
    let mut scan = Box::<Scan>::default();
    for running in maps {
        let mut trouble = |what: &str, errno: Errno| {
            let (interface, name) = (Escaped(&running.interface), Escaped(&running.name));
            tell(&format_args!(
                "{interface}: {name} {what}: {}",
                errno.desc()
            ));
        };
        match running.open() {
            Ok((map, info)) => {
                let mut reading = Reading {
                    running,
                    map: &map,
                    info: &info,
                    trouble: &mut trouble,
                };
                whole &= reading.write(out, writer, &mut scan)?;
            }
            Err(errno) => {
                whole = false;
                trouble("can't be read", errno);
            }
        }
    }
    writer.finish(out)?;
    Ok(whole)
}

impl Running {
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
    map: &'a Map,
    info: &'a info::Map,
    /// Takes what is wrong, and why.
    trouble: &'a mut dyn FnMut(&str, Errno),
}

impl Reading<'_> {
    /// Writes all its entries; false when some can't be read.
    fn write(
        &mut self,
        out: &mut dyn Write,
        writer: &mut dyn Writer,
        scan: &mut Scan,
    ) -> io::Result<bool> {
        let (btf, def) = self.types();
        let (map, shape) = (self.map, *self.map.shape());
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
        writer.begin(out, &shown)?;
        let mut written = Ok(());
        let mut seen = Ok(0);
        if shape.kind.holds_bytes() {
            seen = scan.each(map, &mut |key, copied| {
                let values = shape.values(copied).collect();
                if written.is_ok() {
                    written = writer.entry(out, &mut shown, &Entry { key, values });
                }
            });
        }
        written?;
        writer.end(out)?;
        if let Err(errno) = seen {
            (self.trouble)("can't be read in full", errno);
        }
        Ok(seen.is_ok())
    }

    /// Its types, and a definition that says which of them it has.
    fn types(&mut self) -> (Option<Btf>, MapDef) {
        let (kind, key_size, value_size, max_entries) = self.info.shape;
        let (id, key, value) = self.info.types;
        let mut btf = None;
        if id != 0 {
            match btf::read(id) {
                Ok(blob) => btf = Btf::parse(&blob).ok(),
                Err(errno) => {
                    (self.trouble)("is shown in bytes, since its types can't be read", errno);
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
