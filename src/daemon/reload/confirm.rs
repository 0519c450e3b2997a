//! Confirmation: a start or reload with `--confirm` is rolled back unless `corexdp confirm` arrives in time.
//!
//! An operator who filters the interface of their own login may lock themselves out. Such an operator cannot confirm, and
//! the previous filters are attached again.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::switch::{persist, put_back};
use crate::config::{Hosts, Serving};
use crate::daemon::error::Error;
use crate::daemon::start;
use crate::daemon::state::{Daemon, Filters, PendingConfirm, Places, Replaced, Running};
use crate::filter::Durability;
use crate::log::Log;
use crate::plan::Source;

/// Message after the rollback of a reload. The daemon cannot restore the Corefile, so the message says what to do.
const ROLLED_BACK: &str = "not confirmed in time: the reload is rolled back; the Corefile is still the new one, and a reload or restart applies it: restore the old Corefile, or reload with --confirm again";
/// Message after the rollback of a trial.
const TRIAL_ENDED: &str =
    "not confirmed in time: the reload is rolled back; the Corefile is unchanged";

/// Minimum time that a client has to put a file on trial in the Corefile's place.
const PLACING: Duration = Duration::from_secs(10);

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
                running: Running::default(),
                watch: None,
            },
            at_start: true,
            trial: None,
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
        let trial = fmt::from_fn(|f| match &self.trial {
            Some(trial) => write!(f, "{} is on trial: ", trial.source),
            None => Ok(()),
        });
        log.warn(format_args!(
            "{trial}run `corexdp confirm` within {seconds} s, or {otherwise}"
        ));
    }
}

impl Daemon<'_> {
    /// Paths of the Corefile and of the file on trial, and the digest of the content that runs, for a client that is about
    /// to put the file in the Corefile's place. The rollback waits for the client, at most [`PLACING`].
    pub(in crate::daemon) fn trial(&mut self) -> Option<(PathBuf, PathBuf, u64)> {
        let pending = self.reloading.pending.as_mut()?;
        let trial = pending.trial.as_ref()?;
        let Source::Trial { file, corefile } = &trial.source else {
            return None;
        };
        let corefile = std::path::absolute(corefile).ok()?;
        pending.until = pending.until.max(Instant::now() + PLACING);
        Some((corefile, file.clone(), trial.digest))
    }

    /// Confirms the last start or reload. For a trial, `placed` is the digest of the content that is in the Corefile now.
    ///
    /// # Errors
    /// [`Error::NothingToConfirm`], for example after the deadline.
    pub(in crate::daemon) fn confirm(&mut self, placed: Option<u64>) -> Result<(), Error> {
        let digest = |pending: &PendingConfirm| pending.trial.as_ref().map(|trial| trial.digest);
        let pending = &mut self.reloading.pending;
        let pending = pending.take_if(|pending| digest(pending) == placed);
        let pending = pending.ok_or(Error::NothingToConfirm)?;
        if let (Some(_), Source::File(path)) = (pending.trial, &self.options.source)
            && let Some(watch) = &mut self.reloading.watch
        {
            watch.confirmed(path);
        }
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
            let message = match pending.trial {
                None => ROLLED_BACK,
                Some(_) => TRIAL_ENDED,
            };
            log.error(message);
            self.reloading.results.rolled_back(message);
            self.reloading.watch = pending.replaced.watch.take();
            self.reloading.running = pending.replaced.running;
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
            log.warn(match (pending.at_start, pending.trial) {
                (true, _) => "not confirmed before the end: the start is rolled back",
                (false, Some(_)) => "not confirmed before the end: the reload is rolled back",
                (false, None) => "not confirmed before the end: the reload is rolled back; the next start applies the new Corefile: restore the old one",
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
