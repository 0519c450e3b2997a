//! Directive `debug`: logs every change of a map value.
//!
//! A hash table holds a 64-bit hash of each value. The table has the map's full size from the start: 12 MB for 100,000
//! entries (half of it touched), regardless of the size of values. A per-CPU map needs that much for each CPU.

use std::hash::{BuildHasher, RandomState};
use std::mem;

use nix::errno::Errno;

use crate::base::hex::Upper;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// The value hashes of one map.
#[derive(Debug)]
pub struct Watch {
    hasher: RandomState,
    slots: Box<[Slot]>,
    /// The next table, used once this table is half full.
    spare: Box<[Slot]>,
    round: u32,
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    value: u64,
    /// The last round that saw the value; 0 for an unused slot.
    round: u32,
}

/// Result of comparing a value with its previous hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Same,
    Changed,
}

impl Watch {
    /// Records the current values of the map.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn begin(map: &Map, scan: &mut Scan) -> Result<Self, Errno> {
        let shape = map.shape();
        // Twice the entries keep probing short. Each CPU's value has its own slot.
        let slots = (shape.max_entries as usize)
            .saturating_mul(shape.cpus)
            .saturating_mul(2)
            .max(2);
        let slots = vec![Slot::default(); slots.next_power_of_two()].into_boxed_slice();
        let mut watch = Self {
            hasher: RandomState::new(),
            spare: slots.clone(),
            slots,
            round: 0,
            used: 0,
        };
        watch.scan(map, scan, |_, _, _| {})?;
        Ok(watch)
    }

    /// Logs the changes since the last call.
    ///
    /// # Errors
    /// When the map cannot be read; the next call then logs the missed changes.
    pub fn log_changes(
        &mut self,
        name: &str,
        map: &Map,
        scan: &mut Scan,
        log: &Log,
    ) -> Result<(), Errno> {
        let per_cpu = map.shape().kind.is_per_cpu();
        self.scan(map, scan, |key, cpu, value| {
            let (key, value) = (Upper(key), Upper(value));
            if per_cpu {
                log.info(format_args!(
                    "map {name}: key={key} value={value} cpu={cpu}"
                ));
            } else {
                log.info(format_args!("map {name}: key={key} value={value}"));
            }
        })
    }

    fn scan(
        &mut self,
        map: &Map,
        scan: &mut Scan,
        mut changed: impl FnMut(&[u8], usize, &[u8]),
    ) -> Result<(), Errno> {
        self.round = self.round.wrapping_add(1).max(1);
        let shape = *map.shape();
        scan.each(map, &mut |key, copied| {
            for (cpu, value) in shape.values(copied).enumerate() {
                if self.record(key, cpu, value) == Comparison::Changed {
                    changed(key, cpu, value);
                }
            }
        })?;
        self.free_deleted();
        Ok(())
    }

    /// Records a value and compares it with its previous hash.
    fn record(&mut self, key: &[u8], cpu: usize, value: &[u8]) -> Comparison {
        let key = self.hasher.hash_one((key, cpu));
        let value = self.hasher.hash_one(value);
        let mask = self.slots.len().saturating_sub(1);
        let mut at = first_slot(key, mask);
        for _ in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(at) else {
                break;
            };
            if slot.round == 0 {
                self.used += 1;
                *slot = Slot {
                    key,
                    value,
                    round: self.round,
                };
                return Comparison::Changed;
            }
            if slot.key == key {
                let comparison = if slot.value == value {
                    Comparison::Same
                } else {
                    Comparison::Changed
                };
                *slot = Slot {
                    key,
                    value,
                    round: self.round,
                };
                return comparison;
            }
            at = (at + 1) & mask;
        }
        Comparison::Changed
    }

    /// Frees the slots of deleted entries once the table is half full. Otherwise every key that a map ever had would keep
    /// its slot.
    fn free_deleted(&mut self) {
        // At most half of the slots are live, and a round adds at most as many: the table never overflows.
        if self.used <= self.slots.len() / 2 {
            return;
        }
        mem::swap(&mut self.slots, &mut self.spare);
        self.slots.fill(Slot::default());
        self.used = 0;
        let mask = self.slots.len().saturating_sub(1);
        for slot in self.spare.iter().filter(|slot| slot.round == self.round) {
            let mut at = first_slot(slot.key, mask);
            while let Some(free) = self.slots.get_mut(at) {
                if free.round == 0 {
                    *free = *slot;
                    self.used += 1;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }
}

/// The slot where probing for a key starts.
fn first_slot(key: u64, mask: usize) -> usize {
    usize::try_from(key & u64::from(u32::MAX)).unwrap_or_default() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(slots: usize) -> Watch {
        Watch {
            hasher: RandomState::new(),
            slots: vec![Slot::default(); slots].into_boxed_slice(),
            spare: vec![Slot::default(); slots].into_boxed_slice(),
            round: 1,
            used: 0,
        }
    }

    #[test]
    fn new_and_changed_values_are_changes() {
        let mut watch = empty(8);
        for (key, cpu, value, expected) in [
            (b"a", 0, b"1", Comparison::Changed),
            (b"a", 0, b"1", Comparison::Same),
            (b"a", 1, b"1", Comparison::Changed),
            (b"a", 0, b"2", Comparison::Changed),
            (b"b", 0, b"2", Comparison::Changed),
            (b"b", 0, b"2", Comparison::Same),
        ] {
            assert_eq!(watch.record(key, cpu, value), expected);
        }
    }

    #[test]
    fn deleted_keys_free_their_slots() {
        let mut watch = empty(8);
        for key in 0..1000u32 {
            watch.round += 1;
            assert_eq!(
                watch.record(&key.to_ne_bytes(), 0, b"x"),
                Comparison::Changed
            );
            watch.free_deleted();
            assert_eq!((watch.slots.len(), watch.used < 8), (8, true));
        }
    }
}
