//! Interfaces that go and return: the filter follows the name.

use std::time::{Duration, Instant};

use super::Filter;
use super::attach;
use crate::config::Mode;
use crate::kernel::interface::{self, Interface};
use crate::log::Log;

/// The first pause before another attempt to attach, where the kernel gives no sign that one is worth it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// When a filter that could not be attached again is tried next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    at: Instant,
    pause: Duration,
}

impl Filter {
    /// Sees to it that the program is attached to whatever has the interface's name now. Its maps stay as they are.
    pub fn follow(&mut self, log: &Log) {
        let name = self.interface.clone();
        let found = match interface::find(&name) {
            Ok(found) => found,
            Err(error) => return self.failed(log, &error),
        };
        if let Some(placed) = &self.placed {
            if found
                .as_ref()
                .is_some_and(|there| self.is_on(there, placed))
            {
                return;
            }
            let index = placed.attachment.interface;
            self.unpin_link();
            // Detaches from an interface that merely has another name now.
            self.placed = None;
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
            self.retry = None;
        }
    }

    /// When [`Filter::follow`] wants to be called even without news of the interface.
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry.map(|retry| retry.at)
    }

    fn is_on(&self, there: &Interface, placed: &attach::Attached) -> bool {
        let attached = placed.attachment.interface == there.index;
        // With programs in several modes at once any of their ids may stand for them.
        let ours = |(mode, id): (Option<_>, u32)| mode.is_none() || id == self.program.info.id;
        attached && there.xdp.is_some_and(ours)
    }

    fn return_to(&mut self, there: &Interface, log: &Log) {
        let name = self.interface.clone();
        // Attached even while it is down, so that it never is up without. Some drivers refuse then; that is no reason
        // to content oneself with generic mode.
        let wanted = match self.wanted {
            Mode::Auto if !there.up => Mode::Native,
            wanted => wanted,
        };
        match attach::attach(wanted, there, &self.program, None) {
            Ok(placed) => {
                let mode = placed.attachment.mode;
                if let Some(reason) = &placed.reason {
                    log.warn(format_args!("{name}: native mode refused: {reason}"));
                }
                log.info(format_args!("{name}: attached again in {mode} mode"));
                self.placed = Some(placed);
                self.retry = None;
                self.reattached += 1;
                self.persist(log);
            }
            // There will be news when it is up.
            Err(_) if !there.up => self.retry = None,
            Err(misplaced) => self.failed(log, &misplaced.failure),
        }
    }

    /// Plans another attempt; only the first of a row that fail is told.
    fn failed(&mut self, log: &Log, why: &dyn std::fmt::Display) {
        if self.placed.is_some() {
            return;
        }
        let pause = match self.retry {
            None => {
                let name = &self.interface;
                log.error(format_args!("{name}: is not filtered: {why}; trying on"));
                FIRST_PAUSE
            }
            // News of the interface are no reason to be more patient.
            Some(retry) if retry.at > Instant::now() => retry.pause,
            Some(retry) => (retry.pause * 2).min(LONGEST_PAUSE),
        };
        self.retry = Some(Retry {
            at: Instant::now() + pause,
            pause,
        });
    }
}
