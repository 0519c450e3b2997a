//! Decisions: entries that `corexdp add` gives a map at run time, beside those of the Corefile.
//!
//! A map has the value of each decision, and a [`DecisionList`] its key and its end. The daemon deletes a decision when its
//! time is up. A decision never replaces an entry of the Corefile.

use nix::errno::Errno;

use super::Filter;
use super::decision_list::DecisionList;
use super::entries::copy_to_all_cpus;
use super::loaded::LoadedMap;
use super::refused::Refused;
use super::running_table::RunningTable;
use super::stage::Stage;
use super::table_decisions::DecisionValue;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Plain;
use crate::base::ktime;
use crate::encode::clear_host_bits;
use crate::kernel::describe;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::object::frame::is_frame_map;

/// Nanoseconds between two sweeps of a table.
const MINUTE: u64 = 60_000_000_000;

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

    /// True if `name` is that of this map, or of a part of this table.
    pub fn has_part(&self, name: &str) -> bool {
        let suffix = name.strip_prefix(&self.name);
        suffix.is_some_and(|suffix| match &self.table {
            Some(table) => table.part(suffix).is_ok(),
            None => suffix.is_empty(),
        })
    }

    /// The table whose lines this map has.
    pub fn table(&self) -> Option<&RunningTable> {
        self.table.as_deref()
    }

    /// Number of decisions.
    pub fn decisions(&self) -> usize {
        self.each_decision().count()
    }

    /// Each decision: key, and end in nanoseconds of [`ktime`]. Programs ignore a decision in a table when its time is up,
    /// even before it is deleted.
    pub fn each_decision(&self) -> impl Iterator<Item = (&[u8], Option<u64>)> {
        let now = ktime::now();
        let decisions = self.decisions.iter();
        decisions.filter(move |(_, end)| end.is_none_or(|end| end > now))
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
        if is_new && self.is_given(key) {
            return Err(Refused::Given);
        }
        self.decisions.make_room(key, self.shape().max_entries)?;
        match &self.table {
            Some(table) => {
                let mut padded = [0; MAX_VALUE];
                let value = pad(value, table.shape().value_size, &mut padded)?;
                table.set_decision(key, value, until, scan)?;
            }
            None => self.write(key, value, scan)?,
        }
        self.decisions.add(key, until);
        Ok(())
    }

    /// Ends a series of decisions: a table is no longer mapped.
    pub fn end_decisions(&self) {
        if let Some(table) = &self.table {
            table.unmap();
        }
    }

    /// Deletes the decision about this key. A short key is padded with zeros.
    ///
    /// # Errors
    /// The map is then unchanged.
    pub fn undecide(&mut self, key: &[u8]) -> Result<(), Refused> {
        let mut padded = [0; MAX_KEY];
        let key = self.padded(key, &mut padded)?;
        if !self.decisions.contains(key) {
            return Err(if self.is_given(key) {
                Refused::Given
            } else {
                Refused::Unknown
            });
        }
        self.delete(key)?;
        self.decisions.remove(key);
        Ok(())
    }

    /// Takes over the decisions that an earlier daemon left in the parts of a table. Errors are only logged.
    pub(super) fn adopt_decisions(&mut self, log: &Log) {
        let Some(table) = &self.table else { return };
        let (room, list) = (table.shape().max_entries, &mut self.decisions);
        let mut scan = Box::<Scan>::default();
        let read = table.each_decision(&mut scan, &mut |key, _, until| {
            // The part has no more decisions than the list has room for.
            if list.make_room(key, room).is_ok() {
                list.add(key, until);
            }
        });
        if let Err(errno) = read.and_then(|()| table.count_decisions(&mut scan)) {
            let (name, why) = (Plain(&self.name), describe(errno));
            log.error(format_args!("cannot read the decisions of {name}: {why}"));
        }
    }

    /// Makes a decision of an entry that an earlier daemon left in the map, which ends at `until`.
    ///
    /// # Errors
    /// As [`LoadedMap::decide`].
    pub(super) fn adopt_decision(&mut self, key: &[u8], until: Option<u64>) -> Result<(), Refused> {
        if self.is_given(key) {
            return Err(Refused::Given);
        }
        let room = self.shape().max_entries;
        self.decisions.make_room(key, room)?;
        self.decisions.add(key, until);
        Ok(())
    }

    /// The decisions of `before`, whose maps these are, without those whose keys the Corefile gives now.
    pub(super) fn keep_decisions(&mut self, before: &DecisionList) {
        let mut kept = before.clone();
        kept.retain(&mut |key, _| !self.is_given(key));
        self.decisions = kept;
    }

    /// Copies the decisions of `from` to this map, which has no decisions about these keys. Returns the number of
    /// decisions that could not be copied.
    pub(super) fn copy_decisions(&mut self, from: &Self, scan: &mut Scan) -> usize {
        let sizes = |shape: &Shape| (shape.kind, shape.key_size, shape.value_size);
        if sizes(self.shape()) != sizes(from.shape()) {
            return from.decisions.len();
        }
        let mut lost = 0;
        for (key, until) in from.each_decision() {
            let copied = match from.value(key, scan) {
                // Deleted or evicted meanwhile.
                Ok(None) => continue,
                Ok(Some(value)) => self.decide(key, &value, until, scan),
                Err(errno) => Err(errno.into()),
            };
            lost += usize::from(copied.is_err_and(|refused| refused != Refused::Given));
        }
        from.end_decisions();
        self.end_decisions();
        lost
    }

    /// The value of the decision about `key`, for one CPU; `None` without one.
    fn value(&self, key: &[u8], scan: &mut Scan) -> Result<Option<DecisionValue>, Errno> {
        let Some(table) = &self.table else {
            let bytes = scan.value(&self.map, key)?;
            let value = bytes.and_then(|bytes| bytes.get(..self.shape().value_size));
            return Ok(value.and_then(|value| DecisionValue::from_slice(value).ok()));
        };
        table.decision(key, scan)
    }

    pub(super) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        match &self.table {
            Some(table) => table.delete_decision(key),
            None => self.map.delete(key),
        }
    }

    /// Type and sizes of the entries.
    fn shape(&self) -> &Shape {
        let table = self.table.as_deref();
        table.map_or(self.map.shape(), RunningTable::shape)
    }

    /// Time of the next sweep: when a decision ends. Programs ignore the ended decisions of a table, so these are deleted
    /// once a minute.
    fn next_sweep(&self) -> Option<u64> {
        let end = self.decisions.next_end()?;
        Some(match &self.table {
            Some(_) => end.max(self.swept.saturating_add(MINUTE)),
            None => end,
        })
    }

    /// Deletes the decisions that end at `now` or before.
    fn sweep(&mut self, now: u64) -> Result<(), Errno> {
        let (mut decisions, mut swept) = (std::mem::take(&mut self.decisions), Ok(()));
        decisions.remove_ended(now, &mut |key| {
            swept = swept.and(self.delete(key));
        });
        (self.decisions, self.swept) = (decisions, now);
        self.end_decisions();
        swept
    }

    /// True if the Corefile gives the map an entry of this key.
    pub(super) fn is_given(&self, key: &[u8]) -> bool {
        self.table.is_none() && self.entries.has_key(key)
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
        let shape = self.shape();
        if shape.kind.is_array() || self.is_part || !self.is_shown() {
            return Err(Refused::Kind);
        }
        let out = out.get_mut(..shape.key_size).ok_or(Errno::E2BIG)?;
        pad(key, shape.key_size, out)?;
        clear_host_bits(shape.kind, out);
        Ok(out)
    }
}

/// Copies `bytes` to the start of `out`, and returns the first `size` bytes of `out`.
fn pad<'a>(bytes: &[u8], size: usize, out: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    let start = out.get_mut(..bytes.len()).ok_or(Errno::EINVAL)?;
    start.copy_from_slice(bytes);
    out.get(..size).ok_or(Errno::EINVAL)
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
}

impl Filter {
    /// Time of the next sweep; `None` if no decision ends.
    pub fn next_sweep(&self) -> Option<u64> {
        let maps = self.stages().flat_map(|stage| &stage.maps);
        maps.filter_map(LoadedMap::next_sweep).min()
    }

    /// Deletes the decisions that end at `now` or before. Errors are only logged.
    pub fn sweep(&mut self, now: u64, log: &Log) {
        let interface = self.interface.clone();
        for map in self.stages_mut().flat_map(|stage| &mut stage.maps) {
            if map.next_sweep().is_some_and(|due| due <= now)
                && let Err(errno) = map.sweep(now)
            {
                let (name, why) = (Plain(&map.name), describe(errno));
                log.error(format_args!(
                    "{interface}: cannot delete a decision of {name}: {why}"
                ));
            }
        }
    }
}
