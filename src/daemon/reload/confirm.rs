//! Confirmation: a start or reload with `--confirm` is rolled back unless `corexdp confirm` arrives in time.
//!
//! An operator who filters the interface of their own login may lock themselves out. Such an operator cannot confirm, and
//! the previous filters are attached again.

use std::time::{Duration, Instant};

use super::switch::{persist, put_back};
use crate::config::{Hosts, Serving};
use crate::daemon::error::Error;
use crate::daemon::start;
use crate::daemon::state::{Daemon, Filters, PendingConfirm, Places, Replaced};
use crate::filter::Durability;
use crate::log::Log;

/// Message after the rollback of a reload. The daemon cannot restore the Corefile, so the message says what to do.
const ROLLED_BACK: &str = "not confirmed in time: the reload is rolled back; the Corefile is still the new one, and a reload or restart applies it: restore the old Corefile, or reload with --confirm again";

impl PendingConfirm {
    /// The pending confirmation of a start, due in `time`. `replaced` are the filters that an earlier daemon left attached.
    pub(in crate::daemon) fn of_start(time: Duration, replaced: Filters) -> Self {
        Self {
            until: Instant::now() + time,
            replaced: Replaced {
                filters: replaced,
                places: heapless::Vec::new(),
                hosts: Hosts::new(),
                serving: Serving::default(),
                watch: None,
            },
            at_start: true,
        }
    }

    /// Logs the time left for `corexdp confirm`.
    pub(in crate::daemon) fn announce(&self, log: &Log) {
        let left = self.until.saturating_duration_since(Instant::now());
        // Rounded up, since some microseconds have passed since the start or reload.
        let seconds = left.as_secs() + u64::from(left.subsec_millis() > 0);
        let otherwise = if self.at_start {
            "the start is rolled back"
        } else {
            "the reload is rolled back"
        };
        log.warn(format_args!(
            "run `corexdp confirm` within {seconds} s, or {otherwise}"
        ));
    }
}

impl Daemon<'_> {
    /// Confirms the last start or reload.
    ///
    /// # Errors
    /// [`Error::NothingToConfirm`], for example after the deadline.
    pub(in crate::daemon) fn confirm(&mut self) -> Result<(), Error> {
        let pending = self.reloading.pending.take();
        pending.ok_or(Error::NothingToConfirm)?;
        persist(&mut self.filters, &self.options.log);
        self.reloading.results.confirmed();
        self.options.log.info("confirmed");
        Ok(())
    }

    /// Rolls back a start or reload whose deadline has passed. Returns true after the rollback of a start, which ends the
    /// daemon.
    pub(in crate::daemon) fn roll_back_unconfirmed(&mut self) -> bool {
        let now = Instant::now();
        let pending = &mut self.reloading.pending;
        let Some(mut pending) = pending.take_if(|pending| pending.until <= now) else {
            return false;
        };
        self.end_sampling();
        let log = &self.options.log;
        let at_start = pending.at_start;
        if at_start {
            log.error("not confirmed in time: the start is rolled back");
        } else {
            log.error(ROLLED_BACK);
            self.reloading.results.rolled_back(ROLLED_BACK);
            self.reloading.watch = pending.replaced.watch.take();
        }
        let (serving, places, hosts) = restore(pending.replaced, &mut self.filters, log);
        if at_start {
            return true;
        }
        start::announce(&self.filters, &[], log);
        self.serving = serving;
        self.page.set_hosts(hosts);
        if !places.iter().copied().eq(self.page.places()) {
            self.page.serve_again(&places, log);
            self.page.announce(log);
        }
        false
    }

    /// Rolls back an unconfirmed start or reload when the daemon ends. So no unconfirmed filter stays attached, and every
    /// replaced filter with `exit hold` is attached again.
    pub(in crate::daemon) fn roll_back_at_end(&mut self) {
        if let Some(pending) = self.reloading.pending.take() {
            let log = &self.options.log;
            log.warn(if pending.at_start {
                "not confirmed before the end: the start is rolled back"
            } else {
                "not confirmed before the end: the reload is rolled back; the next start applies the new Corefile: restore the old one"
            });
            restore(pending.replaced, &mut self.filters, log);
        }
    }
}

/// Attaches the replaced filters again. Returns the previous settings of the page.
fn restore(replaced: Replaced, running: &mut Filters, log: &Log) -> (Serving, Places, Hosts) {
    let Replaced {
        mut filters,
        places,
        hosts,
        serving,
        ..
    } = replaced;
    put_back(&mut filters, std::mem::take(running), log);
    for filter in filters.iter_mut() {
        filter.reattach(Durability::Final, log);
    }
    *running = filters;
    (serving, places, hosts)
}
