//! Streams the Corefile's entries into a map, through one buffer of fixed size.

use nix::errno::Errno;

use super::{Order, blame};
use crate::capacity::{MAX_KEY, MAX_VALUE};
use crate::config::{Diagnostic, Entry, fit};
use crate::hex;
use crate::kernel::map::Map;
use crate::plan::MAP;

/// Bytes of keys in one batch.
const KEYS: usize = 16 * 1024;
/// Bytes of values in one batch; a per-CPU value of the greatest size on 128 CPUs fits.
const VALUES: usize = MAX_VALUE.next_multiple_of(8) * 128;

/// Entries on their way into the kernel.
#[derive(Debug, Default)]
pub struct Batch {
    keys: heapless::Vec<u8, KEYS>,
    values: heapless::Vec<u8, VALUES>,
    count: u32,
}

impl Batch {
    /// Adds an entry; for a per-CPU map every CPU gets the value. False when there is no room.
    fn add(&mut self, map: &Map, key: &[u8], value: &[u8]) -> bool {
        let shape = map.shape();
        let room =
            KEYS - self.keys.len() >= key.len() && VALUES - self.values.len() >= shape.copy_size();
        if !room {
            return false;
        }
        let mut fits = self.keys.extend_from_slice(key).is_ok();
        let end = self.values.len() + shape.copy_size();
        while fits && self.values.len() < end {
            let next = (self.values.len() + shape.stride()).min(end);
            fits =
                self.values.extend_from_slice(value).is_ok() && self.values.resize(next, 0).is_ok();
        }
        self.count += 1;
        fits
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
        self.count = 0;
    }

    /// Writes the entries to the map; on an error, which of them the kernel did not take.
    fn flush(&mut self, map: &Map) -> Result<(), (usize, Errno)> {
        let done = match map.update_batch(&self.keys, &self.values, self.count) {
            Ok(()) => self.count,
            // Kernels got batches one kind of map after the other. Going on one by one works with all of them, and
            // tells exactly which entry is at fault.
            Err((done, _)) => done,
        };
        let (key_size, copy_size) = (map.shape().key_size.max(1), map.shape().copy_size().max(1));
        let entries = self
            .keys
            .chunks_exact(key_size)
            .zip(self.values.chunks_exact(copy_size));
        for (index, (key, value)) in entries.enumerate().skip(done as usize) {
            map.update(key, value).map_err(|errno| (index, errno))?;
        }
        self.clear();
        Ok(())
    }
}

/// Writes the entries of the `ebpf` block to `map`.
pub(super) fn fill(order: &Order<'_>, map: &Map, batch: &mut Batch) -> Result<(), Diagnostic> {
    batch.clear();
    let entries = &order.filter.entries;
    let mut first = 0;
    let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
    for (index, entry) in entries.iter().enumerate() {
        let (key, value) = decode(order, index, entry, &mut key, &mut value)?;
        if batch.add(map, key, value) {
            continue;
        }
        batch
            .flush(map)
            .map_err(|(at, errno)| refused(order, map, first + at, errno))?;
        first = index;
        if !batch.add(map, key, value) {
            return Err(refused(order, map, index, Errno::E2BIG));
        }
    }
    batch
        .flush(map)
        .map_err(|(at, errno)| refused(order, map, first + at, errno))
}

/// Key and value of an entry. Both were checked, so what fails here is a fault of ours, told as such.
fn decode<'b>(
    order: &Order<'_>,
    index: usize,
    entry: &Entry,
    key: &'b mut [u8],
    value: &'b mut [u8],
) -> Result<(&'b [u8], &'b [u8]), Diagnostic> {
    let unchecked = |_| {
        order.wrong(
            entry.value,
            "map",
            crate::config::Blame::Corefile,
            "was not checked; please report this".into(),
        )
    };
    let key_length = fit::key(order.corefile, index, entry, key).map_err(unchecked)?;
    let value_length =
        hex::decode(order.corefile.text(entry.value), Some(b'.'), value).map_err(unchecked)?;
    Ok((
        key.get(..key_length).unwrap_or_default(),
        value.get(..value_length).unwrap_or_default(),
    ))
}

fn refused(order: &Order<'_>, map: &Map, index: usize, errno: Errno) -> Diagnostic {
    let at = order
        .filter
        .entries
        .get(index)
        .map_or(order.filter.at, |entry| entry.value);
    let what = match errno {
        Errno::E2BIG => format!(
            "{MAP} is full; it has room for {} entries",
            map.shape().max_entries
        ),
        Errno::ENOMEM => format!("no memory for this entry of {MAP}"),
        errno => format!("the kernel refused this entry of {MAP}: {}", errno.desc()),
    };
    order.wrong(at, "map", blame(errno), what)
}
