//! A table in the kernel, read by the descriptors of its parts.

use nix::errno::Errno;

use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::object::{MapDef, Table, TableKind};
use crate::table::ValueLayout;

/// A table whose parts are open.
#[derive(Debug)]
pub struct RunningTable {
    kind: TableKind,
    shape: Shape,
    values: ValueLayout,
    /// The lines, then the parts in the order of [`TableKind::parts`].
    parts: Vec<Map>,
}

impl RunningTable {
    /// The table whose parts are open in `parts`: the lines, then the parts in the order of [`TableKind::parts`].
    pub fn new(table: &Table, parts: Vec<Map>) -> Self {
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
        }
    }

    /// What the keys are.
    pub const fn kind(&self) -> TableKind {
        self.kind
    }

    /// Type and sizes of the entries.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The maps: for each the end of its name, which begins with the table's name.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Map)> {
        let parts = self.kind.parts().iter().map(|(suffix, ..)| *suffix);
        [""].into_iter().chain(parts).zip(&self.parts)
    }
}
