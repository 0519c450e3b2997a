//! The step that fills the maps and loads the program.

use std::borrow::Cow;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;

use super::content::Content;
use super::create_maps::{Shared, create_maps};
use super::entries::{Lines, copy_to_all_cpus, lines};
use super::entry_list::EntryList;
use super::evicted::rewrite_evicted;
use super::find_interface::find_interface;
use super::fingerprint::Fingerprint;
use super::loaded::{Loaded, LoadedMap, share, share_table};
use super::read_map::{ReadMap, watch};
use super::refusal::{check_interrupted, no_descriptor, no_offload, not_loaded};
use super::stage::Stage;
use super::tables::fill_tables;
use super::{Context, blame};
use crate::base::diagnostic::Diagnostic;
use crate::base::escape::Plain;
use crate::config::{self, MAP};
use crate::kernel::describe;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::{Buffers, Scan};
use crate::kernel::program::{Failure, Program};
use crate::object::MapDef;
use crate::object::frame::NEXT;

/// A buffer of fixed size for entries that are written to a map in one call.
#[derive(Debug, Default)]
pub struct Batch {
    buffers: Buffers,
    /// Number of entries in the buffers.
    count: usize,
}

/// Creates and fills the maps, except the shared ones, and loads the program.
pub(super) fn load(
    context: &Context<'_>,
    shared: Shared<'_>,
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<Loaded, Diagnostic> {
    check_interrupted(context)?;
    let mut maps = create_maps(context, shared)?;
    fill_maps(context, &mut maps, batch, scan)?;
    fill_tables(context, &mut maps)?;
    let lists = maps.iter().map(|map| &map.entries);
    let fingerprint = Fingerprint::new(context.object, context.name_digest(), lists);
    let mut loaded = finish_load(context, maps, fingerprint)?;
    for read in &mut loaded.read_maps {
        // Recorded before the first packet, so that no change is missed.
        read.watch = watch(context, read, scan);
    }
    Ok(loaded)
}

/// Loads the program of `stage` a second time, with the maps of `stage`.
pub(super) fn load_again(
    context: &Context<'_>,
    stage: &Stage,
    fingerprint: Fingerprint,
) -> Result<Loaded, Diagnostic> {
    let maps = create_maps(context, Shared::All(stage))?;
    finish_load(context, maps, fingerprint)
}

/// Loads the program with these maps.
fn finish_load(
    context: &Context<'_>,
    mut maps: Vec<LoadedMap>,
    fingerprint: Fingerprint,
) -> Result<Loaded, Diagnostic> {
    check_interrupted(context)?;
    let card = match context.block.mode {
        config::Mode::Offload => Some(find_interface(context)?.index),
        _ => None,
    };
    let program = load_program(context, &mut maps, card).map_err(|failure| match card {
        Some(_) => no_offload(context, &failure),
        None => not_loaded(context, &failure),
    })?;
    Ok(Loaded {
        program,
        read_maps: read_maps(context, &maps)?,
        maps,
        fingerprint,
    })
}

/// Loads the program with its frame. While the verifier refuses the program with its frame, loads the program with a
/// simpler frame, at last without a frame, and removes the maps that this frame lacks. A stage with a successor needs its
/// frame.
fn load_program(
    context: &Context<'_>,
    maps: &mut Vec<LoadedMap>,
    card: Option<u32>,
) -> Result<Program, Failure> {
    let is_chained = context.object.map(NEXT).is_some();
    let mut object = context.object.with_maps(maps.len());
    let mut reason = None;
    loop {
        match Program::load(&object, &descriptors(maps), card) {
            Err(refused @ Failure::Verifier(_)) => {
                let Some(simpler) = object.simpler() else {
                    return Err(refused);
                };
                let has_frame = simpler.frame_slots() > 0;
                if is_chained && !has_frame {
                    return Err(refused);
                }
                maps.truncate(simpler.maps.len());
                object = Cow::Owned(simpler);
                reason = Some(if has_frame {
                    "packets cannot be sampled: the verifier refuses the program with samples"
                } else {
                    "verdicts are not counted: the verifier refuses the program with counters"
                });
            }
            Err(other) => return Err(other),
            Ok(program) => {
                if let Some(reason) = reason {
                    context.warn(format_args!("{reason}"));
                }
                return Ok(program);
            }
        }
    }
}

/// The descriptors of the maps, in the same order.
pub(super) fn descriptors(maps: &[LoadedMap]) -> Vec<i32> {
    maps.iter().map(|map| map.map.fd().as_raw_fd()).collect()
}

/// Writes the lines of the `ebpf` block to the maps.
fn fill_maps(
    context: &Context<'_>,
    maps: &mut [LoadedMap],
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<(), Diagnostic> {
    for mut lines in lines(context).filter(|lines| !lines.is_empty()) {
        let mut maps = maps.iter_mut();
        if let Some(map) = maps.find(|map| map.name == lines.def.name) {
            map.entries = fill_map(&mut lines, &map.map, batch)?;
            rewrite_evicted(&mut lines, &map.map, &map.entries, scan)?;
        }
    }
    Ok(())
}

fn fill_map(lines: &mut Lines<'_>, map: &Map, batch: &mut Batch) -> Result<EntryList, Diagnostic> {
    let mut list = EntryList::default();
    batch.count = 0;
    let shape = map.shape();
    batch.buffers.make_room(shape);
    let mut first = 0;
    lines.each(&mut |lines, index, key, value| {
        if batch.room(shape).is_none() {
            lines.check_interrupted()?;
            batch
                .flush(map)
                .map_err(|(at, errno)| lines.refused(Some(first + at), errno))?;
            first = index;
        }
        let (room, copied) = batch
            .room(shape)
            .ok_or_else(|| lines.refused(Some(index), Errno::E2BIG))?;
        room.copy_from_slice(key);
        if let Some(first) = copied.get_mut(..value.len()) {
            first.copy_from_slice(value);
        }
        list.add(key, value);
        copy_to_all_cpus(shape, copied);
        batch.count += 1;
        Ok(())
    })?;
    batch
        .flush(map)
        .map_err(|(at, errno)| lines.refused(Some(first + at), errno))?;
    list.sort();
    Ok(list)
}

/// The maps that the daemon reads: maps that lines refer to, in the order of
/// [`config::Filter::maps`](crate::config::Filter::maps), then `xdp_map` if no line refers to it.
pub(super) fn read_maps(
    context: &Context<'_>,
    maps: &[LoadedMap],
) -> Result<Vec<ReadMap>, Diagnostic> {
    let named = context.block.maps.iter();
    let named = named.map(|named| (named.name.as_str(), Some(named.id)));
    let default = context.block.map(MAP).is_none().then_some((MAP, None));
    let mut read_maps = Vec::new();
    for (name, id) in named.chain(default) {
        let shared = match context.object.map(name).and_then(MapDef::table) {
            None => share(maps, name).map(|map| map.map(Content::Map)),
            Some(table) => share_table(maps, name, table).map(|table| table.map(Content::Table)),
        };
        let shared = shared.map_err(|error| no_descriptor(context, &error))?;
        if let Some(Content::Table(table)) = &shared {
            let metrics = context.block.metrics.iter();
            let metrics = metrics.filter(|metric| Some(metric.map) == id);
            let mut keys = metrics.map(|metric| metric.key.as_slice());
            table.refresh(&mut keys).map_err(|errno| {
                let (name, why) = (Plain(name), describe(errno));
                let what = format!("cannot read the table {name}: {why}");
                context.wrong(context.block.elf_at, "elf", blame(errno), what)
            })?;
        }
        read_maps.extend(shared.map(|content| ReadMap::new(name, content, id)));
    }
    Ok(read_maps)
}

impl Batch {
    /// Room for the next entry's key and value; `None` when the buffers are full.
    fn room(&mut self, shape: &Shape) -> Option<(&mut [u8], &mut [u8])> {
        let place = |size: usize| {
            let start = self.count.checked_mul(size)?;
            Some(start..start.checked_add(size)?)
        };
        let (key, value) = (place(shape.key_size)?, place(shape.copy_size())?);
        let Buffers { keys, values } = &mut self.buffers;
        Some((keys.get_mut(key)?, values.get_mut(value)?))
    }

    /// Writes the entries to the map. An error contains the index of the entry that the kernel rejected.
    fn flush(&mut self, map: &Map) -> Result<(), (usize, Errno)> {
        let (key_size, copy_size) = (map.shape().key_size, map.shape().copy_size());
        let keys = self.buffers.keys.get(..self.count * key_size);
        let values = self.buffers.values.get(..self.count * copy_size);
        let (keys, values) = (keys.unwrap_or_default(), values.unwrap_or_default());
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        let done = match map.update_batch(keys, values, count) {
            Ok(()) => count,
            // The kernel may have no batches for this map type. Single updates work with all types, and find the entry at
            // fault.
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
