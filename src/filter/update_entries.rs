//! Entries of maps that filter, changed one after the other: counters of all others go on.
//!
//! Packets meet the map while it changes. So what is new is written before what is old is taken away; and in an array
//! that gets longer the last entry is written first, so that a rule that only moves is always somewhere.

use nix::errno::Errno;

use super::entries::Lines;
use super::fill::copy_to_all_cpus;
use super::fingerprint::{Digests, Fingerprint, List};
use super::rows::Rows;
use super::{Context, Filter};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::object::MapKind;

/// What was changed, so that it can be undone.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<Changed>);

/// The same of one map.
#[derive(Debug)]
struct Changed {
    /// Its place among the object's.
    map: usize,
    /// In the order in which they were changed; the values from before.
    rows: Rows,
    /// Whether there was one.
    was_there: Vec<bool>,
}

/// What is to be changed in a map.
struct Wanted {
    /// What is to be written.
    rows: Rows,
    /// Each row's line; none where no line gives that entry any more.
    lines: Vec<Option<usize>>,
    /// Those to be deleted, with no values.
    gone: Rows,
    /// Whether it then has fewer entries.
    shrinks: bool,
}

impl Context<'_> {
    /// Whether what `old` has becomes this filter when entries change, and what it is made from then.
    pub(super) fn fits_into(&self, old: &Filter) -> Result<Option<Fingerprint>, Diagnostic> {
        let origin = self.origin()?;
        let same = origin.identity == old.origin.identity;
        let fits = || origin.has_code_of(&old.origin) && self.has_room(&old.origin, &origin);
        Ok((same || fits()).then_some(origin))
    }

    /// Whether each map has room for the entries that come while those that go are still there.
    fn has_room(&self, old: &Fingerprint, new: &Fingerprint) -> bool {
        let mut maps = self.object.maps.iter().enumerate();
        maps.all(|(map, def)| {
            let lists = old.list(map).zip(new.list(map));
            let most = lists.map_or(0, |(old, new)| old.len_with(new));
            def.kind.is_array() || most <= def.max_entries as usize
        })
    }

    /// Gives the maps of `old` the entries of `origin`.
    ///
    /// # Errors
    /// What the kernel did not take; then the maps are as before.
    pub(super) fn change(
        &self,
        old: &Filter,
        origin: &Fingerprint,
        scan: &mut Scan,
    ) -> Result<Changes, Diagnostic> {
        let mut changes = Changes::default();
        if old.origin.identity == origin.identity {
            return Ok(changes);
        }
        old.mark_modified()
            .map_err(|trouble| self.troubled(&trouble))?;
        for lines in self.lines() {
            let (Some(map), Some(lists)) = (
                old.maps.get(lines.map),
                old.origin.list(lines.map).zip(origin.list(lines.map)),
            ) else {
                continue;
            };
            if let Err(wrong) = change_one(lines, map, lists, scan, &mut changes) {
                changes.undo(old, self.log);
                return Err(wrong);
            }
        }
        Ok(changes)
    }
}

fn change_one(
    mut lines: Lines<'_>,
    map: &Map,
    (old, new): (&List, &List),
    scan: &mut Scan,
    changes: &mut Changes,
) -> Result<(), Diagnostic> {
    let (old, new) = (old.sorted(), new.sorted());
    if old == new {
        return Ok(());
    }
    let shape = map.shape();
    let mut wanted = Wanted {
        rows: Rows::of(shape),
        lines: Vec::new(),
        gone: Rows::of(shape),
        shrinks: new.len() < old.len(),
    };
    wanted.find(&mut lines, shape, &old, &new)?;
    let found = wanted.find_gone(map, &old, &new, scan);
    found.map_err(|errno| lines.refused(None, errno))?;
    changes.0.push(Changed {
        map: lines.map,
        rows: Rows::of(shape),
        was_there: Vec::new(),
    });
    if let Some(changed) = changes.0.last_mut() {
        changed
            .make(&wanted, map, &old, scan)
            .map_err(|(line, errno)| lines.refused(line, errno))?;
    }
    Ok(())
}

/// The entry of a list with this key.
fn entry(list: &[Digests], key: u64) -> Option<Digests> {
    let at = list.binary_search_by_key(&key, |entry| entry.key).ok()?;
    list.get(at).copied()
}

impl Wanted {
    /// Finds what the lines give that is new or different.
    fn find(
        &mut self,
        lines: &mut Lines<'_>,
        shape: &Shape,
        old: &[Digests],
        new: &[Digests],
    ) -> Result<(), Diagnostic> {
        let mut copied = vec![0; shape.copy_size()];
        lines.each(|line, key, value| {
            let digests = Digests::of(key, value);
            // Another line may give the same key another value later.
            let counts = entry(new, digests.key) == Some(digests);
            if counts && entry(old, digests.key) != Some(digests) {
                if let Some(first) = copied.get_mut(..value.len()) {
                    first.copy_from_slice(value);
                }
                copy_to_all_cpus(shape, &mut copied);
                self.rows.push(key, &copied);
                self.lines.push(Some(line));
            }
        })
    }

    /// Finds in the map what no line gives any more. An array has all its entries always; there it is written to be 0.
    fn find_gone(
        &mut self,
        map: &Map,
        old: &[Digests],
        new: &[Digests],
        scan: &mut Scan,
    ) -> Result<(), Errno> {
        let mut all = old.iter();
        if all.all(|one| entry(new, one.key).is_some()) {
            return Ok(());
        }
        scan.each(map, &mut |key, _| {
            let digest = Digests::of(key, &[]).key;
            if entry(old, digest).is_none() || entry(new, digest).is_some() {
                return;
            }
            if map.shape().kind.is_array() {
                self.rows.push(key, &[]);
                self.lines.push(None);
            } else {
                self.gone.push(key, &[]);
            }
        })
        .map(drop)
    }

    /// The rows in the order in which they are to be written.
    fn order(&self, kind: MapKind) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.rows.len()).collect();
        if kind.is_array() {
            let index = |row: &usize| {
                let key = self.rows.get(*row).and_then(|(key, _)| key.first_chunk());
                key.map(|key| u32::from_ne_bytes(*key))
            };
            order.sort_by_key(index);
            if !self.shrinks {
                order.reverse();
            }
        }
        order
    }
}

impl Changed {
    /// Changes the map; on an error, which line the kernel did not take.
    fn make(
        &mut self,
        wanted: &Wanted,
        map: &Map,
        old: &[Digests],
        scan: &mut Scan,
    ) -> Result<(), (Option<usize>, Errno)> {
        for row in wanted.order(map.shape().kind) {
            let line = wanted.lines.get(row).copied().flatten();
            if let Some((key, value)) = wanted.rows.get(row) {
                self.note(key, map, old, scan)
                    .and_then(|()| map.update(key, value))
                    .map_err(|errno| (line, errno))?;
            }
        }
        for (key, _) in (0..wanted.gone.len()).filter_map(|row| wanted.gone.get(row)) {
            self.note(key, map, old, scan)
                .and_then(|()| map.delete(key))
                .map_err(|errno| (None, errno))?;
        }
        Ok(())
    }

    /// Notes what there is under a key that is about to change.
    fn note(
        &mut self,
        key: &[u8],
        map: &Map,
        old: &[Digests],
        scan: &mut Scan,
    ) -> Result<(), Errno> {
        let found = scan.value(map, key)?;
        // A trie answers with a shorter prefix too.
        let exact = map.shape().kind != MapKind::LPM_TRIE
            || entry(old, Digests::of(key, &[]).key).is_some();
        let found = found.filter(|_| exact);
        self.was_there.push(found.is_some());
        self.rows.push(key, found.unwrap_or_default());
        Ok(())
    }

    fn undo(&self, map: &Map) -> Result<(), Errno> {
        let mut all = Ok(());
        for (row, was_there) in self.was_there.iter().enumerate().rev() {
            let Some((key, value)) = self.rows.get(row) else {
                continue;
            };
            let undone = if *was_there {
                map.update(key, value)
            } else {
                map.delete(key)
            };
            all = all.and(undone);
        }
        all
    }
}

impl Changes {
    /// Gives the maps of `old` back what they had. There is nobody left to tell but the log when that fails.
    pub(super) fn undo(&self, old: &Filter, log: &Log) {
        for changed in self.0.iter().rev() {
            let undone = old
                .maps
                .get(changed.map)
                .map_or(Ok(()), |map| changed.undo(map));
            if let Err(errno) = undone {
                let (name, what) = (&old.interface, errno.desc());
                log.error(format_args!(
                    "{name}: not all entries are as they were: {what}"
                ));
            }
        }
        if !self.0.is_empty()
            && let Err(trouble) = old.persist_state()
        {
            log.warn(format_args!("{}: {trouble}", old.interface));
        }
    }
}
