//! Tables: groups of maps that the macros of `bpf/prefix_table.h` and `bpf/name_table.h` declare, and that the daemon
//! compiles from a list.
//!
//! A table `NAME` has its first part, the lines, under its own name, and the other parts as `NAME_PART`. The type of its
//! lines tells which table it is, so every loader of BPF objects accepts the maps.

use std::fmt;

use super::btf::{Btf, Type};
use super::error::{Error, Quoted};
use super::layout::{Kind, Layout};
use super::map_def::{MapDef, Role, Table, TableKind};
use super::map_kind::MapKind;
use crate::base::hex::Count;
use crate::table::ValueLayout;

/// Size of the key of a name table's entries in bytes: a name as text, padded with zeros.
pub const NAME_KEY: u32 = 256;
/// Size of the key of a prefix table's entries in bytes: `struct prefix`.
const PREFIX_KEY: u32 = 20;
/// Maximum number of entries of a table.
const MAX_ENTRIES: u32 = crate::table::MAX_NUMBER;

impl TableKind {
    const ALL: [Self; 2] = [Self::Prefixes, Self::Names];

    /// The name of this type of map, as `bpftool` spells names of map types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prefixes => "prefix_table",
            Self::Names => "name_table",
        }
    }

    /// The name of the type of the lines, in C.
    const fn line(self) -> &'static str {
        match self {
            Self::Prefixes => "prefix_table_line",
            Self::Names => "name_table_line",
        }
    }

    /// The macro that declares such a table.
    const fn declaration(self) -> &'static str {
        match self {
            Self::Prefixes => "PREFIX_TABLE",
            Self::Names => "NAME_TABLE",
        }
    }

    /// The parts besides the lines: suffix of the name, type, and size of a value; 0 for a size that depends on the
    /// program.
    pub const fn parts(self) -> &'static [(&'static str, MapKind, u32)] {
        match self {
            Self::Prefixes => &[
                ("_packets", MapKind::ARRAY, 8),
                ("_keys", MapKind::ARRAY, 8),
                ("_rules", MapKind::ARRAY, 0),
                ("_addresses", MapKind::HASH, 0),
                ("_networks", MapKind::LPM_TRIE, 0),
            ],
            Self::Names => &[
                ("_bloom", MapKind::ARRAY, 8),
                ("_records", MapKind::ARRAY, 8),
                ("_rules", MapKind::ARRAY, 0),
                ("_shape", MapKind::ARRAY, 0),
                ("_decisions", MapKind::HASH, 0),
            ],
        }
    }
}

impl Table {
    /// The names of the parts of a table named `name`: the lines, then the parts in the order of [`TableKind::parts`].
    pub fn part_names(&self, name: &str) -> impl Iterator<Item = String> {
        let suffixes = self.kind.parts().iter().map(|(suffix, ..)| *suffix);
        let suffixes = [""].into_iter().chain(suffixes);
        suffixes.map(move |suffix| format!("{name}{suffix}"))
    }
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl MapDef {
    /// The definition that the lines of a Corefile see: of a table, its entries; `None` for a part of a table.
    pub fn for_lines(&self) -> Option<&Self> {
        match &self.role {
            Role::Table(table) => Some(&table.entries),
            Role::Part => None,
            Role::Map | Role::Entries(_) => Some(self),
        }
    }

    /// The type by its name: of the lines of a table, the table's.
    pub fn kind_name(&self) -> &dyn std::fmt::Display {
        match &self.role {
            Role::Entries(table) => table,
            _ => &self.kind,
        }
    }

    /// True for the maps of a table.
    pub const fn is_of_table(&self) -> bool {
        matches!(self.role, Role::Table(_) | Role::Part)
    }

    /// The table whose lines this map has.
    pub fn table(&self) -> Option<&Table> {
        match &self.role {
            Role::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// The map of this name that the lines of a Corefile see.
pub fn map_for_lines<'a>(maps: &'a [MapDef], name: &str) -> Option<&'a MapDef> {
    let map = maps.iter().find(|map| map.name == name)?;
    map.for_lines()
}

/// Finds the tables among the maps, and gives their maps a role.
///
/// # Errors
/// When a table lacks a part, or a part does not fit.
pub fn find_tables(maps: &mut [MapDef], btf: Option<&Btf>) -> Result<(), Error> {
    let Some(btf) = btf else { return Ok(()) };
    for at in 0..maps.len() {
        let kind = maps.get(at).and_then(|map| kind_of(map, btf));
        if let Some(kind) = kind {
            form(maps, at, kind, btf)?;
        }
    }
    Ok(())
}

/// The kind of the table whose lines `map` has.
fn kind_of(map: &MapDef, btf: &Btf) -> Option<TableKind> {
    let (_, value) = map.btf_types.filter(|_| map.kind == MapKind::ARRAY)?;
    let Ok((_, Type::Composite(line))) = btf.resolve(value) else {
        return None;
    };
    TableKind::ALL
        .into_iter()
        .find(|kind| kind.line() == line.name)
}

/// Makes the map number `at` the lines of a table, and the other parts its parts.
fn form(maps: &mut [MapDef], at: usize, kind: TableKind, btf: &Btf) -> Result<(), Error> {
    let Some(lines) = maps.get(at) else {
        return Ok(());
    };
    let (name, line_size) = (lines.name.clone(), lines.value_size);
    let misfit = |what: String| {
        let remedy = kind.declaration();
        Error::map(&name, format!("{what}; declare it with {remedy}"))
    };
    if line_size != 64 {
        return Err(misfit(format!(
            "has lines of {}, not 64",
            Count(line_size as usize)
        )));
    }
    let mut found = Vec::new();
    for (suffix, part_kind, size) in kind.parts() {
        let part_name = format!("{name}{suffix}");
        let part = maps.iter_mut().find(|map| map.name == part_name);
        let Some(part) = part else {
            let part = Quoted(&part_name);
            return Err(misfit(format!("is a table without its part {part}")));
        };
        if part.kind != *part_kind || (*size != 0 && part.value_size != *size) {
            let part = Quoted(&part_name);
            return Err(misfit(format!("has a part {part} of another type")));
        }
        part.role = Role::Part;
        found.push((*suffix, part.btf_types, part.value_size));
    }
    let part = |wanted: &str| found.iter().find(|(suffix, ..)| *suffix == wanted);
    let value = part("_rules").and_then(|(_, types, size)| Some((types.as_ref()?.1, *size)));
    let Some((value_type, value_size)) = value else {
        return Err(misfit("has values without a type".into()));
    };
    let key = part("_networks").and_then(|(_, types, _)| *types);
    let (entries_kind, key_size) = match kind {
        TableKind::Prefixes => (MapKind::LPM_TRIE, PREFIX_KEY),
        TableKind::Names => (MapKind::HASH, NAME_KEY),
    };
    let entries = MapDef {
        kind: entries_kind,
        key_size,
        value_size,
        max_entries: MAX_ENTRIES,
        btf_types: Some((key.map_or(0, |(key, _)| key), value_type)),
        role: Role::Entries(kind),
        ..MapDef::new(&name)
    };
    let table = Table {
        kind,
        entries,
        values: value_layout(btf, value_type, value_size, kind),
    };
    if let Some(lines) = maps.get_mut(at) {
        lines.role = Role::Table(Box::new(table));
    }
    Ok(())
}

/// The members of the value type that tables know.
fn value_layout(btf: &Btf, value: u32, size: u32, kind: TableKind) -> ValueLayout {
    let size = size as usize;
    let mut found = ValueLayout {
        size,
        action: 0,
        packets: None,
        exact: None,
    };
    let Some(layout) = Layout::of(btf, value) else {
        return found;
    };
    let Kind::Composite(members) = &layout.whole().kind else {
        return found;
    };
    for member in members.iter().filter(|member| member.bits.is_none()) {
        let shape = layout.shape(member.shape);
        let (at, size) = (member.offset() as usize, shape.size as usize);
        match (&shape.kind, &*member.name) {
            (Kind::Number { .. } | Kind::Enum(_) | Kind::Bool, _)
                if at == 0 && matches!(size, 1 | 2 | 4) =>
            {
                found.action = size;
            }
            (
                Kind::Number {
                    big_endian: false, ..
                },
                "packets",
            ) if size == 8 => found.packets = Some(at),
            (Kind::Bool | Kind::Enum(_), "exact") if kind == TableKind::Names => {
                found.exact = Some(at);
            }
            _ => {}
        }
    }
    found
}
