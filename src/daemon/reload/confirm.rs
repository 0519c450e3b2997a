//! The dead man's switch: what was put in place stays only if somebody says so in time.
//!
//! Whoever filters the interface by which they are logged in may lock themselves out. Then they can't confirm, and what
//! was there before returns.

use std::time::{Duration, Instant};

use super::switch::{persist, put_back};
use crate::config::{MAX_PLACES, Place, Serving};
use crate::daemon::event_loop::Daemon;
use crate::daemon::{Error, Filters, announce_filters, start};
use crate::log::Log;

/// What waits to be confirmed.
#[derive(Debug)]
pub(in crate::daemon) struct Pending {
    /// When it is too late.
    pub(in crate::daemon) until: Instant,
    /// What returns then.
    pub(in crate::daemon) old: Old,
    /// Whether it is the start that waits; then the daemon ends.
    pub(in crate::daemon) at_start: bool,
}

/// What a reload replaced.
#[derive(Debug)]
pub(in crate::daemon) struct Old {
    /// Its filters, which do not filter now.
    pub(in crate::daemon) filters: Filters,
    /// What was served where.
    pub(in crate::daemon) places: heapless::Vec<Place, MAX_PLACES>,
    /// How that was served.
    pub(in crate::daemon) serving: Serving,
}

impl Pending {
    /// What a start with `--confirm` waits for; `filters` are those that an earlier daemon left in place.
    pub(in crate::daemon) fn start(time: Duration, filters: Filters) -> Self {
        Self {
            until: Instant::now() + time,
            old: Old {
                filters,
                places: heapless::Vec::new(),
                serving: Serving::default(),
            },
            at_start: true,
        }
    }

    pub(in crate::daemon) fn announce(&self, log: &Log) {
        let left = self.until.saturating_duration_since(Instant::now());
        // Rounded up: it is a few microseconds later already.
        let seconds = left.as_secs() + u64::from(left.subsec_millis() > 0);
        let otherwise = if self.at_start {
            "all is as before the start"
        } else {
            "the old filters return"
        };
        log.warn(format_args!(
            "unless `corexdp confirm` comes within {seconds} s, {otherwise}"
        ));
    }
}

impl Daemon<'_> {
    /// Keeps what was put in place.
    ///
    /// # Errors
    /// When nothing waits to be confirmed, for example because it is too late.
    pub(in crate::daemon) fn confirm(&mut self) -> Result<(), Error> {
        self.pending.take().ok_or(Error::NothingToConfirm)?;
        persist(&mut self.filters, &self.options.log);
        self.options.log.info("confirmed");
        Ok(())
    }

    /// Undoes what was not confirmed in time; true when that means to end.
    pub(in crate::daemon) fn undo(&mut self) -> bool {
        let now = Instant::now();
        let Some(pending) = self.pending.take_if(|pending| pending.until <= now) else {
            return false;
        };
        let log = &self.options.log;
        let Old {
            mut filters,
            places,
            serving,
        } = pending.old;
        log.error(if pending.at_start {
            "not confirmed in time: all is as before the start"
        } else {
            "not confirmed in time: the old filters return"
        });
        put_back(&mut filters, std::mem::take(&mut self.filters), log);
        for filter in &mut filters {
            filter.follow(log);
        }
        self.filters = filters;
        if pending.at_start {
            return true;
        }
        announce_filters(&self.filters, log);
        self.serving = serving;
        if !places.iter().copied().eq(self.places()) {
            let listeners = start::listeners_at(&places, self.server.as_ref());
            match listeners.and_then(|listeners| self.prepare(listeners)) {
                Ok(page) => self.turn(page),
                Err(error) => log.error(format_args!("page: {}", error.chain())),
            }
        }
        false
    }
}
