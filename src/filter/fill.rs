//! Streams the Corefile's entries into maps, through one buffer of fixed size.

use nix::errno::Errno;

use super::{Order, blame};
use crate::config::{Blame, Diagnostic, Entry, fit};
use crate::corefile::Plain;
use crate::encode::Encoder;
use crate::kernel::map::{Map, Shape};
use crate::kernel::scan::Buffers;

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

/// One map, and the lines of the `ebpf` block that are to be its entries.
struct Filling<'a> {
    order: &'a Order<'a>,
    /// The map's place in the list of those that lines mean.
    number: usize,
    name: Plain<'a>,
    map: &'a Map,
    encoder: Encoder<'a>,
}

/// Writes the entries of the `ebpf` block to the object's maps.
pub(super) fn fill(order: &Order<'_>, maps: &[Map], batch: &mut Batch) -> Result<(), Diagnostic> {
    let object = order.object;
    for (number, named) in order.filter.maps.iter().enumerate() {
        let mut pairs = object.maps.iter().zip(maps);
        let Some((def, map)) = pairs.find(|(def, _)| def.name == named.name) else {
            continue;
        };
        let mut filling = Filling {
            order,
            number,
            name: Plain(&def.name),
            map,
            encoder: Encoder::new(def, object.btf()),
        };
        filling.fill(batch)?;
    }
    Ok(())
}

impl Filling<'_> {
    fn fill(&mut self, batch: &mut Batch) -> Result<(), Diagnostic> {
        batch.count = 0;
        let (map, shape) = (self.map, self.map.shape());
        batch.buffers.make_room(shape);
        let mut first = 0;
        let entries = &self.order.filter.entries;
        for (index, entry) in entries.of(self.number, self.order.corefile).enumerate() {
            if batch.room(shape).is_none() {
                batch
                    .flush(map)
                    .map_err(|(at, errno)| self.refused(first + at, errno))?;
                first = index;
            }
            let (key, value) = batch
                .room(shape)
                .ok_or_else(|| self.refused(index, Errno::E2BIG))?;
            self.decode(&entry, key, value)?;
            copy_to_all_cpus(shape, value);
            batch.count += 1;
        }
        batch
            .flush(map)
            .map_err(|(at, errno)| self.refused(first + at, errno))
    }

    /// Writes key and value of an entry. Both were checked, so what fails here is a fault of ours, told as such.
    fn decode(
        &mut self,
        entry: &Entry<'_>,
        key: &mut [u8],
        value: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let (order, size) = (self.order, self.map.shape().value_size);
        let key_size = fit::key(order.corefile, entry, &self.encoder, key).ok();
        let value_size = fit::value(order.corefile, entry, &mut self.encoder, value).ok();
        if (key_size, value_size) == (Some(key.len()), Some(size)) {
            return Ok(());
        }
        let at = entry.at().unwrap_or(order.filter.at);
        let what = "was not checked; please report this";
        Err(order.wrong(at, entry.directive(), Blame::Corefile, what.into()))
    }

    fn refused(&self, index: usize, errno: Errno) -> Diagnostic {
        let (order, name) = (self.order, &self.name);
        let entry = order
            .filter
            .entries
            .of(self.number, order.corefile)
            .nth(index);
        let at = entry.and_then(|entry| entry.at());
        let directive = entry.map_or("map", |entry| entry.directive());
        let what = match errno {
            Errno::E2BIG => {
                let room = self.map.shape().max_entries;
                format!("{name} is full; it has room for {room} entries")
            }
            Errno::ENOMEM => format!("no memory for this entry of {name}"),
            errno => format!("the kernel refused this entry of {name}: {}", errno.desc()),
        };
        order.wrong(at.unwrap_or(order.filter.at), directive, blame(errno), what)
    }
}

/// Gives every CPU the value that stands in the place of the first, if the map is per-CPU.
fn copy_to_all_cpus(shape: &Shape, copied: &mut [u8]) {
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
