//! A *stage*: the program of one `ebpf` block with its maps. A stage hands each packet that it passes to the next stage.
//!
//! The frame of a stage with a successor has a map of one slot, [`NEXT`], from which the frame calls the next program.
//! So a stage is loaded, verified and replaced alone, and writing one slot replaces all stages behind it at once.

use std::os::fd::{AsFd as _, AsRawFd as _};

use nix::errno::Errno;

use super::Context;
use super::content::Content;
use super::fingerprint::{Fingerprint, StateKey};
use super::link_header::LinkFit;
use super::list_state::ListState;
use super::loaded::{Changes, Loaded, LoadedMap, SLOT, program_in};
use super::read_map::{ReadMap, take_watches};
use super::table_change::TableChange;
use crate::config::Metric;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
use crate::object::frame::{NEXT, TOTALS};

/// The program of an `ebpf` block, loaded, with its maps.
#[derive(Debug)]
pub struct Stage {
    /// Name of the object's file without its extension, unique on the interface.
    pub object: String,
    /// The program.
    pub program: Program,
    /// The maps that are read. `replace.rs` moves their watches.
    pub read_maps: Vec<ReadMap>,
    /// Numbers read from the maps, in the Corefile's order.
    pub metrics: Vec<Metric>,
    /// Lists of the block, in order.
    pub lists: Vec<ListState>,
    /// True if the program itself may add or delete entries.
    pub changes_maps: bool,
    /// True if the program may return `XDP_TX`, which sends the packet back.
    pub(super) answers: bool,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    /// The header that the program expects. Written by `refit.rs`, with the program and its constants.
    pub(super) link: LinkFit,
    pub(super) fingerprint: Fingerprint,
    /// True if changes of its map values are logged (`debug`).
    debug: bool,
    /// Where the maps come from.
    pub(super) maps_from: MapsFrom,
    /// Changes of entries in the shared maps, kept until they are final.
    pub(super) changes: Changes,
}

/// Where the maps of a stage come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapsFrom {
    /// They were created for this stage.
    Nowhere,
    /// The same, although the replaced filter has a stage of the same object.
    Renewal,
    /// They are the maps of this stage in the replaced filter.
    Stage(usize),
}

impl Stage {
    /// The stage of `context`, made of its parts.
    pub(super) fn new(context: &Context<'_>, loaded: Loaded) -> Self {
        let block = context.block;
        let lists = context.planned.lists.lists.iter();
        Self {
            object: context.stage_name(),
            program: loaded.program,
            read_maps: loaded.read_maps,
            metrics: block.metrics.clone(),
            lists: lists
                .filter_map(|list| ListState::of(block, list))
                .collect(),
            changes_maps: context.object.changes_maps(),
            answers: context.object.may_transmit(),
            maps: loaded.maps,
            link: LinkFit::of(context.planned),
            fingerprint: loaded.fingerprint,
            debug: block.debug,
            maps_from: MapsFrom::Nowhere,
            changes: Changes::default(),
        }
    }

    /// True if this stage replaces one of the same object, but not with its maps.
    pub fn has_new_maps(&self) -> bool {
        self.maps_from == MapsFrom::Renewal
    }

    /// True if the object has a table.
    pub fn has_tables(&self) -> bool {
        self.maps.iter().any(|map| map.table.is_some())
    }

    /// Key of the pinned state.
    pub(super) const fn key(&self) -> StateKey {
        StateKey {
            identity: self.fingerprint.identity,
            program: self.program.info.id,
        }
    }

    /// The map of this name.
    pub(super) fn map(&self, name: &str) -> Option<&LoadedMap> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The counters of the program's frame; `None` for a program without a frame.
    pub fn totals(&self) -> Option<&Map> {
        self.map(TOTALS).map(|loaded| &loaded.map)
    }

    /// The slot of the next program; `None` for a program that was loaded as the last stage.
    pub(super) fn next(&self) -> Option<&Map> {
        self.map(NEXT).map(|loaded| &loaded.map)
    }

    /// Makes the program hand the packets that it passes to `next`. Each packet meets either the previous program in the
    /// slot or `next`. Returns false if the slot had this program already.
    ///
    /// # Errors
    /// `EINVAL` for programs that the kernel does not chain.
    pub(super) fn set_next(&self, next: Option<&Program>) -> Result<bool, Errno> {
        let Some(slot) = self.next() else {
            return next.map_or(Ok(false), |_| Err(Errno::EINVAL));
        };
        if program_in(slot)? == next.map(|program| program.info.id) {
            return Ok(false);
        }
        match next {
            Some(program) => {
                let descriptor = program.as_fd().as_raw_fd();
                slot.update(&SLOT, &descriptor.to_ne_bytes())?;
            }
            None => slot.delete(&SLOT)?,
        }
        Ok(true)
    }

    /// Restores the previous entries of a table. Metrics then find their entries again.
    ///
    /// # Errors
    /// The errors of [`TableChange::undo`].
    pub(super) fn undo_table(&self, change: TableChange) -> Result<(), Errno> {
        let mut maps = self.read_maps.iter();
        let read = maps.find(|read| read.name == change.name);
        change.undo()?;
        match read.map(|read| &read.content) {
            Some(Content::Table(table)) => table.refresh_again(),
            _ => Ok(()),
        }
    }

    /// Takes over the watches of `other`, which has the same maps, if changes of map values are logged.
    pub(super) fn take_watches(&mut self, other: &mut Self) {
        if self.debug {
            take_watches(&mut self.read_maps, &mut other.read_maps);
        }
    }

    /// The metrics in their order, grouped into runs of the same map, so that each run needs only one read of its map.
    pub fn metrics_by_map(&self) -> impl Iterator<Item = (&ReadMap, &[Metric])> {
        let runs = self.metrics.chunk_by(|one, next| one.map == next.map);
        runs.filter_map(|metrics| {
            let id = metrics.first()?.map;
            let mut maps = self.read_maps.iter();
            Some((maps.find(|read| read.id == Some(id))?, metrics))
        })
    }
}
