//! Types of the steps: [`Prepared`], [`Filter`] and their parts.
//!
//! The fields of [`Filter`] are written in this file, unless a field's comment names another file.

use std::time::Duration;

use super::context::Chain;
use super::fingerprint::Target;
use super::hold::pins::Pins;
use super::loaded::Loaded;
use super::stage::Stage;
use super::stages::Stages;
use super::surroundings::Surroundings;
use crate::base::wait::Backoff;
use crate::config::{self, InterfaceName};
use crate::kernel::Reason;
use crate::kernel::attach::Attachment;
use crate::kernel::xdp_mode::Mode;

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

/// A filter that is prepared but not attached: each stage, in order.
#[derive(Debug)]
pub struct Prepared {
    pub(super) head: PreparedStage,
    pub(super) behind: Vec<PreparedStage>,
}

/// A stage that is prepared for the switch.
#[derive(Debug)]
pub(super) enum PreparedStage {
    /// The running stage of this number stays, and changes of entries turn it into the target.
    Keep(usize, Target),
    /// The program of the running stage of this number, loaded a second time with the maps of that stage: its
    /// neighbours change. Changes of entries turn the maps into the target.
    Again(usize, Target, Loaded),
    /// A newly loaded stage.
    Load(Loaded),
}

/// The attachment of a filter.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    /// Reason why the driver refused native mode; `None` unless `mode auto` chose generic mode.
    pub(super) reason: Option<Reason>,
}

/// The filter of an interface: the chain of its stages, and their attachment.
#[derive(Debug)]
pub struct Filter {
    /// Name of the interface in the Corefile.
    pub interface: InterfaceName,
    /// The first stage, whose program is attached to the interface.
    pub head: Stage,
    /// The other stages, each of which gets the packets that the stage before it passes.
    pub behind: Vec<Stage>,
    /// Number of times that the filter was attached again, after its interface was missing or another process detached or
    /// replaced its program. Written by `reattach.rs`.
    pub reattached: u64,
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
    /// Reason why the filter is not attached. Written by `reattach.rs`.
    pub(super) obstacle: Option<Reason>,
    /// Delays between attempts to attach again. Written by `reattach.rs`.
    pub(super) retry: Backoff,
}

impl Filter {
    /// The filter of `chain` with these stages, not attached.
    pub(super) fn new(chain: &Chain<'_>, head: Stage, behind: Vec<Stage>) -> Self {
        let block = chain.head.block;
        Self {
            interface: block.interface.clone(),
            head,
            behind,
            reattached: 0,
            holds: block.exit == config::Exit::Hold,
            pins: None,
            wanted: block.mode,
            attached: None,
            surroundings: Surroundings::default(),
            obstacle: None,
            retry: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
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
            ..self
        }
    }

    /// All stages, in the order in which they meet a packet.
    pub fn stages(&self) -> Stages<'_, Stage> {
        Stages::new(&self.head, &self.behind)
    }

    /// All stages, in the order in which they meet a packet.
    pub fn stages_mut(&mut self) -> impl Iterator<Item = &mut Stage> {
        std::iter::once(&mut self.head).chain(&mut self.behind)
    }

    /// True if several stages filter the interface, so that names of maps alone are ambiguous.
    pub const fn is_chain(&self) -> bool {
        !self.behind.is_empty()
    }

    /// The stage of this number.
    pub(super) fn stage(&self, number: usize) -> Option<&Stage> {
        self.stages().nth(number)
    }

    /// Sets the attachment. The previous attachment is dropped and thereby detached.
    pub(super) fn set_attached(&mut self, attached: Option<Attached>) {
        self.attached = attached;
    }

    /// Moves the attachment out. Dropping it detaches the program.
    pub(super) const fn take_attached(&mut self) -> Option<Attached> {
        self.attached.take()
    }

    /// The attachment as of the last check; `None` while the interface is missing, or occupied by another program.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attached.as_ref().map(|attached| &attached.attachment)
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
