//! Entries of LRU maps, which the kernel evicts by itself, even before the map is full: it evicts up to 128 entries at once
//! for each CPU (`LOCAL_FREE_TARGET`), and places that one CPU has freed are not found by the others.

use super::entries::{Lines, Rows};
use super::fingerprint::{EntryDigest, EntryList};
use super::update_entries::{Update, find};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;

/// The entries of a sorted list whose keys the map has.
pub(super) fn present(
    lines: &Lines<'_>,
    list: &[EntryDigest],
    map: &Map,
    scan: &mut Scan,
) -> Result<Vec<EntryDigest>, Diagnostic> {
    let mut present = Vec::new();
    let found = scan.each(map, &mut |key, _| {
        present.extend(find(list, EntryDigest::of(key, &[]).key));
    });
    found.map_err(|errno| lines.unread(errno))?;
    present.sort_unstable();
    // Iteration may restart.
    present.dedup();
    Ok(present)
}

/// Writes the entries of `list` again that the kernel has evicted from an LRU map, as long as that at least halves their
/// number. Warns of those that are still missing.
///
/// # Errors
/// When the map cannot be read, or the kernel rejects an entry.
pub(super) fn rewrite_evicted(
    lines: &mut Lines<'_>,
    map: &Map,
    list: &EntryList,
    scan: &mut Scan,
) -> Result<(), Diagnostic> {
    let shape = map.shape();
    if !shape.kind.is_lru() || list.is_empty() {
        return Ok(());
    }
    let mut update = Update::new(Vec::new(), list.sorted(), shape);
    let mut limit = update.new.len();
    loop {
        update.old = present(lines, &update.new, map, scan)?;
        let missing = update.new.len().saturating_sub(update.old.len());
        if missing == 0 {
            return Ok(());
        }
        if missing > limit {
            lines.warn_of_evicted(update.old.len(), update.new.len());
            return Ok(());
        }
        limit = missing / 2;
        update.writes = Rows::new(shape);
        update.find_writes(lines, shape)?;
        for row in update.writes.iter() {
            let written = map.update(row.key, row.value);
            written.map_err(|errno| lines.refused(row.note, errno))?;
        }
    }
}
