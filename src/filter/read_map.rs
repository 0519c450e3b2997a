//! Maps that are read: for metrics, for the number of entries, and for `debug`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::Context;
use super::watch::Watch;
use crate::base::escape::Plain;
use crate::config::MapId;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;

const MINUTE: Duration = Duration::from_mins(1);
/// Cost of a count below which counting less often saves nothing.
const CHEAP: Duration = Duration::from_millis(100);

/// A map that is read, by a descriptor of its own: a map that lines of the Corefile refer to, or `xdp_map`.
#[derive(Debug)]
pub struct ReadMap {
    /// Name in the object.
    pub name: String,
    /// The map.
    pub map: Map,
    /// Values seen last, where `debug` logs changes.
    pub watch: Option<Watch>,
    /// Key of the map's metrics; `None` if no line refers to the map.
    pub(super) id: Option<MapId>,
    /// Cached here, since pages are made from filters that they cannot change.
    count: Cell<EntryCount>,
}

/// Number of entries when they were last counted.
///
/// The kernel does not tell the number; all entries must be walked, which takes 50 ms for 100,000. Counting therefore
/// takes at most a hundredth of the time: a scrape every few seconds gets a new count, a flood of scrapes does not. Where
/// the program itself changes no map, only a person can, and a count each minute is enough.
#[derive(Clone, Copy, Debug, Default)]
struct EntryCount {
    entries: u64,
    cost: Duration,
    at: Option<Instant>,
}

impl ReadMap {
    /// A map of this name, not watched and not counted yet.
    pub(super) fn new(name: &str, map: Map, id: Option<MapId>) -> Self {
        Self {
            name: name.to_owned(),
            map,
            watch: None,
            id,
            count: Cell::default(),
        }
    }

    /// Entries in the map. An array is always full; entries of other kinds are counted again if the last count is old.
    /// A map that the program `changes` is counted sooner.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn entries(&self, changes: bool, scan: &mut Scan) -> Result<u64, Errno> {
        if self.map.shape().kind.is_array() {
            return Ok(u64::from(self.map.shape().max_entries));
        }
        let mut count = self.count.get();
        count.renew(changes, || scan.each(&self.map, &mut |_, _| {}))?;
        self.count.set(count);
        Ok(count.entries)
    }

    /// Has the entries counted anew.
    pub(super) fn forget_count(&self) {
        self.count.take();
    }
}

/// Notes the map's values, if `debug` logs changes.
pub(super) fn watch(context: &Context<'_>, read: &ReadMap, scan: &mut Scan) -> Option<Watch> {
    if !context.block.debug {
        return None;
    }
    let watch = Watch::begin(&read.map, scan);
    let (interface, name) = (&context.block.interface, Plain(&read.name));
    let failed = |errno: &Errno| {
        let what = errno.desc();
        let log = context.log;
        log.warn(format_args!("{interface}: cannot watch map {name}: {what}"));
    };
    watch.inspect_err(failed).ok()
}

/// Moves the watch of each map in `from` to the map of the same name in `to` that has none.
pub(super) fn take_watches(to: &mut [ReadMap], from: &mut [ReadMap]) {
    for to in to.iter_mut().filter(|to| to.watch.is_none()) {
        let from = from.iter_mut().find(|from| from.name == to.name);
        to.watch = from.and_then(|from| from.watch.take());
    }
}

impl EntryCount {
    /// Counts again, if the last count is old enough; sooner if the program `changes` maps.
    fn renew(
        &mut self,
        changes: bool,
        count: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let begin = Instant::now();
        let rest = self.cost.saturating_mul(100);
        let rest = if changes || rest < CHEAP {
            rest
        } else {
            rest.max(MINUTE)
        };
        if self.at.is_some_and(|at| begin.duration_since(at) < rest) {
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

    /// A count that takes 20 ms.
    fn renew(count: &mut EntryCount, changes: bool, entries: u64) {
        let counted = count.renew(changes, || {
            std::thread::sleep(Duration::from_millis(20));
            Ok(entries)
        });
        assert_eq!(counted, Ok(()));
    }

    fn earlier(count: &mut EntryCount, seconds: u64) {
        count.at = Instant::now().checked_sub(Duration::from_secs(seconds));
    }

    #[test]
    fn costly_count_is_kept_for_a_while() {
        let mut count = EntryCount::default();
        renew(&mut count, true, 7);
        renew(&mut count, true, 8);
        assert_eq!(count.entries, 7);
        earlier(&mut count, 10);
        renew(&mut count, true, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn map_that_no_program_changes_is_counted_once_a_minute() {
        let mut count = EntryCount::default();
        renew(&mut count, false, 7);
        earlier(&mut count, 50);
        renew(&mut count, false, 8);
        assert_eq!(count.entries, 7);
        earlier(&mut count, 61);
        renew(&mut count, false, 9);
        assert_eq!(count.entries, 9);
    }

    #[test]
    fn cheap_count_is_always_new() {
        let mut count = EntryCount::default();
        for expected in 1..4 {
            assert_eq!(count.renew(false, || Ok(expected)), Ok(()));
            count.cost = Duration::ZERO;
            assert_eq!(count.entries, expected);
        }
    }
}
