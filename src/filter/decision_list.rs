//! The decisions about one map: which keys they have, and when they end. The map itself has their values.

use nix::errno::Errno;

use crate::base::capacity::MAX_DECISIONS;

/// Decisions about one map. Memory is allocated at the first decision, for as many as the map may get.
#[derive(Clone, Debug, Default)]
pub(super) struct DecisionList {
    /// Keys by slot, concatenated.
    keys: Vec<u8>,
    key_size: usize,
    /// The decisions, sorted by key.
    list: Vec<Decision>,
    /// Slots without a decision.
    free: Vec<u32>,
    /// A time at or before the first end of a decision; `None` if no decision ends.
    next: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Decision {
    slot: u32,
    /// End in nanoseconds of [`ktime`](crate::base::ktime); `None` for no end.
    until: Option<u64>,
}

impl DecisionList {
    /// Number of decisions.
    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A time at or before the first end of a decision; `None` if no decision ends.
    pub(super) const fn next_end(&self) -> Option<u64> {
        self.next
    }

    /// Each decision: key and end.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<u64>)> {
        self.list.iter().map(|one| (self.key(one.slot), one.until))
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_ok()
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
        if self.list.len() >= MAX_DECISIONS {
            return Err(Errno::EDQUOT);
        }
        if self.list.len() >= capacity {
            return Err(Errno::E2BIG);
        }
        self.key_size = key.len();
        // A copy of a list has no spare memory.
        let missing = |capacity: usize, length| capacity.saturating_sub(length);
        let bytes = missing(capacity.saturating_mul(key.len()), self.keys.len());
        let keys = self.keys.try_reserve_exact(bytes);
        let list = missing(capacity, self.list.len());
        let list = self.list.try_reserve_exact(list);
        let free = missing(capacity, self.free.len());
        let free = self.free.try_reserve_exact(free);
        keys.and(list).and(free).map_err(|_| Errno::ENOMEM)
    }

    /// Adds a decision that ends at `until`, or changes the end of the decision about this key. The list has
    /// [room](Self::make_room).
    pub(super) fn add(&mut self, key: &[u8], until: Option<u64>) {
        match self.find(key) {
            Ok(at) => {
                if let Some(one) = self.list.get_mut(at) {
                    one.until = until;
                }
            }
            Err(at) => {
                let slot = self.new_slot(key);
                self.list.insert(at, Decision { slot, until });
            }
        }
        self.next = self.next.into_iter().chain(until).min();
    }

    /// Removes the decision about this key. Returns false if there is none.
    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let Ok(at) = self.find(key) else {
            return false;
        };
        let removed = self.list.remove(at);
        self.free.push(removed.slot);
        true
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
        self.next = self.list.iter().filter_map(|one| one.until).min();
    }

    /// Removes each decision for which `keep` returns false.
    pub(super) fn retain(&mut self, keep: &mut dyn FnMut(&[u8], Option<u64>) -> bool) {
        let (keys, size, free) = (&self.keys, self.key_size, &mut self.free);
        self.list.retain(|one| {
            let is_kept = keep(key_in(keys, size, one.slot), one.until);
            if !is_kept {
                free.push(one.slot);
            }
            is_kept
        });
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.list
            .binary_search_by(|one| self.key(one.slot).cmp(key))
    }

    fn key(&self, slot: u32) -> &[u8] {
        key_in(&self.keys, self.key_size, slot)
    }

    /// A slot with this key.
    fn new_slot(&mut self, key: &[u8]) -> u32 {
        let slot = self.free.pop();
        let start = slot.map(|slot| (slot as usize).saturating_mul(self.key_size));
        let bytes = start.and_then(|start| self.keys.get_mut(start..start + key.len()));
        if let Some((slot, bytes)) = slot.zip(bytes) {
            bytes.copy_from_slice(key);
            return slot;
        }
        let used = self.keys.len() / self.key_size.max(1);
        self.keys.extend_from_slice(key);
        u32::try_from(used).unwrap_or(u32::MAX)
    }
}

fn key_in(keys: &[u8], size: usize, slot: u32) -> &[u8] {
    let start = (slot as usize).saturating_mul(size);
    keys.get(start..start.saturating_add(size))
        .unwrap_or_default()
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
        list.iter().map(|(key, until)| (key[0], until)).collect()
    }

    #[test]
    fn decisions_are_added_changed_and_removed() {
        let mut list = DecisionList::default();
        for key in [5, 1, 9, 3] {
            add(&mut list, &[key], None).unwrap();
        }
        add(&mut list, &[3], Some(7)).unwrap();
        assert!(list.remove(&[5]) && !list.remove(&[5]));
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
        let capacities = |list: &DecisionList| {
            [
                list.keys.capacity(),
                list.list.capacity(),
                list.free.capacity(),
            ]
        };
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
}
