//! A stage as loaded: its program, its maps, and the changes of their entries.

use std::io;

use nix::errno::Errno;

use super::decision_list::DecisionList;
use super::entries::Rows;
use super::entry_list::EntryList;
use super::fingerprint::{Fingerprint, StateKey};
use super::read_map::ReadMap;
use super::running_table::RunningTable;
use super::table_change::TableChange;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
#[cfg(doc)]
use crate::object::frame::NEXT;
use crate::object::{MapDef, Table};

/// Key of the only slot of [`NEXT`].
pub(super) const SLOT: [u8; 4] = [0; 4];

/// A map of the object, created in the kernel.
#[derive(Debug)]
pub struct LoadedMap {
    /// Name, unique in the object.
    pub(super) name: String,
    pub(super) map: Map,
    /// The entries that the Corefile gives the map.
    pub(super) entries: EntryList,
    /// The table whose lines this map has.
    pub(super) table: Option<Box<RunningTable>>,
    /// True for another part of a table.
    pub(super) is_part: bool,
    /// Written by `decisions.rs`.
    pub(super) decisions: DecisionList,
    /// Time of the last sweep of ended decisions, in nanoseconds of [`ktime`](crate::base::ktime). Written by
    /// `decisions.rs`.
    pub(super) swept: u64,
}

impl LoadedMap {
    /// A map without entries and decisions.
    pub(super) fn new(name: &str, map: Map) -> Self {
        Self {
            name: name.into(),
            map,
            entries: EntryList::default(),
            table: None,
            is_part: false,
            decisions: DecisionList::default(),
            swept: 0,
        }
    }
}

/// A loaded program with filled maps, not attached yet.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) program: Program,
    pub(super) read_maps: Vec<ReadMap>,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    pub(super) fingerprint: Fingerprint,
}

/// Entries that an update changed, kept for a rollback until the update is final.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Key before the update, if the update marked the pinned state as modified.
    pub(super) marked: Option<StateKey>,
    pub(super) maps: Vec<ChangedMap>,
    pub(super) tables: Vec<TableChange>,
}

/// Previous entries of one map, in the order of the changes.
#[derive(Debug)]
pub(super) struct ChangedMap {
    pub(super) name: String,
    pub(super) before: Rows<Before>,
}

/// State of a key before the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Present,
    Absent,
}

/// The map of this name, by another descriptor; `None` if no such map is loaded.
pub(super) fn share(maps: &[LoadedMap], name: &str) -> io::Result<Option<Map>> {
    let mut maps = maps.iter();
    let found = maps.find(|map| map.name == name);
    found.map(|loaded| loaded.map.share()).transpose()
}

/// The table of this name, by other descriptors; `None` if a part is not loaded.
pub(super) fn share_table(
    maps: &[LoadedMap],
    name: &str,
    table: &Table,
) -> io::Result<Option<Box<RunningTable>>> {
    RunningTable::open(table, name, &|name| share(maps, name))
}

/// Opens the tables among `maps`, which `defs` define.
pub(super) fn open_tables(defs: &[MapDef], maps: &mut [LoadedMap]) -> io::Result<()> {
    for def in defs {
        let table = match def.table() {
            Some(table) => share_table(maps, &def.name, table)?,
            None => None,
        };
        if let Some(map) = maps.iter_mut().find(|map| map.name == def.name) {
            map.is_part = table.is_none() && def.is_of_table();
            map.table = table;
        }
    }
    Ok(())
}

/// Id of the program in the slot of [`NEXT`]; `None` for an empty slot.
pub(super) fn program_in(slot: &Map) -> Result<Option<u32>, Errno> {
    let mut id = [0; 4];
    let found = slot.lookup(&SLOT, &mut id)?;
    Ok(found.then_some(u32::from_ne_bytes(id)))
}
