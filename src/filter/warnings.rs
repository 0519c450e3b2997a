//! Warnings of interfaces on which an attached program has less effect than its author expects, and the number of packets
//! that the driver lost.

use std::fmt;
use std::time::Instant;

use super::Filter;
use crate::kernel::attach::{Attachment, Mode};
use crate::kernel::driver_counters::XdpTxErrors;
use crate::kernel::interface::{IfName, Interface, Peer};
use crate::kernel::link_type::LinkType;
use crate::log::Log;

/// Reason why an attached program does not work as intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// In native mode a veth sends packets back only to a peer that has a program in native mode too. A peer with GRO
    /// alone counts them as received, and keeps them (Linux 6.18).
    LostAnswers,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostAnswers => f.write_str(
                "packets that the program sends back (XDP_TX) are lost: the other end of this veth has no XDP program in native mode; `mode generic` delivers them",
            ),
        }
    }
}

/// Properties of the interface of an attached filter that warnings and counters need.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    name: IfName,
    /// `None` before the first attachment.
    link_type: Option<LinkType>,
    /// The other end of a veth in native mode, if the program may return `XDP_TX`.
    peer: Option<Peer>,
    /// True if the peer had no program in native mode at the last check.
    loses_answers: bool,
    tx_errors: Option<XdpTxErrors>,
    /// Number of lost packets at the last count.
    lost: Option<u64>,
    /// Time before which the counters are not read again: a card may take milliseconds, and anyone may request the page.
    next_count: Option<Instant>,
}

impl Surroundings {
    /// The properties of the interface of `attachment`. A program that `answers` may return `XDP_TX`.
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

    fn look_at_peer(&mut self) {
        // No warning if the kernel does not show the peer: it may have a program.
        let peer = self.peer.and_then(Peer::find);
        self.loses_answers = peer.is_some_and(|peer| {
            let mode = peer.xdp.map(|(mode, _)| mode);
            !matches!(mode, Some(None | Some(Mode::Native)))
        });
    }

    fn count(&mut self) {
        let now = Instant::now();
        let Some(counters) = &mut self.tx_errors else {
            return;
        };
        if self.next_count.is_some_and(|next| now < next) {
            return;
        }
        self.lost = counters.read();
        if self.lost.is_none() {
            // The number of the driver's counters has changed, for example with its number of queues.
            self.tx_errors = counters.find_again();
            self.lost = self.tx_errors.as_mut().and_then(XdpTxErrors::read);
        }
        // Reading the counters is limited to a hundredth of the time.
        self.next_count = now.checked_add(now.elapsed() * 100);
    }
}

impl Filter {
    /// Reads the properties of the interface of the attachment.
    pub(super) fn look_at(&mut self, interface: &Interface) {
        if let Some(attached) = &self.attached {
            self.surroundings = Surroundings::of(interface, &attached.attachment, self.answers);
        }
    }

    /// Reads the properties again if the name or link type of the interface has changed: a bond takes the type of its
    /// members.
    pub(super) fn look_again(&mut self, interface: &Interface) {
        let Surroundings {
            name, link_type, ..
        } = &self.surroundings;
        if (name, *link_type) != (&interface.name, Some(interface.link_type)) {
            self.look_at(interface);
        }
    }

    /// Warnings that hold while the filter is attached.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> {
        let attached = self.attachment().is_some();
        let Surroundings { loses_answers, .. } = self.surroundings;
        let lost = (attached && loses_answers).then_some(Warning::LostAnswers);
        lost.into_iter()
    }

    /// Number of packets that the program sent back and the driver lost; `None` if the driver does not count them.
    pub fn lost_answers(&self) -> Option<u64> {
        self.attachment().and(self.surroundings.lost)
    }

    /// Checks the other end of a veth again, whose changes cause no event.
    pub fn renew_warnings(&mut self) {
        self.surroundings.look_at_peer();
    }

    /// Reads the driver's counters of lost packets.
    pub fn count_lost_answers(&mut self) {
        self.surroundings.count();
    }

    /// Logs the warnings.
    pub fn log_warnings(&self, log: &Log) {
        for warning in self.warnings() {
            log.warn(format_args!("{}: {warning}", self.interface));
        }
    }
}
