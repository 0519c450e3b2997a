//! Warnings of interfaces on which an attached program has less effect than its author expects, and the number of packets
//! that the driver lost.

use std::fmt;

use super::Filter;
use super::surroundings::Surroundings;
use crate::kernel::interface::Interface;
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

impl Filter {
    /// Reads the properties of the interface of the attachment.
    pub(super) fn look_at(&mut self, interface: &Interface) {
        if let Some(attached) = &self.attached {
            let answers = self.stages().any(|stage| stage.answers);
            self.surroundings = Surroundings::of(interface, &attached.attachment, answers);
        }
    }

    /// Reads the properties again if the name or link type of the interface has changed: a bond takes the type of its
    /// members.
    pub(super) fn look_again(&mut self, interface: &Interface) {
        if !self.surroundings.are_of(interface) {
            self.look_at(interface);
        }
    }

    /// Warnings that hold while the filter is attached.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> {
        let attached = self.attachment().is_some();
        let lost = (attached && self.surroundings.loses_answers).then_some(Warning::LostAnswers);
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
