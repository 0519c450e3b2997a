//! Types that the steps make and change.
//!
//! Every field of [`Filter`] is written here, except those that name another file.

use std::time::Duration;

use super::Context;
use super::entries::Rows;
use super::fingerprint::{EntryList, Fingerprint, Target};
use super::hold::pins::Pins;
use super::link_header::LinkFit;
use super::read_map::ReadMap;
use super::warnings::Surroundings;
use crate::base::wait::Backoff;
use crate::config::{self, InterfaceName, Metric};
use crate::kernel::Reason;
use crate::kernel::attach::{Attachment, Mode};
use crate::kernel::map::Map;
use crate::kernel::program::Program;

/// The first pause before another attempt to attach, where no news of the interface ask for one.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A map of the object, in the kernel.
#[derive(Debug)]
pub(super) struct LoadedMap {
    /// Name in the object, which is unique there.
    pub(super) name: String,
    pub(super) map: Map,
    /// The entries that the Corefile gives the map.
    pub(super) entries: EntryList,
}

/// A program in the kernel with its maps filled, attached to nothing yet.
#[derive(Debug)]
pub struct Loaded {
    pub(super) program: Program,
    pub(super) read_maps: Vec<ReadMap>,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    pub(super) fingerprint: Fingerprint,
}

/// A filter before it is attached.
#[derive(Debug)]
pub enum Prepared {
    /// The running filter becomes the target by changes of entries.
    Change(Target),
    /// A new filter, to be attached or to replace the running one.
    Load(Loaded),
}

/// A program that is attached.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    /// Why the driver refused native mode, where generic mode replaced it.
    pub(super) reason: Option<Reason>,
}

/// Entries that an update changed, kept until the update is final.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) Vec<ChangedMap>);

/// Entries of one map before the update, in the order of the changes.
#[derive(Debug)]
pub(super) struct ChangedMap {
    pub(super) name: String,
    pub(super) before: Rows<Before>,
}

/// State of a key before an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Present,
    Absent,
}

/// A program that filters an interface.
#[derive(Debug)]
pub struct Filter {
    /// The interface's name, as the Corefile has it.
    pub interface: InterfaceName,
    /// The program.
    pub program: Program,
    /// The maps that are read. `replace.rs` moves their watches.
    pub read_maps: Vec<ReadMap>,
    /// Numbers read from the maps, in the Corefile's order.
    pub metrics: Vec<Metric>,
    /// Number of times that the filter was attached again: its interface had gone, or somebody had detached or replaced
    /// its program. Written by `reattach.rs`.
    pub reattached: u64,
    /// True if the program itself may add or delete entries.
    pub changes_maps: bool,
    /// True if the program itself may send packets back (`XDP_TX`).
    pub(super) answers: bool,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    /// True if the filter outlives the daemon (`exit hold`).
    pub(super) holds: bool,
    /// Pins of this filter or of one that it replaced. Written by `hold/mod.rs`.
    pub(super) pins: Option<Pins>,
    pub(super) wanted: config::Mode,
    /// `None` while the interface is away or held by another program.
    pub(super) attached: Option<Attached>,
    /// The interface to which the filter is attached. Written by `warnings.rs`.
    pub(super) surroundings: Surroundings,
    /// The header that the program expects. Written by `link_header.rs`, with the program and its constants.
    pub(super) link: LinkFit,
    /// Why the filter is not attached. Written by `reattach.rs`.
    pub(super) obstacle: Option<Reason>,
    /// Pauses between attempts to attach again. Written by `reattach.rs`.
    pub(super) retry: Backoff,
    pub(super) fingerprint: Fingerprint,
    /// Changes by which the filter replaced another in the same maps, until they are final.
    pub(super) changes: Changes,
}

impl Filter {
    /// The filter of `context`.
    pub(super) fn new(
        context: &Context<'_>,
        loaded: Loaded,
        attached: Option<Attached>,
        pins: Option<Pins>,
    ) -> Self {
        let block = context.block;
        Self {
            interface: block.interface.clone(),
            program: loaded.program,
            read_maps: loaded.read_maps,
            metrics: block.metrics.clone(),
            reattached: 0,
            changes_maps: context.object.changes_maps(),
            answers: context.object.answers(),
            maps: loaded.maps,
            holds: block.exit == config::Exit::Hold,
            pins,
            wanted: block.mode,
            attached,
            surroundings: Surroundings::default(),
            link: LinkFit::of(context.planned),
            obstacle: None,
            retry: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            fingerprint: loaded.fingerprint,
            changes: Changes::default(),
        }
    }

    /// The filter as an earlier daemon left it, so that a rollback leaves it so.
    pub(super) fn adopted(self) -> Self {
        let mode = self.attachment().map(|attachment| attachment.mode);
        let wanted = match mode {
            Some(Mode::Native) => config::Mode::Native,
            Some(Mode::Generic) => config::Mode::Generic,
            Some(Mode::Offload) => config::Mode::Offload,
            None => self.wanted,
        };
        Self {
            holds: true,
            wanted,
            ..self
        }
    }

    /// The filter as the successor of `old`, which has the same interface.
    pub(super) fn succeeding(self, old: &Self) -> Self {
        Self {
            reattached: old.reattached,
            // Unused where the successor is attached.
            obstacle: old.obstacle.clone(),
            pins: self.pins.or_else(|| old.pins.clone()),
            ..self
        }
    }

    /// The map of this name.
    pub(super) fn map(&self, name: &str) -> Option<&LoadedMap> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// Drops the present attachment, which detaches, for this one.
    pub(super) fn set_attached(&mut self, attached: Option<Attached>) {
        self.attached = attached;
    }

    /// Moves the attachment out; dropping it detaches.
    pub(super) const fn take_attached(&mut self) -> Option<Attached> {
        self.attached.take()
    }

    pub(super) fn set_changes(&mut self, changes: Changes) {
        self.changes = changes;
    }

    /// The attachment, as the kernel told it last; `None` while the interface is away or held by another program.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attached.as_ref().map(|attached| &attached.attachment)
    }

    /// The metrics in their order, in runs of one map: a run is read at once.
    pub fn metrics_by_map(&self) -> impl Iterator<Item = (&ReadMap, &[Metric])> {
        let runs = self.metrics.chunk_by(|one, next| one.map == next.map);
        runs.filter_map(|metrics| {
            let id = metrics.first()?.map;
            let mut maps = self.read_maps.iter();
            Some((maps.find(|read| read.id == Some(id))?, metrics))
        })
    }

    /// True if the filter stays attached when the daemon ends (`exit hold`).
    pub const fn holds(&self) -> bool {
        self.holds
    }

    /// Why the driver refused native mode, where generic mode replaced it.
    pub fn reason(&self) -> Option<&str> {
        self.attached.as_ref()?.reason.as_deref()
    }

    /// Why the filter is not attached; `None` while it is.
    pub fn obstacle(&self) -> Option<&str> {
        match self.attached {
            Some(_) => None,
            None => self.obstacle.as_deref(),
        }
    }
}
