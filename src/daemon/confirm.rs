//! The dead man's switch: what was put in place stays only if somebody says so in time.
//!
//! Whoever filters the interface by which they are logged in may lock themselves out. Then they can't confirm, and what
//! was there before returns.

use std::time::{Duration, Instant};

use super::serve::Daemon;
use super::switch::put_back;
use super::{Error, Filters, announce_filters, announce_page, start};
use crate::capacity::MAX_FILTERS;
use crate::config::Address;
use crate::log::Log;

/// What waits to be confirmed.
#[derive(Debug)]
pub(super) struct Pending {
    /// When it is too late.
    pub(super) until: Instant,
    /// What returns then; `None` after a start, when there was nothing.
    pub(super) old: Option<Old>,
}

/// What a reload replaced.
#[derive(Debug)]
pub(super) struct Old {
    /// Its filters, which do not filter now.
    pub(super) filters: Filters,
    /// Where the page was served.
    pub(super) addresses: heapless::Vec<Address, MAX_FILTERS>,
}

impl Pending {
    /// What a start with `--confirm` waits for.
    pub(super) fn start(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            old: None,
        }
    }

    pub(super) fn announce(&self, log: &Log) {
        let left = self.until.saturating_duration_since(Instant::now());
        // Rounded up: it is a few microseconds later already.
        let seconds = left.as_secs() + u64::from(left.subsec_millis() > 0);
        let otherwise = match self.old {
            Some(_) => "the old filters return",
            None => "they are detached",
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
    pub(super) fn confirm(&mut self) -> Result<(), Error> {
        self.pending.take().ok_or(Error::NothingToConfirm)?;
        self.options.log.info("confirmed");
        Ok(())
    }

    /// Undoes what was not confirmed in time; true when that means to end.
    pub(super) fn undo(&mut self) -> bool {
        let now = Instant::now();
        let Some(pending) = self.pending.take_if(|pending| pending.until <= now) else {
            return false;
        };
        let log = &self.options.log;
        let Some(Old {
            mut filters,
            addresses,
        }) = pending.old
        else {
            log.error("not confirmed in time: detaching");
            return true;
        };
        log.error("not confirmed in time: the old filters return");
        put_back(&mut filters, std::mem::take(&mut self.filters), log);
        for filter in &mut filters {
            filter.follow(log);
        }
        self.filters = filters;
        announce_filters(&self.filters, log);
        self.counts = Default::default();
        if !addresses.iter().copied().eq(self.addresses()) {
            match start::page_at(&addresses, self.server.as_ref()) {
                Ok(server) => self.server = server,
                Err(error) => log.error(format_args!("page: {}", error.chain())),
            }
            announce_page(self.server.as_ref(), log);
        }
        false
    }
}
