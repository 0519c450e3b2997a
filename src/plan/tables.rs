//! The content of compiled tables: the entries of `map` and `entry` lines, and the items of lists.

use std::hash::Hasher as _;

use crate::base::capacity::{MAX_DECISIONS, MAX_KEY, MAX_TABLE, MAX_VALUE};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::digest::Digest;
use crate::base::escape::Plain;
use crate::config::{Filter, MapId, Metric, fit};
use crate::corefile::{Corefile, Token};
use crate::encode::{Encoder, WIRE_SIZE, name_to_wire};
use crate::object::{LinkedObject, Table, TableKind};
use crate::table::names::{NameSet, Scope};
use crate::table::prefix::{Prefix, PrefixSet};
use crate::table::{NoRoom, Source, ValueLayout, Values, names, prefix};

/// Source of the entries of `map` and `entry` lines.
const LINES: Source = 0;
/// Maximum number of keys, more than a table of the largest size has room for.
const MAX_KEYS: usize = MAX_TABLE / 8;

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
    /// Number of entries that are left out of the set, because others cover or repeat them.
    pub covered: usize,
    /// Digest of all entries.
    pub digest: u64,
    /// Sizes of the parts.
    pub sizes: PartSizes,
    hasher: Digest,
    /// Keys of metrics that read another member than those of a light entry.
    detailed: Vec<Box<[u8]>>,
}

/// The keys of a table.
#[derive(Debug)]
pub enum Set {
    /// Networks.
    Prefixes(PrefixSet),
    /// Domain names.
    Names(NameSet),
}

/// Sizes of a table's parts.
#[derive(Clone, Debug, Default)]
pub struct PartSizes {
    /// Number of entries of each part; parts without a number keep that of the object.
    pub entries: Vec<(String, u32)>,
    /// Kernel memory of the parts in bytes.
    pub bytes: u64,
}

impl Set {
    /// Number of keys.
    pub fn len(&self) -> usize {
        match self {
            Self::Prefixes(set) => set.len(),
            Self::Names(set) => set.len(),
        }
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PlannedTable {
    fn new(name: &str, table: &Table, detailed: Vec<Box<[u8]>>) -> Self {
        Self {
            name: name.to_owned(),
            values: Values::new(table.values.size),
            layout: table.values,
            set: match table.kind {
                TableKind::Prefixes => Set::Prefixes(PrefixSet::new()),
                TableKind::Names => Set::Names(NameSet::new()),
            },
            covered: 0,
            digest: 0,
            sizes: PartSizes::default(),
            hasher: Digest::default(),
            detailed,
        }
    }

    /// Adds the entry with the key and the value of these bytes.
    ///
    /// # Errors
    /// When the table has no room for another entry.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        source: Source,
        value: &mut [u8],
    ) -> Result<(), NoRoom> {
        if self.set.len() >= MAX_KEYS {
            return Err(NoRoom);
        }
        self.hasher.write(&[source]);
        self.hasher.write(key);
        self.hasher.write(value);
        let is_full = self.detailed.iter().any(|detailed| **detailed == *key);
        let number = |values: &mut Values, value: &[u8]| {
            if is_full {
                values.add_full(value)
            } else {
                values.add(value)
            }
        };
        match &mut self.set {
            Set::Prefixes(set) => {
                let prefix = Prefix::from_key(key).ok_or(NoRoom)?;
                set.add(prefix, source, number(&mut self.values, value))
            }
            Set::Names(set) => {
                let mut wire = [0; WIRE_SIZE];
                let wire = name_to_wire(key, &mut wire);
                let scope = Scope::take(&self.layout, value);
                let id = number(&mut self.values, value);
                let added = set.add(wire, scope, source, id);
                added.then_some(()).ok_or(NoRoom)
            }
        }
    }

    fn finish(&mut self) {
        let given = self.set.len();
        match &mut self.set {
            Set::Prefixes(set) => drop(set.finish()),
            Set::Names(set) => drop(set.finish()),
        }
        self.covered = given - self.set.len();
        self.digest = self.hasher.finish();
        self.sizes = self.measure();
    }

    fn measure(&self) -> PartSizes {
        let named = |suffix: &str, entries: u32| (format!("{}{suffix}", self.name), entries);
        // The kernel allocates memory for a decision when the decision is added.
        let decisions = u32::try_from(MAX_DECISIONS).unwrap_or(u32::MAX);
        match &self.set {
            Set::Prefixes(set) => {
                let sizes = prefix::measure(set, &self.values, &self.layout);
                PartSizes {
                    entries: vec![
                        named("", sizes.lines),
                        named("_packets", sizes.packets),
                        named("_keys", sizes.keys),
                        named("_rules", sizes.rules),
                        named("_addresses", decisions),
                        named("_networks", decisions),
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
                        named("_decisions", decisions),
                    ],
                    bytes: sizes.bytes,
                }
            }
        }
    }
}

/// The content of each table of the object: the entries of the checked lines of `block`.
///
/// # Errors
/// When a table has too many entries.
pub(super) fn of_lines(
    block: &Filter,
    object: &LinkedObject,
    corefile: &Corefile,
) -> Result<Vec<PlannedTable>, Diagnostic> {
    let mut tables = Vec::new();
    for map in &object.maps {
        let Some(table) = map.table() else { continue };
        let id = block.map(&map.name).map(|named| named.id);
        let detailed = id.map_or_else(Vec::new, |id| detailed_keys(block, id, &table.values));
        let mut planned = PlannedTable::new(&map.name, table, detailed);
        if let Some(id) = id {
            let encoder = Encoder::new(&table.entries, object.btf());
            add_lines(&mut planned, encoder, block, id, corefile)?;
        }
        tables.push(planned);
    }
    Ok(tables)
}

/// Sorts and merges the entries of each table of `block`, after the last was added.
///
/// # Errors
/// When a table would take more memory than it may.
pub(super) fn finish(
    tables: &mut [PlannedTable],
    block: &Filter,
    corefile: &Corefile,
) -> Result<(), Diagnostic> {
    tables.iter_mut().try_for_each(|planned| {
        planned.finish();
        let named = block.map(&planned.name);
        let at = named.map_or(block.elf_at, |named| named.at);
        check_size(planned, at, corefile)
    })
}

fn add_lines(
    planned: &mut PlannedTable,
    mut encoder: Encoder<'_>,
    block: &Filter,
    id: MapId,
    corefile: &Corefile,
) -> Result<(), Diagnostic> {
    let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
    for entry in block.entries.of_map(id, corefile) {
        let key_size = fit::key(corefile, &entry, &encoder, &mut key).unwrap_or_default();
        let size = fit::value(corefile, &entry, &mut encoder, &mut value).unwrap_or_default();
        let (Some(key), Some(value)) = (key.get(..key_size), value.get_mut(..size)) else {
            continue;
        };
        if let Err(NoRoom) = planned.add(key, LINES, value) {
            let at = entry.at().unwrap_or(block.at);
            let message = format!("{} is full", Plain(&planned.name));
            let directive = entry.directive();
            return Err(corefile.diagnostic(at, directive, message, Blame::Corefile));
        }
    }
    Ok(())
}

/// The keys of metrics that read another member than those of a light entry.
fn detailed_keys(block: &Filter, id: MapId, layout: &ValueLayout) -> Vec<Box<[u8]>> {
    let is_detailed = |metric: &&Metric| {
        let (start, end) = (
            metric.number.position,
            metric.number.position + metric.number.length,
        );
        let is_packets = |at: usize| start >= at && end <= at + 8;
        metric.map == id && end > layout.action && !layout.packets.is_some_and(is_packets)
    };
    let metrics = block.metrics.iter().filter(is_detailed);
    metrics.map(|metric| metric.key.as_slice().into()).collect()
}

/// Checks the size of a table; `at` is a token of the line that refers to it.
fn check_size(planned: &PlannedTable, at: Token, corefile: &Corefile) -> Result<(), Diagnostic> {
    let (bytes, limit) = (planned.sizes.bytes, MAX_TABLE as u64);
    if bytes <= limit {
        return Ok(());
    }
    let (name, entries) = (Plain(&planned.name), planned.set.len());
    let (needed, limit) = (bytes.div_ceil(1 << 20), limit >> 20);
    let message = format!(
        "the {entries} entries of {name} would take {needed} MiB of kernel memory, and the limit is {limit} MiB; shorten its lists, or build with a larger COREXDP_MAX_TABLE"
    );
    let directive = corefile.text(at);
    Err(corefile.diagnostic(at, directive, message, Blame::Corefile))
}
