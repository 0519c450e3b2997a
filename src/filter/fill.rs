//! Streams the Corefile's entries into maps, through one buffer of fixed size.

use nix::errno::Errno;

use super::Context;
use super::entries::Lines;
use super::fingerprint::{List, Lists};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::Buffers;

/// Entries on their way into the kernel.
#[derive(Debug, Default)]
pub struct Batch {
    buffers: Buffers,
    /// How many there are.
    count: usize,
}

impl Batch {
    /// Where the next entry's key and value go; `None` when there is no room.
    fn room(&mut self, shape: &Shape) -> Option<(&mut [u8], &mut [u8])> {
        let place = |size: usize| {
            let start = self.count.checked_mul(size)?;
            Some(start..start.checked_add(size)?)
        };
        let (key, value) = (place(shape.key_size)?, place(shape.copy_size())?);
        let Buffers { keys, values } = &mut self.buffers;
        Some((keys.get_mut(key)?, values.get_mut(value)?))
    }

    /// Writes the entries to the map; on an error, which of them the kernel did not take.
    fn flush(&mut self, map: &Map) -> Result<(), (usize, Errno)> {
        let (key_size, copy_size) = (map.shape().key_size, map.shape().copy_size());
        let keys = self.buffers.keys.get(..self.count * key_size);
        let values = self.buffers.values.get(..self.count * copy_size);
        let (keys, values) = (keys.unwrap_or_default(), values.unwrap_or_default());
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        let done = match map.update_batch(keys, values, count) {
            Ok(()) => count,
            // Kernels got batches one kind of map after the other. Going on one by one works with all of them, and
            // tells exactly which entry is at fault.
            Err((done, _)) => done,
        };
        let entries = keys
            .chunks_exact(key_size.max(1))
            .zip(values.chunks_exact(copy_size.max(1)));
        for (index, (key, value)) in entries.enumerate().skip(done as usize) {
            map.update(key, value).map_err(|errno| (index, errno))?;
        }
        self.count = 0;
        Ok(())
    }
}

/// Writes the entries of the `ebpf` block to the object's maps, and lists them.
pub(super) fn fill(
    order: &Context<'_>,
    maps: &[Map],
    batch: &mut Batch,
) -> Result<Lists, Diagnostic> {
    let mut lists = Lists::of(order);
    for mut lines in order.lines().filter(Lines::are_there) {
        if let Some(map) = maps.get(lines.map) {
            lists.put(lines.map, fill_one(&mut lines, map, batch)?);
        }
    }
    Ok(lists)
}

fn fill_one(lines: &mut Lines<'_>, map: &Map, batch: &mut Batch) -> Result<List, Diagnostic> {
    let mut list = List::default();
    batch.count = 0;
    let shape = map.shape();
    batch.buffers.make_room(shape);
    let mut first = 0;
    for (index, entry) in lines.entries().enumerate() {
        if batch.room(shape).is_none() {
            batch
                .flush(map)
                .map_err(|(at, errno)| lines.refused(Some(first + at), errno))?;
            first = index;
        }
        let (key, value) = batch
            .room(shape)
            .ok_or_else(|| lines.refused(Some(index), Errno::E2BIG))?;
        lines.decode(&entry, key, value)?;
        list.add(key, value.get(..shape.value_size).unwrap_or_default());
        copy_to_all_cpus(shape, value);
        batch.count += 1;
    }
    batch
        .flush(map)
        .map_err(|(at, errno)| lines.refused(Some(first + at), errno))?;
    Ok(list)
}

/// Gives every CPU the value that stands in the place of the first, if the map is per-CPU.
pub(super) fn copy_to_all_cpus(shape: &Shape, copied: &mut [u8]) {
    if copied.len() == shape.value_size {
        return;
    }
    if let Some(padding) = copied.get_mut(shape.value_size..shape.stride()) {
        padding.fill(0);
    }
    if let Some((first, others)) = copied.split_at_mut_checked(shape.stride()) {
        for other in others.chunks_exact_mut(shape.stride().max(1)) {
            other.copy_from_slice(first);
        }
    }
}
