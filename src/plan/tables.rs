//! The content of compiled tables: the entries of `map` and `entry` lines, and the items of lists.

use std::hash::Hasher as _;

use super::PlannedFilter;
use crate::base::capacity::{MAX_KEY, MAX_TABLE, MAX_VALUE};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::digest::Digest;
use crate::base::escape::Plain;
use crate::config::{Filter, MapId, Metric, fit};
use crate::corefile::{Corefile, Token};
use crate::encode::{Encoder, name_to_wire};
use crate::object::{Table, TableKind};
use crate::table::names::{NameSet, Scope};
use crate::table::prefix::{Prefix, PrefixSet};
use crate::table::{NoRoom, Source, ValueLayout, Values, names, prefix};

/// Source of the entries of `map` and `entry` lines.
const LINES: Source = 0;

/// The content of one table.
#[derive(Debug)]
pub struct PlannedTable {
    /// Name of the table in its object.
    pub name: String,
    /// The distinct values.
    pub values: Values,
    /// The members of a value that tables know.
    pub layout: ValueLayout,
    /// Keys, each with its source and the number of its value.
    pub set: Set,
    /// Digest of all entries.
    pub digest: u64,
    /// Sizes of the parts.
    pub sizes: PartSizes,
    hasher: Digest,
}

/// The keys of a table.
#[derive(Debug)]
pub enum Set {
    /// Networks.
    Prefixes(PrefixSet),
    /// Domain names.
    Names(NameSet),
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub enum TableKey<'a> {
    /// A network.
    Prefix(Prefix),
    /// A domain name in wire format, without the root label.
    Name(&'a [u8], Option<Scope>),
}

/// Sizes of a table's parts.
#[derive(Clone, Debug, Default)]
pub struct PartSizes {
    /// Number of entries of each part; parts without a number keep that of the object.
    pub entries: Vec<(String, u32)>,
    /// Kernel memory of the parts in bytes.
    pub bytes: u64,
}

impl PlannedTable {
    fn new(name: &str, table: &Table) -> Self {
        Self {
            name: name.to_owned(),
            values: Values::new(table.values.size),
            layout: table.values,
            set: match table.kind {
                TableKind::Prefixes => Set::Prefixes(PrefixSet::new()),
                TableKind::Names => Set::Names(NameSet::new()),
            },
            digest: 0,
            sizes: PartSizes::default(),
            hasher: Digest::default(),
        }
    }

    /// Adds an entry. `is_full` is true if a metric reads a member that light entries lack.
    ///
    /// # Errors
    /// When the table has no room for another entry, or the key is none of this table.
    pub fn add(
        &mut self,
        key: TableKey<'_>,
        source: Source,
        value: &mut [u8],
        is_full: bool,
    ) -> Result<(), NoRoom> {
        let hasher = &mut self.hasher;
        hasher.write(&[source, u8::from(is_full)]);
        hasher.write(value);
        let number = |values: &mut Values, value: &[u8]| {
            if is_full {
                values.add_full(value)
            } else {
                values.add(value)
            }
        };
        match (&mut self.set, key) {
            (Set::Prefixes(set), TableKey::Prefix(prefix)) => {
                hasher.write(&prefix.to_key());
                set.add(prefix, source, number(&mut self.values, value))
            }
            (Set::Names(set), TableKey::Name(wire, scope)) => {
                let given = Scope::take(&self.layout, value);
                let scope = scope.unwrap_or(given);
                hasher.write(&[scope as u8]);
                hasher.write(wire);
                let id = number(&mut self.values, value);
                if set.add(wire, scope, source, id) {
                    Ok(())
                } else {
                    Err(NoRoom)
                }
            }
            _ => Err(NoRoom),
        }
    }

    /// Sorts and merges the entries, after the last was added.
    pub fn finish(&mut self) {
        match &mut self.set {
            Set::Prefixes(set) => drop(set.finish()),
            Set::Names(set) => drop(set.finish()),
        }
        self.digest = self.hasher.finish();
        self.sizes = self.measure();
    }

    /// Number of entries after [`PlannedTable::finish`].
    pub fn len(&self) -> usize {
        match &self.set {
            Set::Prefixes(set) => set.len(),
            Set::Names(set) => set.len(),
        }
    }

    fn measure(&self) -> PartSizes {
        let named = |suffix: &str, entries: u32| (format!("{}{suffix}", self.name), entries);
        match &self.set {
            Set::Prefixes(set) => {
                let sizes = prefix::measure(set, &self.values, &self.layout);
                PartSizes {
                    entries: vec![
                        named("", sizes.lines),
                        named("_packets", sizes.packets),
                        named("_keys", sizes.keys),
                        named("_rules", sizes.rules),
                    ],
                    bytes: sizes.bytes(&self.layout),
                }
            }
            Set::Names(set) => {
                let sizes = names::measure(set, &self.values, &self.layout);
                PartSizes {
                    entries: vec![
                        named("", sizes.lines),
                        named("_bloom", sizes.bloom),
                        named("_records", sizes.records),
                        named("_rules", sizes.rules),
                    ],
                    bytes: sizes.bytes,
                }
            }
        }
    }
}

impl PlannedFilter {
    /// The content of the table of this name.
    pub fn table(&self, name: &str) -> Option<&PlannedTable> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl PlannedFilter {
    /// Adds the content of each table of the object: the entries of the checked lines.
    ///
    /// # Errors
    /// When a table would be too large.
    pub(super) fn add_tables(&mut self, corefile: &Corefile) -> Result<(), Diagnostic> {
        let (block, object) = (&self.block, &self.object);
        for map in &object.maps {
            let Some(table) = map.table() else { continue };
            let mut planned = PlannedTable::new(&map.name, table);
            let named = block.map(&map.name);
            if let Some(named) = named {
                let lines = Lines {
                    block,
                    id: named.id,
                    corefile,
                };
                let encoder = Encoder::new(&table.entries, object.btf());
                lines.add_to(&mut planned, encoder)?;
            }
            planned.finish();
            let at = named.map_or(block.elf_at, |named| named.at);
            check_size(&planned, at, corefile)?;
            self.tables.push(planned);
        }
        Ok(())
    }
}

/// The lines of a block that refer to one table.
struct Lines<'a> {
    block: &'a Filter,
    id: MapId,
    corefile: &'a Corefile,
}

impl Lines<'_> {
    fn add_to(
        &self,
        planned: &mut PlannedTable,
        mut encoder: Encoder<'_>,
    ) -> Result<(), Diagnostic> {
        let Self {
            block,
            id,
            corefile,
        } = *self;
        let detailed = detailed_keys(block, id, &planned.layout);
        let (mut key, mut value, mut wire) = ([0; MAX_KEY], [0; MAX_VALUE], Vec::new());
        for entry in block.entries.of_map(id, corefile) {
            let key_size = fit::key(corefile, &entry, &encoder, &mut key).unwrap_or_default();
            let size = fit::value(corefile, &entry, &mut encoder, &mut value).unwrap_or_default();
            let (key, value) = (key.get(..key_size), value.get_mut(..size));
            let (Some(key), Some(value)) = (key, value) else {
                continue;
            };
            let is_full = detailed.contains(&key);
            let table_key = match &planned.set {
                Set::Prefixes(_) => Prefix::from_key(key).map(TableKey::Prefix),
                Set::Names(_) => {
                    name_to_wire(key, &mut wire);
                    Some(TableKey::Name(&wire, None))
                }
            };
            let added = table_key.map(|key| planned.add(key, LINES, value, is_full));
            if added.is_none_or(|added| added.is_err()) {
                let at = entry.at().unwrap_or(block.at);
                let message = format!("{} is full", Plain(&planned.name));
                let directive = entry.directive();
                return Err(corefile.diagnostic(at, directive, message, Blame::Corefile));
            }
        }
        Ok(())
    }
}

/// The keys of metrics that read another member than those of a light entry.
fn detailed_keys<'a>(block: &'a Filter, id: MapId, layout: &ValueLayout) -> Vec<&'a [u8]> {
    let is_detailed = |metric: &&Metric| {
        let end = metric.number.position + metric.number.length;
        let is_action = end <= layout.action;
        let is_packets = layout
            .packets
            .is_some_and(|at| metric.number.position >= at && end <= at + 8);
        metric.map == id && !is_action && !is_packets
    };
    let metrics = block.metrics.iter().filter(is_detailed);
    metrics.map(|metric| metric.key.as_slice()).collect()
}

/// Checks the size of a table; `at` is a token of the line that refers to it.
///
/// # Errors
/// When the table would take more memory than it may.
fn check_size(planned: &PlannedTable, at: Token, corefile: &Corefile) -> Result<(), Diagnostic> {
    let bytes = planned.sizes.bytes;
    if bytes <= MAX_TABLE as u64 {
        return Ok(());
    }
    let (name, entries, mebi) = (Plain(&planned.name), planned.len(), 1 << 20);
    let (needed, limit) = (bytes.div_ceil(mebi), MAX_TABLE as u64 / mebi);
    let message = format!(
        "the {entries} entries of {name} would take {needed} MiB of kernel memory, and the limit is {limit} MiB; shorten its lists, or build with a larger COREXDP_MAX_TABLE"
    );
    let directive = corefile.text(at);
    Err(corefile.diagnostic(at, directive, message, Blame::Corefile))
}
