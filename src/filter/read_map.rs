//! Maps that the daemon reads: for metrics, for the number of entries, and for `debug`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::Context;
use super::content::Content;
use super::watch::Watch;
use crate::base::escape::Plain;
use crate::config::MapId;
use crate::encode::Encoder;
use crate::kernel::describe;
use crate::kernel::map_scan::Scan;
use crate::object::map_for_lines;

const MINUTE: Duration = Duration::from_mins(1);
/// Delay between two counts below which counting once a minute would save nothing.
const CHEAP_SCAN: Duration = Duration::from_millis(100);

/// A map that the daemon reads: a map that lines of the Corefile refer to, or `xdp_map`.
#[derive(Debug)]
pub struct ReadMap {
    /// Name in the object.
    pub name: String,
    /// The entries.
    pub content: Content,
    /// Value hashes of the last round; `None` without `debug`.
    pub watch: Option<Watch>,
    /// Id by which metrics refer to the map; `None` if no line refers to the map.
    pub(super) id: Option<MapId>,
    /// A cell, since the renderers of pages share the filters.
    count: Cell<EntryCount>,
}

/// The cached number of entries of a map.
///
/// The kernel does not report the number. Walking all entries takes 50 ms for 100,000, so counting is limited to a
/// hundredth of the time: a scrape every few seconds gets a new count, a flood of scrapes the cached one. If the program
/// changes no map, only an operator can, and a count a minute is enough.
#[derive(Clone, Copy, Debug, Default)]
struct EntryCount {
    /// Number of entries without decisions, which are counted anew each time.
    entries: u64,
    /// Duration of the last count.
    cost: Duration,
    /// End of the last count; `None` before the first.
    at: Option<Instant>,
}

impl ReadMap {
    /// A map without watch and count.
    pub(super) fn new(name: &str, content: Content, id: Option<MapId>) -> Self {
        Self {
            name: name.to_owned(),
            content,
            watch: None,
            id,
            count: Cell::default(),
        }
    }

    /// Number of entries in the map. An array is always full. The count of other maps is cached, for a shorter time if
    /// the program `changes` maps. The entries of a table are counted without its `decisions`.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn entries(&self, changes: bool, decisions: usize, scan: &mut Scan) -> Result<u64, Errno> {
        match &self.content {
            Content::Map(map) if map.shape().kind.is_array() => {
                return Ok(u64::from(map.shape().max_entries));
            }
            Content::Table(table) => return Ok(table.entries()),
            Content::Map(_) => {}
        }
        let mut count = self.count.get();
        let decisions = decisions as u64;
        count.update(changes, || {
            let all = self.content.each(scan, &mut |_, _| {})?;
            Ok(all.saturating_sub(decisions))
        })?;
        self.count.set(count);
        Ok(count.entries + decisions)
    }

    /// True if `map` is the name of this map, or of a part of this table.
    pub fn has(&self, map: &str) -> bool {
        let end = map.strip_prefix(&self.name);
        end.is_some_and(|end| self.content.maps().any(|(part, _)| part == end))
    }

    /// Discards the cached count.
    pub(super) fn forget_count(&self) {
        self.count.take();
    }
}

/// Records the map's values with `debug`. A failure is only logged.
pub(super) fn watch(context: &Context<'_>, read: &ReadMap, scan: &mut Scan) -> Option<Watch> {
    if !context.block.debug {
        return None;
    }
    let (maps, btf) = (&context.object.maps, context.object.btf());
    let has_secrets =
        map_for_lines(maps, &read.name).is_some_and(|map| Encoder::new(map, btf).has_secrets());
    let watch = Watch::begin(&read.content, has_secrets, scan);
    let failed = |errno: &Errno| {
        let (name, what) = (Plain(&read.name), describe(*errno));
        context.warn(format_args!("cannot watch map {name}: {what}"));
    };
    watch.inspect_err(failed).ok()
}

/// Moves each watch in `from` to the map of the same name in `to`, unless that map has a watch.
pub(super) fn take_watches(to: &mut [ReadMap], from: &mut [ReadMap]) {
    for to in to.iter_mut().filter(|to| to.watch.is_none()) {
        let from = from.iter_mut().find(|from| from.name == to.name);
        to.watch = from.and_then(|from| from.watch.take());
    }
}

impl EntryCount {
    /// Counts again if the last count is too old. The age limit is lower if the program `changes` maps.
    fn update(
        &mut self,
        changes: bool,
        count: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let begin = Instant::now();
        let max_age = self.cost.saturating_mul(100);
        let max_age = if changes || max_age < CHEAP_SCAN {
            max_age
        } else {
            max_age.max(MINUTE)
        };
        if self.at.is_some_and(|at| begin.duration_since(at) < max_age) {
            return Ok(());
        }
        self.entries = count()?;
        self.cost = begin.elapsed();
        self.at = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program changes maps, or it does not.
    const CHANGES: bool = true;
    const CHANGES_NONE: bool = false;

    /// Updates with a count that takes 20 ms.
    fn update(count: &mut EntryCount, changes: bool, entries: u64) {
        let counted = count.update(changes, || {
            std::thread::sleep(Duration::from_millis(20));
            Ok(entries)
        });
        assert_eq!(counted, Ok(()));
    }

    fn age(count: &mut EntryCount, seconds: u64) {
        count.at = Instant::now().checked_sub(Duration::from_secs(seconds));
    }

    #[test]
    fn expensive_count_is_cached() {
        let mut count = EntryCount::default();
        update(&mut count, CHANGES, 7);
        update(&mut count, CHANGES, 8);
        assert_eq!(count.entries, 7);
        age(&mut count, 10);
        update(&mut count, CHANGES, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn unchanged_map_is_counted_once_a_minute() {
        let mut count = EntryCount::default();
        update(&mut count, CHANGES_NONE, 7);
        age(&mut count, 50);
        update(&mut count, CHANGES_NONE, 8);
        assert_eq!(count.entries, 7);
        age(&mut count, 61);
        update(&mut count, CHANGES_NONE, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn cheap_count_is_never_cached() {
        let mut count = EntryCount::default();
        for expected in 1..4 {
            assert_eq!(count.update(CHANGES_NONE, || Ok(expected)), Ok(()));
            count.cost = Duration::ZERO;
            assert_eq!(count.entries, expected);
        }
    }
}
