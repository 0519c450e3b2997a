//! Types of the steps: [`Loaded`], [`Prepared`], [`Filter`] and their parts.
//!
//! The fields of [`Filter`] are written in this file, unless a field's comment names another file.

use std::time::Duration;

use super::Context;
use super::entries::Rows;
use super::entry_list::EntryList;
use super::fingerprint::{Fingerprint, Target};
use super::hold::pins::Pins;
use super::link_header::LinkFit;
use super::read_map::ReadMap;
use super::surroundings::Surroundings;
use crate::base::wait::Backoff;
use crate::config::{self, InterfaceName, Metric};
use crate::kernel::Reason;
use crate::kernel::attach::Attachment;
use crate::kernel::map::Map;
use crate::kernel::program::Program;
use crate::kernel::xdp_mode::Mode;
use crate::object::frame::TOTALS;

/// Delay before the first retry of a failed attachment; doubled for each further retry, up to [`LONGEST_PAUSE`]. An event
/// of the interface retries at once.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Durability of a change of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The change is final as soon as the filter is attached.
    Final,
    /// The change awaits `corexdp confirm`, and may be rolled back; it is not pinned.
    Provisional,
}

/// A map of the object, created in the kernel.
#[derive(Debug)]
pub(super) struct LoadedMap {
    /// Name, unique in the object.
    pub(super) name: String,
    pub(super) map: Map,
    /// The entries that the Corefile gives the map.
    pub(super) entries: EntryList,
}

/// A loaded program with filled maps, not attached yet.
#[derive(Debug)]
pub struct Loaded {
    pub(super) program: Program,
    pub(super) read_maps: Vec<ReadMap>,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    pub(super) fingerprint: Fingerprint,
}

/// A filter that is prepared but not attached.
#[derive(Debug)]
pub enum Prepared {
    /// Changes of entries turn the running filter into this target.
    Change(Target),
    /// A newly loaded filter.
    Load(Loaded),
}

/// The attachment of a filter.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    /// Reason why the driver refused native mode; `None` unless `mode auto` chose generic mode.
    pub(super) reason: Option<Reason>,
}

/// Entries that an update changed, kept for a rollback until the update is final.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) Vec<ChangedMap>);

/// Previous entries of one map, in the order of the changes.
#[derive(Debug)]
pub(super) struct ChangedMap {
    pub(super) name: String,
    pub(super) before: Rows<Before>,
}

/// State of a key before the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Present,
    Absent,
}

/// The filter of an interface: program, maps and attachment.
#[derive(Debug)]
pub struct Filter {
    /// Name of the interface in the Corefile.
    pub interface: InterfaceName,
    /// Name of the object's file, without its extension.
    pub object: String,
    /// The program.
    pub program: Program,
    /// The maps that are read. `replace.rs` moves their watches.
    pub read_maps: Vec<ReadMap>,
    /// Numbers read from the maps, in the Corefile's order.
    pub metrics: Vec<Metric>,
    /// Number of times that the filter was attached again, after its interface was missing or another process detached or
    /// replaced its program. Written by `reattach.rs`.
    pub reattached: u64,
    /// True if the program itself may add or delete entries.
    pub changes_maps: bool,
    /// True if the program may return `XDP_TX`, which sends the packet back.
    pub(super) answers: bool,
    /// All maps, in the object's order.
    pub(super) maps: Vec<LoadedMap>,
    /// True if the filter stays attached when the daemon exits (`exit hold`).
    pub(super) holds: bool,
    /// Pins of this filter or of its predecessor. Written by `hold/mod.rs`.
    pub(super) pins: Option<Pins>,
    /// Mode in the Corefile; the attachment has the actual mode.
    pub(super) wanted: config::Mode,
    /// `None` while the interface is missing, or occupied by another program.
    pub(super) attached: Option<Attached>,
    /// Properties of the interface and its driver. Written by `warnings.rs`.
    pub(super) surroundings: Surroundings,
    /// The header that the program expects. Written by `refit.rs`, with the program and its constants.
    pub(super) link: LinkFit,
    /// Reason why the filter is not attached. Written by `reattach.rs`.
    pub(super) obstacle: Option<Reason>,
    /// Delays between attempts to attach again. Written by `reattach.rs`.
    pub(super) retry: Backoff,
    pub(super) fingerprint: Fingerprint,
    /// Changes of entries in the maps shared with the predecessor, kept until they are final.
    pub(super) changes: Changes,
}

/// Name of the object's file, without its extension.
pub(super) fn object_name(block: &config::Filter) -> String {
    let stem = block.elf.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

impl Filter {
    /// The filter of `context`, made of its parts.
    pub(super) fn new(
        context: &Context<'_>,
        loaded: Loaded,
        attached: Option<Attached>,
        pins: Option<Pins>,
    ) -> Self {
        let block = context.block;
        Self {
            interface: block.interface.clone(),
            object: object_name(block),
            program: loaded.program,
            read_maps: loaded.read_maps,
            metrics: block.metrics.clone(),
            reattached: 0,
            changes_maps: context.object.changes_maps(),
            answers: context.object.may_transmit(),
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

    /// The filter with the settings of the earlier daemon that left it, so that a rollback restores these.
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

    /// The filter with the state that it inherits from `old`, its predecessor on the same interface.
    pub(super) fn succeeding(self, old: &Self) -> Self {
        Self {
            reattached: old.reattached,
            // Ignored while the successor is attached.
            obstacle: old.obstacle.clone(),
            pins: self.pins.or_else(|| old.pins.clone()),
            ..self
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

    /// Sets the attachment. The previous attachment is dropped and thereby detached.
    pub(super) fn set_attached(&mut self, attached: Option<Attached>) {
        self.attached = attached;
    }

    /// Moves the attachment out. Dropping it detaches the program.
    pub(super) const fn take_attached(&mut self) -> Option<Attached> {
        self.attached.take()
    }

    pub(super) fn set_changes(&mut self, changes: Changes) {
        self.changes = changes;
    }

    /// The attachment as of the last check; `None` while the interface is missing, or occupied by another program.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attached.as_ref().map(|attached| &attached.attachment)
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

    /// True if the filter stays attached when the daemon exits (`exit hold`).
    pub const fn holds(&self) -> bool {
        self.holds
    }

    /// Reason why the driver refused native mode; `None` unless `mode auto` chose generic mode.
    pub fn reason(&self) -> Option<&str> {
        self.attached.as_ref()?.reason.as_deref()
    }

    /// Reason why the filter is not attached; `None` while it is attached.
    pub fn obstacle(&self) -> Option<&str> {
        match self.attached {
            Some(_) => None,
            None => self.obstacle.as_deref(),
        }
    }
}
