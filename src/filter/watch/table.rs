//! A hash table from key hashes to value hashes. The table keeps the values that the last two rounds recorded.
//!
//! The size of the table follows the entries that the map has, not its capacity: an empty trie with a capacity of four
//! billion entries costs nothing. [`Table::reserve`] makes room for the larger of twice the present values and [`SPARE`]
//! more, so that most tables never grow. Growing allocates.

use std::mem;

use nix::errno::Errno;

/// Additional values for which [`Table::reserve`] makes room, at 96 to 192 bytes each.
const SPARE: usize = 1 << 14;
/// Slots of an empty table.
const SMALLEST: usize = 16;

/// Result of comparing a value with its previous hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Same,
    Changed,
    /// The value is new, and memory for it is short.
    NoRoom,
}

/// A table from key hashes to value hashes.
#[derive(Debug)]
pub(super) struct Table {
    /// Open addressing with linear probing. The length is a power of two; at most half of the slots are in use.
    slots: Box<[Slot]>,
    /// Slots into which `rehash` moves the live ones, allocated beforehand.
    spare: Box<[Slot]>,
    /// Number of the current round, from 1.
    round: u32,
    /// Number of slots in use.
    used: usize,
    /// Maximum number of slots that the map can need.
    most: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    value: u64,
    /// The last round that recorded the value; 0 for an unused slot.
    round: u32,
}

impl Table {
    /// An empty table for a map of at most `most_values` values.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn new(most_values: usize) -> Result<Self, Errno> {
        // Saturation is harmless: no allocation succeeds for half the address space.
        let most = most_values.saturating_mul(2).max(SMALLEST);
        let most = most
            .checked_next_power_of_two()
            .unwrap_or(usize::MAX / 2 + 1);
        Ok(Self {
            slots: empty(SMALLEST)?,
            spare: empty(SMALLEST)?,
            round: 0,
            used: 0,
            most,
        })
    }

    /// Begins a round, in which every value of the map is recorded.
    pub(super) fn next_round(&mut self) {
        self.round = self.round.wrapping_add(1).max(1);
    }

    /// Allocates room for values to be recorded later.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn reserve(&mut self) -> Result<(), Errno> {
        let values = self
            .used
            .saturating_add(SPARE)
            .max(self.used.saturating_mul(2));
        let slots = values.saturating_mul(2).checked_next_power_of_two();
        self.rehash(slots.ok_or(Errno::ENOMEM)?.min(self.most))
    }

    /// Records a value and compares it with its previous hash.
    pub(super) fn record(&mut self, key: u64, value: u64) -> Comparison {
        let new = Slot {
            key,
            value,
            round: self.round,
        };
        let Some(slot) = find(&mut self.slots, key) else {
            return Comparison::NoRoom;
        };
        if slot.round != 0 {
            let same = slot.value == value;
            *slot = new;
            return if same {
                Comparison::Same
            } else {
                Comparison::Changed
            };
        }
        if self.used >= self.slots.len() / 2 && self.make_room().is_err() {
            return Comparison::NoRoom;
        }
        let Some(slot) = find(&mut self.slots, key) else {
            return Comparison::NoRoom;
        };
        *slot = new;
        self.used += 1;
        Comparison::Changed
    }

    /// Frees the slots of deleted entries, and doubles the table if that does not free enough.
    fn make_room(&mut self) -> Result<(), Errno> {
        let live = self
            .slots
            .iter()
            .filter(|slot| slot.is_live(self.round))
            .count();
        let slots = self.slots.len();
        // A quarter of the slots, freed, prevents that the next values need another rehash.
        if live <= slots / 4 {
            return self.rehash(slots);
        }
        let more = slots.saturating_mul(2).min(self.most.max(slots));
        match self.rehash(more) {
            // Memory for more slots is short, but the slots of deleted entries suffice.
            Err(_) if live < slots / 2 => self.rehash(slots),
            Ok(()) if self.used >= more / 2 && more == slots => Err(Errno::ENOMEM),
            result => result,
        }
    }

    /// Moves the live slots into a table of `slots` slots.
    fn rehash(&mut self, slots: usize) -> Result<(), Errno> {
        if self.spare.len() == slots {
            self.spare.fill(Slot::default());
        } else {
            self.spare = Box::default();
            self.spare = empty(slots)?;
        }
        let mut used = 0;
        let round = self.round;
        for slot in self.slots.iter().filter(|slot| slot.is_live(round)) {
            if let Some(free) = find(&mut self.spare, slot.key) {
                *free = *slot;
                used += 1;
            }
        }
        mem::swap(&mut self.slots, &mut self.spare);
        self.used = used;
        if self.spare.len() != slots {
            self.spare = Box::default();
            // If memory is short now, the next call retries.
            self.spare = empty(slots).unwrap_or_default();
        }
        Ok(())
    }
}

impl Slot {
    /// True if `round` or the round before recorded the slot.
    fn is_live(&self, round: u32) -> bool {
        self.round != 0 && round.wrapping_sub(self.round) <= 1
    }
}

/// The slot of `key`, or the unused slot for it; `None` when the table is full.
fn find(slots: &mut [Slot], key: u64) -> Option<&mut Slot> {
    let mask = slots.len().checked_sub(1)?;
    let first = usize::try_from(key & u64::from(u32::MAX)).ok()?;
    let at = (0..slots.len())
        .map(|step| first.wrapping_add(step) & mask)
        .find(|&at| {
            slots
                .get(at)
                .is_some_and(|slot| slot.round == 0 || slot.key == key)
        })?;
    slots.get_mut(at)
}

/// Allocates `slots` unused slots.
fn empty(slots: usize) -> Result<Box<[Slot]>, Errno> {
    let mut empty = Vec::new();
    empty.try_reserve_exact(slots).map_err(|_| Errno::ENOMEM)?;
    empty.resize(slots, Slot::default());
    Ok(empty.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records the keys in a new round. Returns the numbers of unchanged and of changed values.
    fn record_all(table: &mut Table, keys: impl Iterator<Item = u64>) -> (u64, u64) {
        table.next_round();
        let mut seen = (0, 0);
        for key in keys {
            match table.record(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), key) {
                Comparison::Same => seen.0 += 1,
                Comparison::Changed => seen.1 += 1,
                Comparison::NoRoom => panic!("no room for {key}"),
            }
        }
        seen
    }

    #[test]
    fn new_and_different_values_are_changes() {
        let mut table = Table::new(4).unwrap();
        table.next_round();
        for (key, value, expected) in [
            (1, 1, Comparison::Changed),
            (1, 1, Comparison::Same),
            (2, 1, Comparison::Changed),
            (1, 2, Comparison::Changed),
            (3, 2, Comparison::Changed),
            (3, 2, Comparison::Same),
        ] {
            assert_eq!(table.record(key, value), expected);
        }
    }

    #[test]
    fn deleted_keys_free_their_slots() {
        let mut table = Table::new(4).unwrap();
        for key in 0..1000 {
            assert_eq!(record_all(&mut table, key..=key), (0, 1));
        }
        assert_eq!(table.slots.len(), SMALLEST);
    }

    #[test]
    fn table_size_follows_the_present_entries() {
        for (entries, slots) in [(0, 1 << 15), (100_000, 1 << 19)] {
            let mut table = Table::new(usize::MAX).unwrap();
            assert_eq!(record_all(&mut table, 0..entries), (0, entries));
            table.reserve().unwrap();
            assert_eq!((table.slots.len(), table.spare.len()), (slots, slots));
            assert_eq!(record_all(&mut table, 0..entries), (entries, 0));
        }
    }

    #[test]
    fn reserve_is_bounded_by_the_capacity_of_the_map() {
        let mut table = Table::new(1000).unwrap();
        table.reserve().unwrap();
        assert_eq!(table.slots.len(), 2048);
    }

    #[test]
    fn table_grows_with_the_map() {
        let mut table = Table::new(usize::MAX).unwrap();
        table.reserve().unwrap();
        assert_eq!(record_all(&mut table, 0..20), (0, 20));
        assert_eq!(record_all(&mut table, 0..50_000), (20, 49_980));
        assert_eq!(record_all(&mut table, 0..50_000), (50_000, 0));
    }
}
