//! The name tables of a program: maps that the test sizes and fills before the program is loaded with them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use corexdp::encode::{WIRE_SIZE, name_to_wire};
use corexdp::kernel::map::Map;
use corexdp::kernel::mapped_array::MappedArray;
use corexdp::kernel::membarrier;
use corexdp::object::LinkedObject;
use corexdp::table::names::{NameSet, Parts, Scope, Sizes, build, find, measure, update};
use corexdp::table::{NoRoom, ValueLayout, Values};

use super::table::{create, id, table};

/// A name table and its entries.
pub struct NameTable {
    layout: ValueLayout,
    entries: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    arrays: [MappedArray; 5],
    /// The maps of the arrays: name and id.
    ids: Vec<(String, u32)>,
    /// The ids are valid while the maps exist.
    _maps: Vec<Map>,
}

const PARTS: [&str; 5] = ["", "_bloom", "_records", "_rules", "_shape"];

impl NameTable {
    /// Creates and fills the maps of the table `name` with entries as bytes of key and value.
    pub fn new(object: &LinkedObject, name: &str, entries: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let entries = entries
            .iter()
            .map(|(key, value)| (wire(key), value.clone()));
        Self::of_wires(object, name, entries.collect())
    }

    /// Creates and fills the maps of the table `name` with names in wire format and their values.
    pub fn of_wires(
        object: &LinkedObject,
        name: &str,
        entries: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Self {
        let layout = table(object, name).unwrap().values;
        let (set, values) = set_of(&entries, &layout);
        let Sizes {
            lines,
            bloom,
            records,
            rules,
            ..
        } = measure(&set, &values, &layout);
        let sizes = PARTS.iter().zip([lines, bloom, records, rules, 1]);
        let maps = sizes.map(|(part, size)| create(object, &format!("{name}{part}"), size));
        let maps: Vec<Map> = maps.collect();
        let arrays = [0, 1, 2, 3, 4].map(|at: usize| MappedArray::new(&maps[at]).unwrap());
        let ids = PARTS.iter().zip(&maps);
        let table = Self {
            layout,
            entries: RefCell::new(entries),
            arrays,
            ids: ids
                .map(|(part, map)| (format!("{name}{part}"), id(map)))
                .collect(),
            _maps: maps,
        };
        build(&set, &values, &layout, &[2, 7, 1, 8, 2, 9], &table.parts()).unwrap();
        table
    }

    /// Name and id of each map.
    pub fn ids(&self) -> &[(String, u32)] {
        &self.ids
    }

    pub fn parts(&self) -> Parts<'_> {
        let [lines, bloom, records, rules, shape] = &self.arrays;
        Parts {
            lines: lines.words64(),
            bloom: bloom.words64(),
            records: records.words64(),
            rules: rules.words64(),
            shape: shape.words64(),
        }
    }

    /// Adds or replaces an entry, in place.
    pub fn insert(&self, key: &[u8], value: &[u8]) -> Result<(), NoRoom> {
        let mut entries = self.entries.borrow_mut();
        entries.insert(wire(key), value.to_vec());
        let (set, values) = set_of(&entries, &self.layout);
        let grace = &mut membarrier::synchronize;
        update(&set, &values, &self.layout, &self.parts(), grace).map(drop)
    }

    /// The value of an entry, counters included.
    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut value = vec![0; self.layout.size];
        find(&self.parts(), &self.layout, &wire(key), &mut value)?;
        Some(value)
    }
}

/// The name of a key, `struct qname`, in wire format.
fn wire(key: &[u8]) -> Vec<u8> {
    name_to_wire(key, &mut [0; WIRE_SIZE]).to_vec()
}

fn set_of(entries: &BTreeMap<Vec<u8>, Vec<u8>>, layout: &ValueLayout) -> (NameSet, Values) {
    let (mut set, mut values) = (NameSet::new(), Values::new(layout.size));
    for (wire, value) in entries {
        let mut value = value.clone();
        let scope = Scope::take(layout, &mut value);
        assert!(set.add(wire, scope, 0, values.add(&value)));
    }
    set.finish();
    (set, values)
}
