//! Interfaces that go and return: the filter follows the name.

use std::time::Instant;

use super::Filter;
use super::attach::attach_program;
use super::state::{Attached, FIRST_PAUSE};
use crate::kernel::interface::{self, Interface};
use crate::log::Log;

impl Filter {
    /// Attaches the program to the interface that has the name now, if it is another. The maps stay as they are.
    pub fn follow(&mut self, log: &Log) {
        let name = self.interface.clone();
        let found = match interface::find(&name) {
            Ok(found) => found,
            Err(error) => return self.retry_later(log, &error),
        };
        if let Some(attached) = &self.attached {
            if found
                .as_ref()
                .is_some_and(|there| self.is_on(there, attached))
            {
                return;
            }
            let index = attached.attachment.interface;
            self.unpin_link();
            // Detaches from an interface that has another name now.
            self.set_attached(None);
            match &found {
                Some(there) if there.index == index => {
                    log.warn(format_args!("{name}: the program was detached by somebody"));
                }
                _ => log.warn(format_args!("{name}: the interface has gone")),
            }
        }
        if let Some(there) = found {
            self.return_to(&there, log);
        } else {
            self.stop_retrying();
        }
    }

    /// Time of the next call of [`Filter::follow`] without news of the interface.
    pub const fn retry_at(&self) -> Option<Instant> {
        self.retry.at()
    }

    pub(super) const fn stop_retrying(&mut self) {
        self.retry.reset();
    }

    fn is_on(&self, there: &Interface, attached: &Attached) -> bool {
        let same = attached.attachment.interface == there.index;
        // With programs in several modes at once, the kernel may report the id of any of them.
        let ours = |(mode, id): (Option<_>, u32)| mode.is_none() || id == self.program.info.id;
        same && there.xdp.is_some_and(ours)
    }

    fn return_to(&mut self, there: &Interface, log: &Log) {
        let name = self.interface.clone();
        // Attached even while the interface is down, so that it never is up without a filter.
        match attach_program(self.wanted, there, &self.program, None) {
            Ok(attached) => {
                let mode = attached.attachment.mode;
                if let Some(reason) = &attached.reason {
                    log.warn(format_args!("{name}: native mode refused: {reason}"));
                }
                log.info(format_args!("{name}: attached again in {mode} mode"));
                self.set_attached(Some(attached));
                self.stop_retrying();
                self.reattached += 1;
                self.persist(log);
            }
            // The kernel reports when the interface is up.
            Err(_) if !there.up => self.stop_retrying(),
            Err(error) => self.retry_later(log, &error.failure),
        }
    }

    /// Plans another attempt; only the first failure of a row is logged.
    fn retry_later(&mut self, log: &Log, why: &dyn std::fmt::Display) {
        if self.attached.is_some() {
            return;
        }
        if !self.retry.is_failing() {
            let (name, pause) = (&self.interface, FIRST_PAUSE.as_secs());
            log.error(format_args!(
                "{name}: is not filtered: {why}; retrying in {pause} s"
            ));
        }
        self.retry.plan();
    }
}
