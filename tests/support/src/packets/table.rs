//! The compiled tables of a program: maps that the test sizes and fills before the program is loaded with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsRawFd as _;

use corexdp::kernel::map::Map;
use corexdp::kernel::mapped_array::MappedArray;
use corexdp::kernel::membarrier;
use corexdp::object::{LinkedObject, MapDef, Table, TableKind};
use corexdp::table::prefix::{Parts, Prefix, PrefixSet, Sizes, build, find, measure, update};
use corexdp::table::{Leaf, NoRoom, ValueLayout, Values};

use super::name_table::NameTable;

/// A table of a program.
pub enum FilledTable {
    Prefixes(PrefixTable),
    Names(NameTable),
}

impl FilledTable {
    /// Creates and fills the maps of the table `name` with entries as bytes of key and value.
    pub fn new(object: &LinkedObject, name: &str, entries: &[(Vec<u8>, Vec<u8>)]) -> Self {
        match table(object, name).unwrap().kind {
            TableKind::Prefixes => Self::Prefixes(PrefixTable::new(object, name, entries)),
            TableKind::Names => Self::Names(NameTable::new(object, name, entries)),
        }
    }

    /// Name and id of each map.
    pub fn ids(&self) -> &[(String, u32)] {
        match self {
            Self::Prefixes(table) => table.ids(),
            Self::Names(table) => table.ids(),
        }
    }

    /// Adds or replaces an entry, in place.
    pub fn insert(&self, key: &[u8], value: &[u8]) -> Result<(), NoRoom> {
        match self {
            Self::Prefixes(table) => table.insert(key, value),
            Self::Names(table) => table.insert(key, value),
        }
    }

    /// The value of an entry, counters included.
    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Prefixes(table) => table.value(key),
            Self::Names(table) => table.value(key),
        }
    }
}

/// A prefix table and its entries.
pub struct PrefixTable {
    layout: ValueLayout,
    entries: RefCell<BTreeMap<Prefix, Vec<u8>>>,
    /// Lines, packets, keys, rules.
    arrays: [MappedArray; 4],
    /// The maps of the arrays: name and id.
    ids: Vec<(String, u32)>,
    /// The ids are valid while the maps exist.
    _maps: Vec<Map>,
}

const PARTS: [&str; 4] = ["", "_packets", "_keys", "_rules"];

impl PrefixTable {
    /// Creates and fills the maps of the table `name` with entries as bytes of key and value.
    pub fn new(object: &LinkedObject, name: &str, entries: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let layout = table(object, name).unwrap().values;
        let entries = entries.iter();
        let entries = entries.map(|(key, value)| (Prefix::from_key(key).unwrap(), value.clone()));
        let entries: BTreeMap<_, _> = entries.collect();
        let (set, values) = set_of(&entries, &layout);
        Self {
            entries: RefCell::new(entries),
            ..Self::of(object, name, &set, &values)
        }
    }

    /// Creates and fills the maps of the table `name` with a finished list.
    pub fn of(object: &LinkedObject, name: &str, set: &PrefixSet, values: &Values) -> Self {
        let layout = table(object, name).unwrap().values;
        let maps: Vec<Map> = parts(object, name, measure(set, values, &layout)).collect();
        let arrays = [0, 1, 2, 3].map(|at: usize| MappedArray::new(&maps[at]).unwrap());
        let ids = PARTS.iter().zip(&maps);
        let table = Self {
            layout,
            entries: RefCell::default(),
            arrays,
            ids: ids
                .map(|(part, map)| (format!("{name}{part}"), id(map)))
                .collect(),
            _maps: maps,
        };
        build(set, values, &layout, table.parts()).unwrap();
        table
    }

    /// Name and id of each map.
    pub fn ids(&self) -> &[(String, u32)] {
        &self.ids
    }

    pub fn parts(&self) -> Parts<'_> {
        let [lines, packets, keys, rules] = &self.arrays;
        let size = self.layout.size;
        Parts::new(
            lines.words32(),
            packets.words64(),
            keys.words64(),
            rules.words64(),
            size,
        )
    }

    /// Adds or replaces an entry, in place.
    pub fn insert(&self, key: &[u8], value: &[u8]) -> Result<(), NoRoom> {
        let mut entries = self.entries.borrow_mut();
        entries.insert(Prefix::from_key(key).unwrap(), value.to_vec());
        let (set, values) = set_of(&entries, &self.layout);
        let grace = &mut membarrier::synchronize;
        update(&set, &values, &self.layout, self.parts(), grace).map(drop)
    }

    /// Reads the value of a leaf, counters included.
    pub fn read(&self, leaf: Leaf, value: &mut [u8]) {
        self.parts().value(leaf, &self.layout, value);
    }

    /// The value of an entry, counters included.
    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let entry = find(self.parts(), Prefix::from_key(key).unwrap())?;
        let mut value = vec![0; self.layout.size];
        self.read(entry.leaf, &mut value);
        Some(value)
    }
}

/// The table `name` of an object.
pub fn table<'a>(object: &'a LinkedObject, name: &str) -> Option<&'a Table> {
    object.map(name)?.table()
}

fn set_of(entries: &BTreeMap<Prefix, Vec<u8>>, layout: &ValueLayout) -> (PrefixSet, Values) {
    let (mut set, mut values) = (PrefixSet::new(), Values::new(layout.size));
    for (prefix, value) in entries {
        set.add(*prefix, 0, values.add(value)).unwrap();
    }
    set.finish();
    (set, values)
}

fn parts(object: &LinkedObject, name: &str, sizes: Sizes) -> impl Iterator<Item = Map> {
    let sizes = [sizes.lines, sizes.packets, sizes.keys, sizes.rules];
    let sizes = PARTS.iter().zip(sizes);
    sizes.map(move |(part, size)| create(object, &format!("{name}{part}"), size))
}

/// Creates the map `name` of an object with room for `max_entries`.
pub(super) fn create(object: &LinkedObject, name: &str, max_entries: u32) -> Map {
    let def = MapDef {
        max_entries,
        ..object.map(name).unwrap().clone()
    };
    Map::create(&def, None, None, 1).unwrap()
}

/// The id of a map.
pub(super) fn id(map: &Map) -> u32 {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.fd().as_raw_fd())).unwrap();
    let id = info.lines().find_map(|line| line.strip_prefix("map_id:"));
    id.unwrap().trim().parse().unwrap()
}
