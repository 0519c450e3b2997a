//! `debug`: every change of a map value, as a line of the log.
//!
//! What a value was is kept as a 64-bit hash, in a table as large as the map can get, made once: a map of 100,000
//! entries takes 12 MB (of which half is touched) while `debug` is on, whatever the size of its values; a per-CPU map
//! as often as much as there are CPUs.

use std::hash::{BuildHasher, RandomState};
use std::mem;

use nix::errno::Errno;

use crate::base::hex::Upper;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::log::Log;

/// What is remembered of one map.
#[derive(Debug)]
pub struct Watch {
    hasher: RandomState,
    slots: Box<[Slot]>,
    /// The slots of the table that is made when this one fills up.
    spare: Box<[Slot]>,
    round: u32,
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    value: u64,
    /// The round in which it was last seen; 0 for a slot never used.
    round: u32,
}

/// What a value is now, beside what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Same,
    Changed,
}

impl Watch {
    /// Remembers what the map holds now.
    ///
    /// # Errors
    /// When the map can't be read.
    pub fn begin(map: &Map, scan: &mut Scan) -> Result<Self, Errno> {
        let shape = map.shape();
        // Twice the entries, so that probing stays short; one slot for each CPU's value.
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
        watch.look(map, scan, |_, _, _| {})?;
        Ok(watch)
    }

    /// Logs what has changed since the last time.
    ///
    /// # Errors
    /// When the map can't be read; then some changes are logged the next time.
    pub fn log_changes(
        &mut self,
        name: &str,
        map: &Map,
        scan: &mut Scan,
        log: &Log,
    ) -> Result<(), Errno> {
        let per_cpu = map.shape().kind.is_per_cpu();
        self.look(map, scan, |key, cpu, value| {
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

    fn look(
        &mut self,
        map: &Map,
        scan: &mut Scan,
        mut changed: impl FnMut(&[u8], usize, &[u8]),
    ) -> Result<(), Errno> {
        self.round = self.round.wrapping_add(1).max(1);
        let shape = *map.shape();
        scan.each(map, &mut |key, copied| {
            for (cpu, value) in shape.values(copied).enumerate() {
                if self.note(key, cpu, value) == News::Changed {
                    changed(key, cpu, value);
                }
            }
        })?;
        self.forget_the_deleted();
        Ok(())
    }

    /// Notes a value; was it another, or none?
    fn note(&mut self, key: &[u8], cpu: usize, value: &[u8]) -> News {
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
                return News::Changed;
            }
            if slot.key == key {
                let news = if slot.value == value {
                    News::Same
                } else {
                    News::Changed
                };
                *slot = Slot {
                    key,
                    value,
                    round: self.round,
                };
                return news;
            }
            at = (at + 1) & mask;
        }
        News::Changed
    }

    /// Makes room when entries that came and went fill the table: without this a hash map whose keys change would
    /// leave every key it ever had.
    fn forget_the_deleted(&mut self) {
        // At most half of the slots are alive, and one round adds at most as many: the table never is full.
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

/// Where the search for a key begins.
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
    fn a_value_is_news_when_it_is_new_or_other() {
        let mut watch = empty(8);
        for (key, cpu, value, expected) in [
            (b"a", 0, b"1", News::Changed),
            (b"a", 0, b"1", News::Same),
            (b"a", 1, b"1", News::Changed),
            (b"a", 0, b"2", News::Changed),
            (b"b", 0, b"2", News::Changed),
            (b"b", 0, b"2", News::Same),
        ] {
            assert_eq!(watch.note(key, cpu, value), expected);
        }
    }

    #[test]
    fn keys_that_come_and_go_leave_nothing() {
        let mut watch = empty(8);
        for key in 0..1000u32 {
            watch.round += 1;
            assert_eq!(watch.note(&key.to_ne_bytes(), 0, b"x"), News::Changed);
            watch.forget_the_deleted();
            assert_eq!((watch.slots.len(), watch.used < 8), (8, true));
        }
    }
}
