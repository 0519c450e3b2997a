//! Entries that the kernel evicts from LRU maps.
//!
//! The kernel evicts entries even before a map is full: each CPU frees up to 128 entries at once (`LOCAL_FREE_TARGET`),
//! and other CPUs cannot use these.

use super::entries::Lines;
use super::entry_list::{EntryDigest, EntryList, find};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;

/// The entries of the sorted `list` whose keys are in the map.
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
    // An iteration that restarts visits entries twice.
    present.dedup();
    Ok(present)
}

/// Writes evicted entries of `list` to an LRU map again, as long as each round at least halves the number of missing
/// entries. Warns of entries that are missing after the last round.
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
    let wanted = list.entries();
    let mut limit = wanted.len();
    loop {
        let present = present(lines, wanted, map, scan)?;
        let missing = wanted.len().saturating_sub(present.len());
        if missing == 0 {
            return Ok(());
        }
        if missing > limit {
            lines.warn_of_evicted(present.len(), wanted.len());
            return Ok(());
        }
        limit = missing / 2;
        let missing = lines.changed_rows(&present, wanted, shape)?;
        for row in missing.iter() {
            let written = map.update(row.key, row.value);
            written.map_err(|errno| lines.refused(row.note, errno))?;
        }
    }
}
