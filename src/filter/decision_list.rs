//! The decisions about one map: which keys they have, and when they end. The map itself has their values.

use std::hash::{BuildHasher as _, RandomState};

use nix::errno::Errno;

use crate::base::capacity::MAX_DECISIONS;

/// Decisions about one map, in any order. Memory is allocated at the first decision, for as many as the map may get.
#[derive(Clone, Debug, Default)]
pub(super) struct DecisionList {
    /// For each decision its end in nanoseconds of [`ktime`](crate::base::ktime), 0 for no end, and its key.
    rows: Vec<u8>,
    key_size: usize,
    /// Hash table with linear probing, at most half full: the number of a row, from 1, or 0. The size is a power of two.
    slots: Vec<u32>,
    /// Has a random key, since attackers choose their addresses.
    hasher: RandomState,
    /// A time at or before the first end of a decision; `None` if no decision ends.
    next: Option<u64>,
}

impl DecisionList {
    /// Number of decisions.
    pub(super) const fn len(&self) -> usize {
        self.rows.len() / self.row_size()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A time at or before the first end of a decision; `None` if no decision ends.
    pub(super) const fn next_end(&self) -> Option<u64> {
        self.next
    }

    /// Each decision: key and end.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<u64>)> {
        (1..=self.last()).map(|number| self.row(number))
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.find(key).1 > 0
    }

    /// Makes room for a decision about this key. `room` is the number of entries that the map has room for.
    ///
    /// # Errors
    /// `EDQUOT` for more than [`MAX_DECISIONS`] decisions, `E2BIG` for more than the map has room for, `ENOMEM`.
    pub(super) fn make_room(&mut self, key: &[u8], room: u32) -> Result<(), Errno> {
        let capacity = MAX_DECISIONS.min(room as usize);
        if self.contains(key) {
            return Ok(());
        }
        if self.len() >= MAX_DECISIONS {
            return Err(Errno::EDQUOT);
        }
        if self.len() >= capacity {
            return Err(Errno::E2BIG);
        }
        self.key_size = key.len();
        // A copy of a list has no spare memory.
        let missing = |size: usize, length| size.saturating_sub(length);
        let bytes = missing(capacity * self.row_size(), self.rows.len());
        let rows = self.rows.try_reserve_exact(bytes);
        let size = (capacity * 2).next_power_of_two();
        let slots = missing(size, self.slots.len());
        let slots = self.slots.try_reserve_exact(slots);
        rows.and(slots).map_err(|_| Errno::ENOMEM)?;
        self.slots.resize(size, 0);
        Ok(())
    }

    /// Adds a decision that ends at `until`, or changes the end of the decision about this key. The list has
    /// [room](Self::make_room).
    pub(super) fn add(&mut self, key: &[u8], until: Option<u64>) {
        let (slot, number) = self.find(key);
        let end = until.unwrap_or(0).to_ne_bytes();
        if number == 0 {
            self.rows.extend_from_slice(&end);
            self.rows.extend_from_slice(key);
            self.set_slot(slot, self.last());
        } else {
            let start = self.start(number);
            let place = self.rows.get_mut(start..);
            if let Some(place) = place.and_then(<[u8]>::first_chunk_mut) {
                *place = end;
            }
        }
        self.next = self.next.into_iter().chain(until).min();
    }

    /// Removes the decision about this key.
    pub(super) fn remove(&mut self, key: &[u8]) {
        let (slot, number) = self.find(key);
        if number > 0 {
            self.remove_from(slot, number);
        }
    }

    /// Removes the decision of this slot. The last decision takes its place.
    fn remove_from(&mut self, mut slot: usize, number: u32) {
        self.set_slot(slot, 0);
        // Numbers behind the free slot move to the first free slot for their keys.
        loop {
            slot = self.after(slot);
            let moved = self.number(slot);
            if moved == 0 {
                break;
            }
            self.set_slot(slot, 0);
            self.set_slot(self.find(self.row(moved).0).0, moved);
        }
        let last = self.last();
        let (from, to) = (self.start(last), self.start(number));
        if last != number {
            self.set_slot(self.find(self.row(last).0).0, number);
            self.rows.copy_within(from.., to);
        }
        self.rows.truncate(from);
    }

    /// Removes each decision that ends at `now` or before, and calls `end` with its key.
    pub(super) fn remove_ended(&mut self, now: u64, end: &mut dyn FnMut(&[u8])) {
        self.retain(&mut |key, until| {
            let has_ended = until.is_some_and(|until| until <= now);
            if has_ended {
                end(key);
            }
            !has_ended
        });
        self.next = self.iter().filter_map(|(_, until)| until).min();
    }

    /// Removes each decision for which `keep` returns false.
    pub(super) fn retain(&mut self, keep: &mut dyn FnMut(&[u8], Option<u64>) -> bool) {
        // From the end, so that the decision that takes a place has been kept.
        for number in (1..=self.last()).rev() {
            let (key, until) = self.row(number);
            if !keep(key, until) {
                self.remove_from(self.find(key).0, number);
            }
        }
    }

    /// Slot and number of the decision about this key. Without one, the free slot for it, and 0.
    fn find(&self, key: &[u8]) -> (usize, u32) {
        let mut slot = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0);
        loop {
            slot = self.after(slot);
            let number = self.number(slot);
            if number == 0 || self.row(number).0 == key {
                return (slot, number);
            }
        }
    }

    /// The slot after this one.
    const fn after(&self, slot: usize) -> usize {
        slot.wrapping_add(1) & self.slots.len().wrapping_sub(1)
    }

    /// Number in a slot; 0 for a free slot.
    fn number(&self, slot: usize) -> u32 {
        self.slots.get(slot).map_or(0, |number| *number)
    }

    fn set_slot(&mut self, slot: usize, number: u32) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = number;
        }
    }

    /// Number of the last row.
    fn last(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(0)
    }

    const fn row_size(&self) -> usize {
        size_of::<u64>() + self.key_size
    }

    /// Offset of a row.
    const fn start(&self, number: u32) -> usize {
        (number as usize).saturating_sub(1) * self.row_size()
    }

    /// Key and end of a row.
    fn row(&self, number: u32) -> (&[u8], Option<u64>) {
        let row = self.rows.get(self.start(number)..).unwrap_or_default();
        let row = row
            .get(..self.row_size())
            .and_then(<[u8]>::split_first_chunk);
        row.map_or((&[], None), |(end, key)| {
            (key, Some(u64::from_ne_bytes(*end)).filter(|end| *end > 0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u32 = 8;

    fn add(list: &mut DecisionList, key: &[u8], until: Option<u64>) -> Result<(), Errno> {
        list.make_room(key, ROOM)?;
        list.add(key, until);
        Ok(())
    }

    fn keys(list: &DecisionList) -> Vec<(u8, Option<u64>)> {
        let mut keys: Vec<_> = list.iter().map(|(key, end)| (key[0], end)).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn decisions_are_added_changed_and_removed() {
        let mut list = DecisionList::default();
        for key in [5, 1, 9, 3] {
            add(&mut list, &[key], None).unwrap();
        }
        add(&mut list, &[3], Some(7)).unwrap();
        list.remove(&[5]);
        list.remove(&[5]);
        add(&mut list, &[4], Some(9)).unwrap();
        let expected = [(1, None), (3, Some(7)), (4, Some(9)), (9, None)];
        assert_eq!(keys(&list), expected);
        assert_eq!((list.next_end(), list.len()), (Some(7), 4));
        let mut ended = Vec::new();
        list.remove_ended(7, &mut |key| ended.push(key[0]));
        assert_eq!((ended, list.next_end()), (vec![3], Some(9)));
        list.remove_ended(9, &mut |_| {});
        assert_eq!((keys(&list).len(), list.next_end()), (2, None));
        assert!(list.contains(&[9]) && !list.contains(&[4]));
    }

    #[test]
    fn map_bounds_the_number_and_memory_is_allocated_once() {
        let mut list = DecisionList::default();
        add(&mut list, &[0, 0], None).unwrap();
        let capacities = |list: &DecisionList| [list.rows.capacity(), list.slots.capacity()];
        let before = capacities(&list);
        for round in 0..3 {
            for key in 1..8 {
                add(&mut list, &[key, round], None).unwrap();
            }
            assert_eq!(add(&mut list, &[99, 99], None), Err(Errno::E2BIG));
            assert_eq!(add(&mut list, &[7, round], Some(1)), Ok(()));
            list.retain(&mut |key, _| key[0] == 0);
        }
        assert_eq!(capacities(&list), before);
    }

    /// A list of 65,536 decisions that moved others at each change would take seconds.
    #[test]
    fn change_moves_at_most_one_other_decision() {
        const COUNT: u32 = 1024;
        let key = |n: u32| n.wrapping_mul(0x9e37_79b1).to_be_bytes();
        let all = |list: &DecisionList| list.rows.chunks(12).map(<[u8]>::to_vec).collect();
        let moved = |before: &Vec<Vec<u8>>, after: &Vec<Vec<u8>>| {
            let pairs = before.iter().zip(after);
            pairs.filter(|(one, other)| one != other).count()
        };
        let (mut list, mut before) = (DecisionList::default(), Vec::new());
        let mut steps = 0;
        for n in 0..COUNT {
            list.make_room(&key(n), COUNT).unwrap();
            list.add(&key(n), Some(n.into()));
            let first = list.hasher.hash_one(&key(n)[..]) >> 32;
            let slot = list.find(&key(n)).0 as u64;
            steps += slot.wrapping_sub(first) % list.slots.len() as u64;
            let after = all(&list);
            assert_eq!(moved(&before, &after), 0, "{n}");
            before = after;
        }
        assert!(steps < u64::from(COUNT) * 3, "{steps} steps");
        for n in (0..COUNT).filter(|n| n % 3 > 0) {
            list.remove(&key(n));
            let after = all(&list);
            assert!(moved(&before, &after) <= 1, "{n}");
            before = after;
        }
        for n in 0..COUNT {
            assert_eq!(list.contains(&key(n)), n % 3 == 0, "{n}");
        }
    }
}
