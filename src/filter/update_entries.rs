//! The step that updates entries of maps in use, one by one. Unchanged entries keep their values, such as counters.
//!
//! The program reads the map during the update. So new entries are written before stale entries are deleted. A growing
//! array is written from its end, so that a moved rule is never missing.
//!
//! The kernel evicts entries of LRU maps. Each reload writes evicted entries again.

use nix::errno::Errno;

use super::Context;
use super::entries::{Lines, Rows, lines};
use super::entry_list::{EntryDigest, EntryList, find, list_of};
use super::evicted::{present, rewrite_evicted};
use super::fingerprint::Target;
use super::hold::not_pinned;
use super::hold::pins::Pins;
use super::loaded::{Before, ChangedMap, Changes, LoadedMap};
use super::stage::Stage;
use super::tables::{tables_are_worth_it, update_table};
use crate::base::capacity::MAX_KEY;
use crate::base::diagnostic::Diagnostic;
use crate::encode::clear_host_bits;
use crate::kernel::describe;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::object::MapKind;

/// An update of one map. Lists of digests are sorted by key.
struct Update<'a> {
    old: &'a [EntryDigest],
    new: &'a [EntryDigest],
    /// Rows to be written, each with the number of its line; `None` for a stale entry of an array, which becomes 0.
    writes: Rows<Option<usize>>,
    /// Keys to be deleted; the values are unused.
    deletes: Rows<()>,
}

/// Reason why the maps were not updated; they are as before.
pub(super) enum NotUpdated {
    /// A table has no room for its new entries beside the old ones.
    NoRoom,
    /// Any other reason.
    Wrong(Diagnostic),
}

impl From<Diagnostic> for NotUpdated {
    fn from(wrong: Diagnostic) -> Self {
        Self::Wrong(wrong)
    }
}

/// Error of an entry that the kernel rejected.
struct Rejected {
    /// Number of the line; `None` for a stale entry.
    line: Option<usize>,
    errno: Errno,
}

/// True if each map has room for the old and the new entries at the same time.
pub(super) fn has_room(context: &Context<'_>, old: &Stage, target: &Target) -> bool {
    let plain = context.object.maps.iter().filter(|def| !def.is_of_table());
    let mut plain = plain.filter(|def| !def.kind.is_array());
    let plain = plain.all(|def| {
        let lists = old.map(&def.name).zip(target.entries(&def.name));
        let most = lists.map_or(0, |(old, new)| {
            old.entries.len_with(new) + old.decisions.len()
        });
        most <= def.max_entries as usize
    });
    plain && tables_are_worth_it(context, old)
}

/// Replaces the entries in the maps of `old` with the entries of `target`. Returns the changes for a rollback. If the state
/// is pinned in `pins`, it is marked as modified first: if this daemon dies, the next daemon does not reuse the state.
///
/// # Errors
/// When the kernel rejects an entry; the maps are rolled back.
pub(super) fn update_entries(
    context: &Context<'_>,
    old: &Stage,
    pins: Option<&Pins>,
    target: &Target,
    scan: &mut Scan,
) -> Result<Changes, NotUpdated> {
    let mut changes = Changes::default();
    let identity = old.fingerprint.identity;
    let same = identity == target.fingerprint.identity;
    if !same && let Some(pins) = pins {
        let key = old.key();
        pins.rename_state(key, key.modified())
            .map_err(|error| not_pinned(context, &error))?;
        changes.marked = Some(key);
    }
    for planned in context.planned.tables.iter().filter(|_| !same) {
        let map = old.map(&planned.name);
        if map.is_none_or(|map| map.entries == list_of(planned)) {
            continue;
        }
        match update_table(context, old, planned) {
            Ok(Some(change)) => changes.tables.push(change),
            failed => {
                changes.undo(old, pins, &context.block.interface, context.log);
                return failed.map_or_else(|wrong| Err(wrong.into()), |_| Err(NotUpdated::NoRoom));
            }
        }
    }
    for lines in lines(context) {
        let name = &lines.def.name;
        if same && !lines.def.kind.is_lru() {
            continue;
        }
        let (Some(map), Some(new)) = (old.map(name), target.entries(name)) else {
            continue;
        };
        if let Err(wrong) = update_map(lines, map, new, scan, &mut changes) {
            changes.undo(old, pins, &context.block.interface, context.log);
            return Err(wrong.into());
        }
    }
    Ok(changes)
}

fn update_map(
    mut lines: Lines<'_>,
    LoadedMap {
        name, map, entries, ..
    }: &LoadedMap,
    new: &EntryList,
    scan: &mut Scan,
    changes: &mut Changes,
) -> Result<(), Diagnostic> {
    let in_map;
    let mut old = entries.entries();
    let shape = map.shape();
    if shape.kind.is_lru() && !entries.is_empty() {
        in_map = present(&lines, old, map, scan)?;
        old = &in_map;
    }
    let wanted = new.entries();
    if old == wanted {
        return Ok(());
    }
    lines.check_interrupted()?;
    let mut update = Update {
        writes: lines.changed_rows(old, wanted, shape)?,
        old,
        new: wanted,
        deletes: Rows::new(shape),
    };
    let found = update.find_stale(map, scan);
    found.map_err(|errno| lines.refused(None, errno))?;
    let mut saved = ChangedMap {
        name: name.clone(),
        before: Rows::new(shape),
    };
    let applied = update.apply(map, scan, &mut saved.before);
    changes.maps.push(saved);
    applied.map_err(|Rejected { line, errno }| lines.refused(line, errno))?;
    rewrite_evicted(&mut lines, map, new, scan)
}

impl Update<'_> {
    /// Adds the rows for stale entries: deletions, or writes of 0 to an array, whose entries cannot be deleted.
    fn find_stale(&mut self, map: &Map, scan: &mut Scan) -> Result<(), Errno> {
        let mut old = self.old.iter();
        if old.all(|entry| find(self.new, entry.key).is_some()) {
            return Ok(());
        }
        let kind = map.shape().kind;
        let mut masked = [0; MAX_KEY];
        scan.each(map, &mut |key, _| {
            // An earlier daemon or another program may have written a prefix with host bits.
            let Some(masked) = masked.get_mut(..key.len()) else {
                return;
            };
            masked.copy_from_slice(key);
            clear_host_bits(kind, masked);
            let digest = EntryDigest::of(masked, &[]).key;
            if find(self.old, digest).is_none() || find(self.new, digest).is_some() {
                return;
            }
            if kind.is_array() {
                self.writes.push(None, masked, &[]);
            } else {
                self.deletes.push((), masked, &[]);
            }
        })
        .map(drop)
    }

    /// Numbers of the rows of `writes`, in the order of writing.
    fn order(&self, kind: MapKind) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.writes.len()).collect();
        if kind.is_array() {
            let index = |row| {
                let key = self.writes.get(row).and_then(|row| row.key.first_chunk());
                key.map(|key| u32::from_ne_bytes(*key))
            };
            order.sort_unstable_by_key(|&row| (index(row), row));
            if self.new.len() >= self.old.len() {
                order.reverse();
            }
        }
        order
    }

    /// Changes the map, and saves the previous entries in `before`.
    fn apply(&self, map: &Map, scan: &mut Scan, before: &mut Rows<Before>) -> Result<(), Rejected> {
        for number in self.order(map.shape().kind) {
            let Some(row) = self.writes.get(number) else {
                continue;
            };
            self.save(row.key, map, scan, before)
                .and_then(|()| map.update(row.key, row.value))
                .map_err(|errno| Rejected {
                    line: row.note,
                    errno,
                })?;
        }
        for row in self.deletes.iter() {
            self.save(row.key, map, scan, before)
                .and_then(|()| map.delete(row.key))
                .map_err(|errno| Rejected { line: None, errno })?;
        }
        Ok(())
    }

    /// Saves the value of a key that is about to change.
    fn save(
        &self,
        key: &[u8],
        map: &Map,
        scan: &mut Scan,
        before: &mut Rows<Before>,
    ) -> Result<(), Errno> {
        let found = scan.value(map, key)?;
        // A lookup in a trie also finds shorter prefixes.
        let exact = map.shape().kind != MapKind::LPM_TRIE
            || find(self.old, EntryDigest::of(key, &[]).key).is_some();
        match found.filter(|_| exact) {
            Some(value) => before.push(Before::Present, key, value),
            None => before.push(Before::Absent, key, &[]),
        }
        Ok(())
    }
}

impl ChangedMap {
    fn undo(&self, map: &Map) -> Result<(), Errno> {
        let mut all = Ok(());
        for row in self.before.iter().rev() {
            let undone = match row.note {
                Before::Present => map.update(row.key, row.value),
                Before::Absent => map.delete(row.key),
            };
            all = all.and(undone);
        }
        all
    }
}

impl Changes {
    /// Restores the entries in the maps of `stage`, a stage of `interface`. Errors are only logged.
    pub(super) fn undo(self, stage: &Stage, pins: Option<&Pins>, interface: &str, log: &Log) {
        let tables = self.tables.into_iter().rev();
        let tables = tables.map(|change| stage.undo_table(change));
        let maps = self.maps.iter().rev().map(|changed| {
            let map = stage.map(&changed.name);
            map.map_or(Ok(()), |map| changed.undo(&map.map))
        });
        for undone in maps.chain(tables) {
            if let Err(errno) = undone {
                let what = describe(errno);
                log.error(format_args!(
                    "{interface}: could not restore all map entries: {what}"
                ));
            }
        }
        if let Some((key, pins)) = self.marked.zip(pins)
            && let Err(error) = pins.rename_state(key.modified(), key)
        {
            log.warn(format_args!("{interface}: {error}"));
        }
    }
}
