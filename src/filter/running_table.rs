//! A table in the kernel, read and changed by the descriptors of its parts.

use std::cell::{Cell, Ref, RefCell};

use nix::errno::Errno;

use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::encode::{WIRE_SIZE, name_to_wire, write_wire};
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::kernel::mapped_array::MappedArray;
use crate::object::{MapDef, MapKind, Table, TableKind};
use crate::table::prefix::Prefix;
use crate::table::{Leaf, ValueLayout, names, prefix};

/// Maps of a table at most.
const MAX_MAPS: usize = 6;

/// The maps of a table: its lines, then the parts in the order of [`TableKind::parts`].
pub type TableMaps = heapless::Vec<Map, MAX_MAPS>;

/// A table whose parts are open.
#[derive(Debug)]
pub struct RunningTable {
    kind: TableKind,
    shape: Shape,
    values: ValueLayout,
    parts: TableMaps,
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

/// The arrays of a table in this process's memory.
#[derive(Debug)]
pub struct MappedParts {
    kind: TableKind,
    value_size: usize,
    /// The arrays among the parts, in their order.
    arrays: heapless::Vec<MappedArray, MAX_MAPS>,
}

/// The parts of a table as slices.
#[derive(Clone, Copy, Debug)]
pub enum Parts<'a> {
    /// Networks.
    Prefixes(prefix::Parts<'a>),
    /// Domain names.
    Names(names::Parts<'a>),
}

impl RunningTable {
    /// The table whose parts are open.
    pub fn new(table: &Table, parts: TableMaps) -> Self {
        let MapDef {
            kind,
            key_size,
            value_size,
            max_entries,
            ..
        } = table.entries;
        Self {
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
        }
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
        let is_array = |map: &&Map| map.shape().kind == MapKind::ARRAY;
        let arrays = self.parts.iter().filter(is_array).map(MappedArray::new);
        Ok(MappedParts {
            kind: self.kind,
            value_size: self.values.size,
            arrays: arrays.collect::<Result<_, _>>()?,
        })
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

impl MappedParts {
    /// The parts as slices.
    ///
    /// # Errors
    /// `EINVAL` if a part is missing.
    pub fn parts(&self) -> Result<Parts<'_>, Errno> {
        match (self.kind, self.arrays.as_slice()) {
            (TableKind::Prefixes, [lines, packets, keys, rules]) => {
                Ok(Parts::Prefixes(prefix::Parts::new(
                    lines.words32(),
                    packets.words64(),
                    keys.words64(),
                    rules.words64(),
                    self.value_size,
                )))
            }
            (TableKind::Names, [lines, bloom, records, rules, shape]) => {
                Ok(Parts::Names(names::Parts {
                    lines: lines.words64(),
                    bloom: bloom.words64(),
                    records: records.words64(),
                    rules: rules.words64(),
                    shape: shape.words64(),
                }))
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

impl Parts<'_> {
    /// True if the parts fit each other.
    pub fn are_built(&self, layout: &ValueLayout) -> bool {
        match self {
            Self::Prefixes(parts) => parts.is_built(),
            Self::Names(parts) => names::is_intact(parts, layout),
        }
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        match self {
            Self::Prefixes(parts) => parts.entries().into(),
            Self::Names(parts) => parts.entries(),
        }
    }

    /// The leaf of the entry under a key of the table's entries.
    fn find(&self, key: &[u8], layout: &ValueLayout) -> Option<Leaf> {
        match self {
            Self::Prefixes(parts) => {
                let prefix = Prefix::from_key(key)?;
                Some(prefix::find(*parts, prefix)?.leaf)
            }
            Self::Names(parts) => {
                let (mut wire, mut value) = ([0; WIRE_SIZE], [0; MAX_VALUE]);
                let value = value.get_mut(..layout.size)?;
                let wire = name_to_wire(key, &mut wire);
                Some(names::find(parts, layout, wire, value)?.leaf)
            }
        }
    }
}
