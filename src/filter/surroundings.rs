//! *Surroundings*: properties of the interface of an attached filter, and the driver's counters of lost packets.

use std::time::Instant;

use crate::kernel::attach::Attachment;
use crate::kernel::driver_counters::XdpTxErrors;
use crate::kernel::interface::{IfName, Interface, Peer};
use crate::kernel::link_type::LinkType;
use crate::kernel::xdp_mode::Mode;

/// Properties of the interface of an attached filter that warnings and counters need.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    name: IfName,
    /// `None` before the first attachment.
    link_type: Option<LinkType>,
    /// The peer of a veth in native mode; `None` if the program never returns `XDP_TX`.
    peer: Option<Peer>,
    /// True if the peer had no program in native mode at the last check.
    pub(super) loses_answers: bool,
    tx_errors: Option<XdpTxErrors>,
    /// Number of lost packets at the last count.
    pub(super) lost: Option<u64>,
    /// Earliest time of the next read. A card may take milliseconds for a read, and every client of the page causes one.
    next_count: Option<Instant>,
}

impl Surroundings {
    /// The properties of the interface of `attachment`. `answers` is true if the program may return `XDP_TX`.
    pub(super) fn of(interface: &Interface, attachment: &Attachment, answers: bool) -> Self {
        let native = attachment.mode == Mode::Native;
        let mut surroundings = Self {
            name: interface.name.clone(),
            link_type: Some(interface.link_type),
            peer: interface.peer.filter(|_| native && answers),
            // In generic mode the network stack sends, and the driver counts nothing.
            tx_errors: native.then(|| XdpTxErrors::find(&interface.name)).flatten(),
            ..Self::default()
        };
        surroundings.look_at_peer();
        surroundings
    }

    /// Checks whether the peer of a veth has a program in native mode.
    pub(super) fn look_at_peer(&mut self) {
        // A peer that the kernel does not show may have a program, so there is no warning.
        let peer = self.peer.and_then(Peer::find);
        self.loses_answers = peer.is_some_and(|peer| {
            let mode = peer.xdp.map(|(mode, _)| mode);
            !matches!(mode, Some(None | Some(Mode::Native)))
        });
    }

    /// Reads the driver's counters of lost packets.
    pub(super) fn count(&mut self) {
        let now = Instant::now();
        let Some(counters) = &mut self.tx_errors else {
            return;
        };
        if self.next_count.is_some_and(|next| now < next) {
            return;
        }
        self.lost = counters.read();
        if self.lost.is_none() {
            // The driver has another number of counters than before, for example after a change of its queues.
            self.tx_errors = counters.find_again();
            self.lost = self.tx_errors.as_mut().and_then(XdpTxErrors::read);
        }
        // Reads take at most 1 % of the time.
        self.next_count = now.checked_add(now.elapsed() * 100);
    }

    /// True if `interface` has the name and the link type of these properties.
    pub(super) fn are_of(&self, interface: &Interface) -> bool {
        self.name == interface.name && self.link_type == Some(interface.link_type)
    }
}
