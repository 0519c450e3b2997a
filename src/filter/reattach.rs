//! Filters that are attached no more: the filter follows the name of its interface, and returns where somebody detached
//! or replaced its program.
//!
//! The kernel tells nobody when a BPF link is detached or gets another program. So the daemon looks whenever somebody
//! asks for its state, and otherwise sleeps.

use std::fmt::{self, Write as _};
use std::time::Instant;

use super::Filter;
use super::attach::attach_program;
use super::state::{Attached, FIRST_PAUSE};
use crate::kernel::Reason;
use crate::kernel::attach::{Failure, LinkState, Mode};
use crate::kernel::interface::{self, Interface};
use crate::log::Log;

impl Filter {
    /// Asks the kernel whether the program is attached, and attaches it again if it is not. A filter without attachment
    /// waits for news of its interface or for its retry. A change that is not `persistent` waits to be confirmed.
    pub fn verify(&mut self, persistent: bool, log: &Log) {
        let ours = self.program.info.id;
        if let Some(attached) = &self.attached
            && attached.attachment.link_state(ours) != Some(LinkState::Attached)
        {
            self.follow(persistent, log);
        }
    }

    /// Attaches the program to the interface that has the name now, unless it is attached there. The maps stay as they
    /// are. A change that is not `persistent` waits to be confirmed.
    pub fn follow(&mut self, persistent: bool, log: &Log) {
        let name = self.interface.clone();
        // Asked before the interface: a link that ends in between leaves an interface without the program.
        let attachment = self.attachment();
        let state = attachment.and_then(|there| there.link_state(self.program.info.id));
        let found = match interface::find(&name) {
            Ok(found) => found,
            Err(error) => return self.retry_later(log, &error),
        };
        if let Some(attached) = &self.attached {
            let there = found.as_ref();
            let there = there.filter(|there| there.index == attached.attachment.interface);
            if let Some(there) = there.filter(|there| self.is_on(there, state)) {
                return self.stay_on(there, persistent, log);
            }
            match there.map(|there| there.xdp) {
                None => log.warn(format_args!("{name}: the interface has gone")),
                Some(None) => {
                    log.warn(format_args!("{name}: the program was detached by somebody"));
                }
                Some(Some((_, id))) => {
                    log.warn(format_args!(
                        "{name}: somebody replaced the program by another, id {id}"
                    ));
                    if self.is_restored(attached) {
                        return self.returned(attached.attachment.mode, log);
                    }
                }
            }
            self.unpin_link();
            // Detaches from an interface that has another name now.
            self.set_attached(None);
        }
        if let Some(there) = found {
            self.return_to(&there, persistent, log);
        } else {
            self.stop_retrying();
            self.obstacle = Some(in_words(&Failure::Gone));
        }
    }

    /// Time of the next call of [`Filter::follow`] without news of the interface.
    pub const fn retry_at(&self) -> Option<Instant> {
        self.retry.at()
    }

    pub(super) const fn stop_retrying(&mut self) {
        self.retry.reset();
    }

    fn is_on(&self, there: &Interface, state: Option<LinkState>) -> bool {
        let id = self.program.info.id;
        // With programs in several modes at once, the kernel may report the id of any of them.
        let ours = |(mode, there): (Option<_>, u32)| mode.is_none() || there == id;
        state.is_none_or(|state| state == LinkState::Attached) && there.xdp.is_some_and(ours)
    }

    /// Puts the program back into the link if another program is there. Each packet meets one of the two.
    fn is_restored(&self, attached: &Attached) -> bool {
        let attachment = &attached.attachment;
        let state = attachment.link_state(self.program.info.id);
        matches!(state, Some(LinkState::Replaced(_))) && attachment.restore().is_ok()
    }

    /// The program is attached to `there`, whose link type may have changed: a modem's by its mode, a bond's by its
    /// members. Both are down meanwhile, so no packet comes between.
    fn stay_on(&mut self, there: &Interface, persistent: bool, log: &Log) {
        if self.fits(there.link_type) {
            return self.look_again(there);
        }
        self.unpin_link();
        self.set_attached(None);
        self.return_to(there, persistent, log);
    }

    fn return_to(&mut self, there: &Interface, persistent: bool, log: &Log) {
        if let Err(why) = self.fit_to(there, log) {
            return self.retry_later(log, &why);
        }
        let name = &self.interface;
        // Attached even while the interface is down, so that it never is up without a filter.
        match attach_program(self.wanted, there, &self.program, None) {
            Ok(attached) => {
                if let Some(reason) = &attached.reason {
                    log.warn(format_args!("{name}: native mode refused: {reason}"));
                }
                let mode = attached.attachment.mode;
                self.set_attached(Some(attached));
                self.look_at(there);
                self.stop_retrying();
                self.returned(mode, log);
                self.log_warnings(log);
                if persistent {
                    self.persist(log);
                }
            }
            // The kernel reports when the interface is up.
            Err(error) if !there.up => {
                self.stop_retrying();
                self.obstacle = Some(in_words(&error.failure));
            }
            Err(error) => match (&error.failure, there.xdp) {
                (occupied @ Failure::Occupied, Some((_, id))) => {
                    self.retry_later(log, &format_args!("{occupied}, id {id}"));
                }
                (failure, _) => self.retry_later(log, failure),
            },
        }
    }

    fn returned(&mut self, mode: Mode, log: &Log) {
        let name = &self.interface;
        log.info(format_args!("{name}: attached again in {mode} mode"));
        self.reattached += 1;
    }

    /// Plans another attempt; only the first failure of a row is logged.
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
        self.obstacle = Some(in_words(why));
        self.retry.plan();
    }
}

pub(super) fn in_words(why: &dyn fmt::Display) -> Reason {
    let mut words = Reason::new();
    // An error means that the rest does not fit.
    let _ = write!(words, "{why}");
    words
}
