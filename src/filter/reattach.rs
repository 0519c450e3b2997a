//! Attaches filters again: when the interface of this name was created again or renamed, and when another process
//! detached or replaced the program.
//!
//! The kernel sends no event when a BPF link is detached or updated. So the daemon checks its links whenever a client
//! requests its state, and sleeps otherwise.

use std::fmt;
use std::time::Instant;

use super::Filter;
use super::attach::attach_program;
use super::refusal::to_reason;
use super::state::{Durability, FIRST_PAUSE};
use crate::kernel::attach::{Attachment, Failure, LinkState};
use crate::kernel::interface::{self, Interface};
use crate::kernel::xdp_mode::Mode;
use crate::log::Log;

impl Filter {
    /// Checks that the program is attached, and attaches it again if it is not. A filter without attachment waits for an
    /// event of its interface, or for its retry.
    pub fn verify(&mut self, durability: Durability, log: &Log) {
        let ours = self.head.program.info.id;
        if let Some(attached) = &self.attached
            && attached.attachment.link_state(ours) != Some(LinkState::Attached)
        {
            self.reattach(durability, log);
        }
        if self.relink(log) {
            let name = &self.interface;
            log.warn(format_args!(
                "{name}: another process changed the order of its stages; they are linked again"
            ));
        }
    }

    /// Attaches the program to the interface that has the filter's name now, unless it is attached there. The maps keep
    /// their entries.
    pub fn reattach(&mut self, durability: Durability, log: &Log) {
        let name = self.interface.clone();
        // Asked before the interface: a link that ends in between leaves an interface without the program.
        let attachment = self.attachment();
        let ours = self.head.program.info.id;
        let state = attachment.and_then(|attachment| attachment.link_state(ours));
        let found = match interface::find(&name) {
            Ok(found) => found,
            Err(error) => return self.retry_later(log, &error),
        };
        if let Some(attached) = &self.attached {
            let same = found.as_ref();
            let same = same.filter(|found| found.index == attached.attachment.interface);
            if let Some(interface) = same.filter(|found| is_on(found, ours, state)) {
                return self.stay_on(interface, durability, log);
            }
            match same.map(|interface| interface.xdp) {
                None => log.warn(format_args!("{name}: the interface has gone")),
                Some(None) => {
                    log.warn(format_args!("{name}: another process detached the program"));
                }
                Some(Some((_, id))) => {
                    log.warn(format_args!(
                        "{name}: another process replaced the program; the new program has id {id}"
                    ));
                    if restore_link(&attached.attachment, ours) {
                        return self.count_reattached(attached.attachment.mode, log);
                    }
                }
            }
            self.unpin_link();
            // Detaches from the previous interface, which may still exist under another name.
            self.set_attached(None);
        }
        if let Some(interface) = found {
            self.attach_to(&interface, durability, log);
        } else {
            self.stop_retrying();
            self.obstacle = Some(to_reason(&Failure::Gone));
        }
    }

    /// Time of the next call of [`Filter::reattach`], unless an event of the interface comes first.
    pub const fn retry_at(&self) -> Option<Instant> {
        self.retry.at()
    }

    pub(super) const fn stop_retrying(&mut self) {
        self.retry.reset();
    }

    /// Handles a filter that is still attached. The link type may have changed: that of a modem with its mode, that of a
    /// bond with its members. The interface is down during the change, so no packet arrives between.
    fn stay_on(&mut self, interface: &Interface, durability: Durability, log: &Log) {
        if self.fits(interface) {
            return self.look_again(interface);
        }
        self.unpin_link();
        self.set_attached(None);
        self.attach_to(interface, durability, log);
    }

    fn attach_to(&mut self, interface: &Interface, durability: Durability, log: &Log) {
        if let Err(why) = self.fit_to(interface, log) {
            return self.retry_later(log, &why);
        }
        let name = &self.interface;
        // The program is attached even while the interface is down, so that the interface is never up without a filter.
        match attach_program(self.wanted, interface, &self.head.program, None) {
            Ok(attached) => {
                if let Some(reason) = &attached.reason {
                    log.warn(format_args!("{name}: native mode refused: {reason}"));
                }
                let mode = attached.attachment.mode;
                self.set_attached(Some(attached));
                self.look_at(interface);
                self.stop_retrying();
                self.count_reattached(mode, log);
                self.log_warnings(log);
                if durability == Durability::Final {
                    self.persist(log);
                }
            }
            // No retry is needed: the kernel sends an event when the interface comes up.
            Err(error) if !interface.up => {
                self.stop_retrying();
                self.obstacle = Some(to_reason(&error.failure));
            }
            Err(error) => match (&error.failure, interface.xdp) {
                (occupied @ Failure::Occupied, Some((_, id))) => {
                    self.retry_later(log, &format_args!("{occupied}, id {id}"));
                }
                (failure, _) => self.retry_later(log, failure),
            },
        }
    }

    fn count_reattached(&mut self, mode: Mode, log: &Log) {
        let name = &self.interface;
        log.info(format_args!("{name}: attached again in {mode} mode"));
        self.reattached += 1;
    }

    /// Plans another attempt. Only the first of consecutive failures is logged.
    pub(super) fn retry_later(&mut self, log: &Log, why: &dyn fmt::Display) {
        if self.attached.is_some() {
            return;
        }
        if !self.retry.is_failing() {
            let (name, pause) = (&self.interface, FIRST_PAUSE.as_secs());
            log.error(format_args!(
                "{name}: is not filtered: {why}; retrying in {pause} s"
            ));
        }
        self.obstacle = Some(to_reason(why));
        self.retry.plan();
    }
}

/// True if the kernel reports our program on the interface, and in a link of this state. `ours` is the program's id.
fn is_on(interface: &Interface, ours: u32, state: Option<LinkState>) -> bool {
    // With programs in several modes, the kernel may report the id of any of them.
    let is_ours = |(mode, found): (Option<_>, u32)| mode.is_none() || found == ours;
    state.is_none_or(|state| state == LinkState::Attached) && interface.xdp.is_some_and(is_ours)
}

/// Replaces another program in the link by ours atomically: each packet meets one of the two programs. False if the link
/// is detached, or the kernel refuses.
fn restore_link(attachment: &Attachment, ours: u32) -> bool {
    let state = attachment.link_state(ours);
    matches!(state, Some(LinkState::Replaced(_))) && attachment.restore().is_ok()
}
