//! All entries of a map through two buffers of fixed size.

use nix::errno::Errno;

use super::map::{Map, Shape};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};

/// Bytes of keys read or written in one call.
const KEYS: usize = 16 * 1024;
/// Bytes of values read or written in one call; a per-CPU value of the greatest size on 128 CPUs fits.
const VALUES: usize = MAX_VALUE.next_multiple_of(8) * 128;

/// How many entries of a map are taken at a time. More is not quicker, and takes memory.
const STEP: usize = 1024;
/// Entries that a map may hold for a moment beyond what it says, as LRU maps do.
const SPARE: usize = 16;

/// Room for the entries of one call.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Keys, one after the other.
    pub keys: heapless::Vec<u8, KEYS>,
    /// Values, one after the other.
    pub values: heapless::Vec<u8, VALUES>,
}

impl Buffers {
    /// Makes them long enough for one [step](STEP) through the map, or as long as they can be.
    pub fn make_room(&mut self, shape: &Shape) {
        let whole = (shape.max_entries as usize).saturating_add(SPARE);
        self.make_room_for(whole.min(STEP), shape);
    }

    /// What no map needs is never touched, so that it is no memory yet.
    fn make_room_for(&mut self, entries: usize, shape: &Shape) {
        let room = |size: usize, most: usize| size.saturating_mul(entries).min(most);
        let keys = room(shape.key_size, KEYS).max(self.keys.len());
        let values = room(shape.copy_size(), VALUES).max(self.values.len());
        // Neither is longer than its capacity, so neither fails.
        let _ = self.keys.resize(keys, 0);
        let _ = self.values.resize(values, 0);
    }
}

/// Buffers for reading maps, made once.
#[derive(Debug, Default)]
pub struct Scan {
    buffers: Buffers,
}

/// The values of an array, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    copied: &'a [u8],
    size: usize,
}

impl<'a> Values<'a> {
    /// The value under a key, as the kernel copies it; empty when it is past the end.
    pub fn get(&self, key: &[u8]) -> &'a [u8] {
        let index = key
            .first_chunk()
            .map(|key| u32::from_ne_bytes(*key) as usize);
        let value = index.and_then(|index| self.copied.chunks_exact(self.size.max(1)).nth(index));
        value.unwrap_or_default()
    }
}

impl Scan {
    /// The value under `key`, as the kernel copies it; `None` when there is none.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn value(&mut self, map: &Map, key: &[u8]) -> Result<Option<&[u8]>, Errno> {
        let size = map.shape().copy_size();
        self.buffers.make_room_for(1, map.shape());
        let value = self.buffers.values.get_mut(..size).ok_or(Errno::E2BIG)?;
        Ok(if map.lookup(key, value)? {
            Some(value)
        } else {
            None
        })
    }

    /// All values of an array, read at once; `None` when it is no array, is too large for that, or the kernel has no
    /// batches for it (5.6, for per-CPU arrays 5.13).
    pub fn array(&mut self, map: &Map) -> Option<Values<'_>> {
        let size = map.shape().copy_size();
        let entries = map.shape().max_entries as usize;
        let fits = size.checked_mul(entries)? <= VALUES && entries.checked_mul(4)? <= KEYS;
        if !map.shape().kind.is_array() || !fits {
            return None;
        }
        self.buffers.make_room_for(entries, map.shape());
        let Buffers { keys, values } = &mut self.buffers;
        let mut token = [0; MAX_KEY];
        let (count, _) = map.lookup_batch(false, &mut token, keys, values).ok()?;
        let copied = values.get(..count * size)?;
        (count == entries).then_some(Values { copied, size })
    }

    /// Gives each entry's key and value to `see`; how many there were. What the program changes meanwhile may be seen
    /// or not.
    ///
    /// # Errors
    /// What the kernel says; then not all have been seen.
    pub fn each(&mut self, map: &Map, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        match self.by_batch(map, see) {
            // No batches for this kind of map in this kernel (they came from 5.6 on, one kind after the other).
            Err((0, _)) => self.by_key(map, see),
            Err((_, errno)) => Err(errno),
            Ok(seen) => Ok(seen),
        }
    }

    fn by_batch(
        &mut self,
        map: &Map,
        see: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<u64, (u64, Errno)> {
        let (key_size, copy_size) = (map.shape().key_size, map.shape().copy_size());
        let mut token = [0; MAX_KEY];
        let mut seen = 0;
        if key_size == 0 || copy_size == 0 {
            return Err((0, Errno::EINVAL));
        }
        self.buffers.make_room(map.shape());
        let Buffers { keys, values } = &mut self.buffers;
        for round in 0..most_steps(map) {
            let (count, last) = map
                .lookup_batch(round > 0, &mut token, keys, values)
                .map_err(|errno| (seen, errno))?;
            let entries = keys
                .chunks_exact(key_size)
                .zip(values.chunks_exact(copy_size));
            for (key, value) in entries.take(count) {
                see(key, value);
                seen += 1;
            }
            if last {
                break;
            }
        }
        Ok(seen)
    }

    fn by_key(&mut self, map: &Map, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        let size = map.shape().key_size;
        let (mut key, mut next) = ([0; MAX_KEY], [0; MAX_KEY]);
        let mut seen = 0;
        for step in 0..most_steps(map) {
            let from = if step == 0 { None } else { key.get(..size) };
            let to = next.get_mut(..size).ok_or(Errno::E2BIG)?;
            if !map.next_key(from, to)? {
                break;
            }
            key = next;
            let key = key.get(..size).unwrap_or_default();
            // An entry that was deleted in between is no entry.
            if let Some(value) = self.value(map, key)? {
                see(key, value);
                seen += 1;
            }
        }
        Ok(seen)
    }
}

/// A hash map that changes while it is walked can begin anew; this bounds how often.
fn most_steps(map: &Map) -> u64 {
    u64::from(map.shape().max_entries) * 2 + 16
}
