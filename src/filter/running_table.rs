//! A table in the kernel, read and changed by the descriptors of its parts.

use std::cell::{Cell, Ref, RefCell};
use std::io;

use nix::errno::Errno;

use super::mapped_parts::{MAX_MAPS, MappedParts, Parts};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::encode::write_wire;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::object::{MapDef, Table, TableKind};
use crate::table::{Leaf, ValueLayout, names, prefix};

/// A table whose parts are open.
#[derive(Debug)]
pub struct RunningTable {
    kind: TableKind,
    shape: Shape,
    values: ValueLayout,
    /// The map of its lines, then those of the parts in the order of [`TableKind::parts`].
    parts: heapless::Vec<Map, MAX_MAPS>,
    /// Number of entries when the table was last filled or changed.
    entries: Cell<u64>,
    /// The entries that metrics read.
    places: RefCell<Vec<Place>>,
    /// The arrays, while decisions are changed.
    mapped: RefCell<Option<MappedParts>>,
}

/// Place of an entry that metrics read. It stays the same until the table is changed.
#[derive(Debug)]
struct Place {
    key: Box<[u8]>,
    leaf: Leaf,
}

impl RunningTable {
    /// The table of this name; `None` if the map of a part is missing. `open` opens the map of a name.
    ///
    /// # Errors
    /// The errors of `open`.
    pub fn open(
        table: &Table,
        name: &str,
        open: &dyn Fn(&str) -> io::Result<Option<Map>>,
    ) -> io::Result<Option<Box<Self>>> {
        let mut parts = heapless::Vec::new();
        for name in table.part_names(name) {
            let Some(map) = open(&name)? else {
                return Ok(None);
            };
            // Cannot fail: the list has room for all parts.
            let _ = parts.push(map);
        }
        let MapDef {
            kind,
            key_size,
            value_size,
            max_entries,
            ..
        } = table.entries;
        Ok(Some(Box::new(Self {
            kind: table.kind,
            shape: Shape {
                kind,
                key_size: key_size as usize,
                value_size: value_size as usize,
                max_entries,
                cpus: 1,
            },
            values: table.values,
            parts,
            entries: Cell::default(),
            places: RefCell::default(),
            mapped: RefCell::default(),
        })))
    }

    /// What the keys are.
    pub const fn kind(&self) -> TableKind {
        self.kind
    }

    /// The members of a value.
    pub const fn layout(&self) -> &ValueLayout {
        &self.values
    }

    /// Type and sizes of the entries.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Number of entries when the table was last filled or changed.
    pub const fn entries(&self) -> u64 {
        self.entries.get()
    }

    /// The maps: for each the end of its name, which begins with the table's name.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Map)> {
        let parts = self.kind.parts().iter().map(|(suffix, ..)| *suffix);
        [""].into_iter().chain(parts).zip(&self.parts)
    }

    /// The part whose name ends with `suffix`.
    pub fn part(&self, suffix: &str) -> Result<&Map, Errno> {
        let part = self.parts().find(|(end, _)| *end == suffix);
        part.map(|(_, map)| map).ok_or(Errno::EINVAL)
    }

    /// Maps the arrays into memory, until the result is dropped.
    ///
    /// # Errors
    /// The errors of [`MappedArray::new`].
    pub fn map_parts(&self) -> Result<MappedParts, Errno> {
        MappedParts::new(self.kind, self.values.size, &self.parts)
    }

    /// Maps the arrays into memory, until [`RunningTable::unmap`]. The kernel maps every page at once, which takes
    /// milliseconds for a large table: too long for each of many decisions.
    ///
    /// # Errors
    /// The errors of [`MappedArray::new`].
    pub(super) fn keep_mapped(&self) -> Result<Ref<'_, MappedParts>, Errno> {
        let is_mapped = self.mapped.borrow().is_some();
        if !is_mapped {
            self.mapped.replace(Some(self.map_parts()?));
        }
        Ref::filter_map(self.mapped.borrow(), Option::as_ref).map_err(|_| Errno::EINVAL)
    }

    /// Ends [`RunningTable::keep_mapped`].
    pub(super) fn unmap(&self) {
        self.mapped.take();
    }

    /// Finds the entries under `keys`, which metrics read, and counts the entries. Called after each change of the table.
    ///
    /// # Errors
    /// The errors of [`RunningTable::map_parts`].
    pub(super) fn refresh(&self, keys: &mut dyn Iterator<Item = &[u8]>) -> Result<(), Errno> {
        let mapped = self.map_parts()?;
        let parts = mapped.parts()?;
        let mut places: Vec<Place> = Vec::new();
        for key in keys {
            if places.iter().all(|place| *place.key != *key)
                && let Some(leaf) = parts.find(key, &self.values)
            {
                places.push(Place {
                    key: key.into(),
                    leaf,
                });
            }
        }
        self.entries.set(parts.entries());
        self.places.replace(places);
        Ok(())
    }

    /// Finds the entries of [`RunningTable::refresh`] again.
    ///
    /// # Errors
    /// The errors of [`RunningTable::map_parts`].
    pub(super) fn refresh_again(&self) -> Result<(), Errno> {
        let places = self.places.take();
        let refreshed = self.refresh(&mut places.iter().map(|place| &*place.key));
        if refreshed.is_err() {
            self.places.replace(places);
        }
        refreshed
    }

    /// The value of an entry that metrics read; `None` if the table has no such entry.
    ///
    /// # Errors
    /// The errors of [`Scan::value`].
    pub fn value<'a>(&self, key: &[u8], scan: &'a mut Scan) -> Result<Option<&'a [u8]>, Errno> {
        let places = self.places.borrow();
        let Some(place) = places.iter().find(|place| *place.key == *key) else {
            return Ok(None);
        };
        let number = place.leaf.number().to_ne_bytes();
        if place.leaf.is_full() {
            return scan.value(self.part("_rules")?, &number);
        }
        let counters = match self.kind {
            TableKind::Prefixes => self.part("_packets")?,
            TableKind::Names => self.part("_records")?,
        };
        let packets = scan.value(counters, &number)?.unwrap_or_default();
        let packets = packets.try_into().map(u64::from_ne_bytes);
        let action = place.leaf.action();
        let value = scan.room(self.values.size).ok_or(Errno::E2BIG)?;
        self.values
            .write_light(action, packets.unwrap_or_default(), false, value);
        Ok(Some(value))
    }

    /// Calls `visit` with key and value of each entry, and returns the number of entries.
    ///
    /// # Errors
    /// The errors of [`RunningTable::map_parts`].
    pub fn each(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        let mapped = self.map_parts()?;
        let mut value = [0; MAX_VALUE];
        let value = value.get_mut(..self.values.size).ok_or(Errno::E2BIG)?;
        let mut entries = 0;
        match mapped.parts()? {
            Parts::Prefixes(parts) => prefix::each(parts, &mut |entry| {
                parts.value(entry.leaf, &self.values, value);
                visit(&entry.prefix.to_key(), value);
                entries += 1;
            }),
            Parts::Names(parts) => {
                let mut name = [0; MAX_KEY];
                let name = name.get_mut(..self.shape.key_size).ok_or(Errno::E2BIG)?;
                names::each(&parts, &self.values, &mut |entry| {
                    // Cannot fail: the key has room for every name.
                    let _ = write_wire(entry.wire, name);
                    visit(name, entry.value);
                    entries += 1;
                });
            }
        }
        Ok(entries)
    }
}
