//! Reading all entries of a map through two buffers of fixed size.

use nix::errno::Errno;

use super::map::{Map, Shape};
use super::map_entries::Start;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};

/// Bytes of keys in one call.
const KEYS_SIZE: usize = 16 * 1024;
/// Bytes of values in one call: enough for the largest per-CPU value on 128 CPUs.
const VALUES_SIZE: usize = MAX_VALUE.next_multiple_of(8) * 128;

/// Maximum number of entries in one call. A larger number costs memory and saves no time.
const STEP_ENTRIES: usize = 1024;
/// Entries beyond `max_entries` that an LRU map may hold for a moment.
const SPARE_ENTRIES: usize = 16;

/// Buffers for the entries of one call.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Concatenated keys.
    pub keys: heapless::Vec<u8, KEYS_SIZE>,
    /// Concatenated values.
    pub values: heapless::Vec<u8, VALUES_SIZE>,
}

impl Buffers {
    /// Extends the buffers for one call on the map, up to their capacity.
    pub fn make_room(&mut self, shape: &Shape) {
        let whole = (shape.max_entries as usize).saturating_add(SPARE_ENTRIES);
        self.make_room_for(whole.min(STEP_ENTRIES), shape);
    }

    /// Extends the buffers for `entries` entries. Bytes beyond the lengths are never written, so they take no memory.
    fn make_room_for(&mut self, entries: usize, shape: &Shape) {
        let room = |size: usize, most: usize| size.saturating_mul(entries).min(most);
        let keys = room(shape.key_size, KEYS_SIZE).max(self.keys.len());
        let values = room(shape.copy_size(), VALUES_SIZE).max(self.values.len());
        // Neither length exceeds its capacity, so neither call fails.
        let _ = self.keys.resize(keys, 0);
        let _ = self.values.resize(values, 0);
    }
}

/// A reader of maps. Its buffers are allocated once.
#[derive(Debug, Default)]
pub struct Scan {
    buffers: Buffers,
}

/// All values of an array.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    copied: &'a [u8],
    size: usize,
}

impl<'a> Values<'a> {
    /// The value under a key, [`Shape::copy_size`] bytes; empty for a key past the end.
    pub fn get(&self, key: &[u8]) -> &'a [u8] {
        let index = key
            .first_chunk()
            .map(|key| u32::from_ne_bytes(*key) as usize);
        let value = index.and_then(|index| self.copied.chunks_exact(self.size.max(1)).nth(index));
        value.unwrap_or_default()
    }
}

impl Scan {
    /// The value under `key`, [`Shape::copy_size`] bytes; `None` when the map has no such entry.
    ///
    /// # Errors
    /// The errors of [`Map::lookup`]; `E2BIG` for a value larger than the buffer.
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

    /// Room for a value of `size` bytes; `None` if the buffer is smaller.
    pub fn room(&mut self, size: usize) -> Option<&mut [u8]> {
        let values = &mut self.buffers.values;
        if values.len() < size {
            values.resize(size, 0).ok()?;
        }
        values.get_mut(..size)
    }

    /// A buffer of zeros for the value of one entry, [`Shape::copy_size`] bytes.
    ///
    /// # Errors
    /// `E2BIG` for a value larger than the buffer.
    pub fn new_value(&mut self, map: &Map) -> Result<&mut [u8], Errno> {
        let size = map.shape().copy_size();
        self.buffers.make_room_for(1, map.shape());
        let value = self.buffers.values.get_mut(..size).ok_or(Errno::E2BIG)?;
        value.fill(0);
        Ok(value)
    }

    /// All values of an array, read in one call. `None` when the map is not an array or exceeds the buffers, or when the
    /// kernel has no batches for its type (arrays 5.6, per-CPU arrays 5.13).
    pub fn array(&mut self, map: &Map) -> Option<Values<'_>> {
        let size = map.shape().copy_size();
        let entries = map.shape().max_entries as usize;
        let fits =
            size.checked_mul(entries)? <= VALUES_SIZE && entries.checked_mul(4)? <= KEYS_SIZE;
        if !map.shape().kind.is_array() || !fits {
            return None;
        }
        self.buffers.make_room_for(entries, map.shape());
        let Buffers { keys, values } = &mut self.buffers;
        let mut token = [0; MAX_KEY];
        let batch = map
            .lookup_batch(Start::First, &mut token, keys, values)
            .ok()?;
        let copied = values.get(..batch.entries * size)?;
        (batch.entries == entries).then_some(Values { copied, size })
    }

    /// Calls `visit` with key and value of each entry. Returns the number of entries. An entry that the program changes
    /// meanwhile may be missing.
    ///
    /// # Errors
    /// The errno of the failed call; entries after it are not visited.
    pub fn each(&mut self, map: &Map, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        match self.by_batch(map, visit) {
            // The kernel has no batches for this type of map (hash maps and arrays 5.6, other types later).
            Err((0, _)) => self.by_key(map, visit),
            Err((_, errno)) => Err(errno),
            Ok(seen) => Ok(seen),
        }
    }

    fn by_batch(
        &mut self,
        map: &Map,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<u64, (u64, Errno)> {
        let (key_size, copy_size) = (map.shape().key_size, map.shape().copy_size());
        let mut token = [0; MAX_KEY];
        let mut seen = 0;
        if key_size == 0 || copy_size == 0 {
            return Err((0, Errno::EINVAL));
        }
        self.buffers.make_room(map.shape());
        let Buffers { keys, values } = &mut self.buffers;
        let mut start = Start::First;
        for _ in 0..max_steps(map) {
            let batch = map
                .lookup_batch(start, &mut token, keys, values)
                .map_err(|errno| (seen, errno))?;
            start = Start::Next;
            let entries = keys
                .chunks_exact(key_size)
                .zip(values.chunks_exact(copy_size));
            for (key, value) in entries.take(batch.entries) {
                visit(key, value);
                seen += 1;
            }
            if batch.is_last {
                break;
            }
        }
        Ok(seen)
    }

    fn by_key(&mut self, map: &Map, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        let size = map.shape().key_size;
        let (mut key, mut next) = ([0; MAX_KEY], [0; MAX_KEY]);
        let mut seen = 0;
        for step in 0..max_steps(map) {
            let from = if step == 0 { None } else { key.get(..size) };
            let to = next.get_mut(..size).ok_or(Errno::E2BIG)?;
            if !map.next_key(from, to)? {
                break;
            }
            key = next;
            let key = key.get(..size).unwrap_or_default();
            // The program may have deleted the entry since `next_key`.
            if let Some(value) = self.value(map, key)? {
                visit(key, value);
                seen += 1;
            }
        }
        Ok(seen)
    }
}

/// Bound on the steps of a scan: the kernel restarts the iteration when the program deletes the current key.
fn max_steps(map: &Map) -> u64 {
    u64::from(map.shape().max_entries) * 2 + 16
}
