//! Decisions: entries that `corexdp add` gives a map at run time, beside those of the Corefile.
//!
//! A map has the value of each decision, and a [`DecisionList`] its key and its end. The daemon deletes a decision when its
//! time is up. A decision never replaces an entry of the Corefile.

use nix::errno::Errno;

use super::Filter;
use super::decision_list::DecisionList;
use super::entries::copy_to_all_cpus;
use super::loaded::{Loaded, LoadedMap};
use super::stage::Stage;
use crate::base::capacity::{MAX_DECISIONS, MAX_KEY};
use crate::base::escape::Plain;
use crate::encode::clear_host_bits;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::object::frame::is_frame_map;

/// Reason why a decision is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The entries of the map cannot be deleted, or it belongs to the program's frame.
    Kind,
    /// The Corefile gives the map an entry of this key.
    Given,
    /// There is no decision about the key.
    Unknown,
    /// The kernel refuses. `EDQUOT` for more decisions than a map may have.
    Kernel(Errno),
}

impl Refused {
    /// The reason and its remedy, for a decision about `key` in the `map`, which has room for `room` entries.
    pub fn message(self, key: &str, map: &str, room: u32) -> String {
        let (key, map) = (Plain(key), Plain(map));
        match self {
            Self::Kind => format!(
                "{map} cannot have decisions; its entries cannot be deleted one by one: name a hash or an lpm_trie"
            ),
            Self::Given => format!("{key} is given by the Corefile; change it there"),
            Self::Unknown => format!("no decision about {key} in {map}"),
            Self::Kernel(Errno::EDQUOT) => format!(
                "{map} has {MAX_DECISIONS} decisions; build with a larger COREXDP_MAX_DECISIONS"
            ),
            Self::Kernel(Errno::E2BIG) => {
                format!("{map} is full; it has room for {room} entries")
            }
            Self::Kernel(Errno::ENOMEM) => format!("no memory for this entry of {map}"),
            Self::Kernel(errno) => {
                format!("the kernel refused this entry of {map}: {}", errno.desc())
            }
        }
    }
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

impl LoadedMap {
    /// Name in the object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The map.
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// True if user space reads and writes entries of the map, and the map is not one of the program's frame.
    pub fn is_shown(&self) -> bool {
        self.map.shape().kind.holds_bytes() && !is_frame_map(&self.name)
    }

    /// Number of decisions.
    pub const fn decisions(&self) -> usize {
        self.decisions.len()
    }

    /// Each decision: key, and end in nanoseconds of [`ktime`](crate::base::ktime).
    pub fn each_decision(&self) -> impl Iterator<Item = (&[u8], Option<u64>)> {
        self.decisions.iter()
    }

    /// Adds a decision that ends at `until`, or changes the decision about this key. A short key or value is padded with
    /// zeros.
    ///
    /// # Errors
    /// The map is then unchanged.
    pub fn decide(
        &mut self,
        key: &[u8],
        value: &[u8],
        until: Option<u64>,
        scan: &mut Scan,
    ) -> Result<(), Refused> {
        let mut padded = [0; MAX_KEY];
        let key = self.padded(key, &mut padded)?;
        let is_new = !self.decisions.contains(key);
        if is_new && self.is_given(key, scan)? {
            return Err(Refused::Given);
        }
        let room = self.map.shape().max_entries;
        self.decisions.make_room(key, room)?;
        self.write(key, value, scan)?;
        self.decisions.add(key, until);
        Ok(())
    }

    /// Deletes the decision about this key. A short key is padded with zeros.
    ///
    /// # Errors
    /// The map is then unchanged.
    pub fn undecide(&mut self, key: &[u8]) -> Result<(), Refused> {
        let mut padded = [0; MAX_KEY];
        let key = self.padded(key, &mut padded)?;
        if !self.decisions.contains(key) {
            let is_given = self.entries.has_key(key);
            return Err(if is_given {
                Refused::Given
            } else {
                Refused::Unknown
            });
        }
        self.map.delete(key)?;
        self.decisions.remove(key);
        Ok(())
    }

    /// Makes a decision of an entry that an earlier daemon left in the map, which ends at `until`.
    ///
    /// # Errors
    /// As [`LoadedMap::decide`].
    pub(super) fn adopt_decision(&mut self, key: &[u8], until: Option<u64>) -> Result<(), Refused> {
        if self.entries.has_key(key) {
            return Err(Refused::Given);
        }
        let room = self.map.shape().max_entries;
        self.decisions.make_room(key, room)?;
        self.decisions.add(key, until);
        Ok(())
    }

    /// The decisions of `before`, whose maps these are, without those whose keys the Corefile gives now.
    pub(super) fn keep_decisions(&mut self, before: &DecisionList) {
        self.decisions = before.clone();
        let given = &self.entries;
        if !self.decisions.is_empty() && !given.is_empty() {
            self.decisions.retain(&mut |key, _| !given.has_key(key));
        }
    }

    /// Copies the decisions of `from` to this map, which has no decisions about these keys. Returns the number of
    /// decisions that could not be copied.
    fn copy_decisions(&mut self, from: &Self, scan: &mut Scan) -> usize {
        let (shape, other) = (*self.map.shape(), from.map.shape());
        let sizes = (other.kind, other.key_size, other.value_size);
        if sizes != (shape.kind, shape.key_size, shape.value_size) {
            return from.decisions.len();
        }
        let mut value = vec![0; shape.copy_size()];
        let mut lost = 0;
        for (key, until) in from.decisions.iter() {
            let copied = match from.map.lookup(key, &mut value) {
                // Deleted or evicted meanwhile.
                Ok(false) => continue,
                Ok(true) => self.decide(
                    key,
                    value.get(..shape.value_size).unwrap_or_default(),
                    until,
                    scan,
                ),
                Err(errno) => Err(errno.into()),
            };
            lost += usize::from(copied.is_err_and(|refused| refused != Refused::Given));
        }
        lost
    }

    /// Deletes the decisions that end at `now` or before.
    fn sweep(&mut self, now: u64) -> Result<(), Errno> {
        let (map, mut swept) = (&self.map, Ok(()));
        self.decisions.remove_ended(now, &mut |key| {
            swept = swept.and(map.delete(key));
        });
        swept
    }

    /// True if the Corefile gives the map an entry of this key. Only entries in the map are compared with the list of the
    /// Corefile's entries, which may be long.
    fn is_given(&self, key: &[u8], scan: &mut Scan) -> Result<bool, Errno> {
        let is_empty = self.entries.is_empty();
        Ok(!is_empty && scan.value(&self.map, key)?.is_some() && self.entries.has_key(key))
    }

    fn write(&self, key: &[u8], value: &[u8], scan: &mut Scan) -> Result<(), Errno> {
        let shape = self.map.shape();
        let copied = scan.new_value(&self.map)?;
        let first = copied.get_mut(..value.len()).ok_or(Errno::EINVAL)?;
        first.copy_from_slice(value);
        copy_to_all_cpus(shape, copied);
        self.map.update(key, copied)
    }

    /// The key with its full size and without host bits.
    fn padded<'a>(&self, key: &[u8], out: &'a mut [u8; MAX_KEY]) -> Result<&'a [u8], Refused> {
        let shape = self.map.shape();
        if shape.kind.is_array() || !self.is_shown() {
            return Err(Refused::Kind);
        }
        let out = out.get_mut(..shape.key_size).ok_or(Errno::E2BIG)?;
        out.get_mut(..key.len())
            .ok_or(Errno::EINVAL)?
            .copy_from_slice(key);
        clear_host_bits(shape.kind, out);
        Ok(out)
    }
}

impl Loaded {
    /// Copies the decisions of `old`, which this stage replaces, to the new maps.
    pub(super) fn copy_decisions(&mut self, old: &Stage, scan: &mut Scan, log: &Log) {
        copy_all(&mut self.maps, &old.maps, scan, log);
    }
}

impl Stage {
    /// The maps of the object and of the program's frame.
    pub fn maps(&self) -> &[LoadedMap] {
        &self.maps
    }

    /// Number of decisions about the map of this name.
    pub fn decisions(&self, map: &str) -> usize {
        self.map(map).map_or(0, LoadedMap::decisions)
    }

    /// The maps of the object and of the program's frame.
    pub fn maps_mut(&mut self) -> &mut [LoadedMap] {
        &mut self.maps
    }

    /// Takes over the decisions of `successor`, which a rollback removes, after the rollback of its entries. Both stages
    /// share their maps if `is_shared`.
    pub(super) fn take_decisions(&mut self, successor: &Self, is_shared: bool, log: &Log) {
        let mut scan = Box::<Scan>::default();
        for old in &mut self.maps {
            let Some(new) = successor.map(&old.name) else {
                continue;
            };
            let LoadedMap {
                name,
                map,
                decisions,
                ..
            } = &mut *old;
            decisions.retain(&mut |key, _| {
                let is_kept = new.decisions.contains(key) || new.entries.has_key(key);
                // A client deleted the decision meanwhile, or its time was up.
                if !is_kept
                    && !is_shared
                    && let Err(errno) = map.delete(key)
                {
                    let (name, why) = (Plain(name), errno.desc());
                    log.error(format_args!("cannot delete a decision of {name}: {why}"));
                }
                is_kept
            });
            if is_shared {
                for (key, until) in new.decisions.iter() {
                    // Refused only where the Corefile gives the key again.
                    let _ = old.adopt_decision(key, until);
                }
            } else {
                report_lost(old.copy_decisions(new, &mut scan), &new.name, log);
            }
        }
    }
}

/// Copies the decisions of the maps `from` to the maps of the same name.
fn copy_all(to: &mut [LoadedMap], from: &[LoadedMap], scan: &mut Scan, log: &Log) {
    for from in from.iter().filter(|from| !from.decisions.is_empty()) {
        let lost = match to.iter_mut().find(|to| to.name == from.name) {
            Some(to) => to.copy_decisions(from, scan),
            None => from.decisions.len(),
        };
        report_lost(lost, &from.name, log);
    }
}

fn report_lost(lost: usize, name: &str, log: &Log) {
    if lost > 0 {
        let name = Plain(name);
        log.warn(format_args!(
            "{lost} decisions of {name} do not fit into its new map; add them again"
        ));
    }
}

impl Filter {
    /// A time at or before the first end of a decision; `None` if no decision ends.
    pub fn next_end(&self) -> Option<u64> {
        let maps = self.stages().flat_map(|stage| &stage.maps);
        maps.filter_map(|map| map.decisions.next_end()).min()
    }

    /// Deletes the decisions that end at `now` or before. Errors are only logged.
    pub fn sweep(&mut self, now: u64, log: &Log) {
        let interface = self.interface.clone();
        for map in self.stages_mut().flat_map(|stage| &mut stage.maps) {
            if map.decisions.next_end().is_some_and(|end| end <= now)
                && let Err(errno) = map.sweep(now)
            {
                let (name, why) = (Plain(&map.name), errno.desc());
                log.error(format_args!(
                    "{interface}: cannot delete a decision of {name}: {why}"
                ));
            }
        }
    }
}
