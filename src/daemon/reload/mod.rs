//! Reload: reads the Corefile again and replaces the running filters.
//!
//! New programs and maps are loaded and filled beside the running ones. A filter whose program and map definitions are
//! unchanged keeps them; only entries that differ are updated. Each other program is replaced in one step. Filters that
//! the Corefile no longer names are detached. If a step fails, the previous filters stay or are attached again.

pub(super) mod confirm;
pub(super) mod switch;
pub(super) mod watch;

use std::time::{Duration, Instant};

use super::error::Error;
use super::start;
use super::state::{Daemon, PendingConfirm, Reloading, Replaced};
use crate::config::Config;
use crate::filter::{self, Durability};
use crate::log::Log;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};
use crate::views::Reloads;
use watch::{ReloadWatch, jitter_seed};

impl Reloading {
    /// State after the start, which read the content in `sources`.
    pub(super) fn new(plan: &Plan, sources: Sources) -> Self {
        let jitter_seed = jitter_seed();
        Self {
            watch: ReloadWatch::new(&plan.config, jitter_seed, sources),
            jitter_seed,
            results: Reloads::default(),
            pending: None,
        }
    }

    /// Durability of changes now: provisional while a confirmation is pending.
    pub(super) const fn durability(&self) -> Durability {
        match self.pending {
            None => Durability::Final,
            Some(_) => Durability::Provisional,
        }
    }

    /// Deadline of the directive `reload` or of a pending confirmation.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let watch = self.watch.as_ref().map(ReloadWatch::at);
        let pending = self.pending.as_ref().map(|pending| pending.until);
        watch.into_iter().chain(pending).min()
    }

    /// Logs the result of a reload, and records it for the status. The refusal of a reload while another awaits
    /// confirmation is only logged.
    fn record(&mut self, result: &Result<(), Error>, log: &Log) {
        match result {
            Ok(()) => {
                log.info("reload: done");
                if let Some(pending) = &self.pending {
                    self.results.awaits_confirmation();
                    pending.announce(log);
                } else {
                    self.results.succeeded();
                }
            }
            Err(error) => {
                let text = error.chain();
                if !matches!(error, Error::Unconfirmed) {
                    self.results.failed(&text);
                }
                for line in text.lines() {
                    log.error(format_args!("reload: {line}"));
                }
                log.error("reload: nothing was changed");
            }
        }
    }
}

impl Daemon<'_> {
    /// Reloads if a poll of the directive `reload` is due and finds a change, unless a confirmation is pending.
    pub(super) fn reload_if_changed(&mut self) {
        let watch = self.reloading.watch.as_mut();
        let Some(changed) = watch.and_then(ReloadWatch::poll) else {
            return;
        };
        // The timer has woken the daemon anyway, so the check costs no wakeup.
        self.verify_filters();
        if self.reloading.pending.is_some() || !changed {
            return;
        }
        let log = &self.options.log;
        log.info("reload: the Corefile or what it names has changed");
        // `reload` logs the error.
        let _ = self.reload(None);
    }

    /// Reloads the Corefile, and logs the result. With `confirm`, the reload is rolled back unless it is confirmed within
    /// that time.
    ///
    /// # Errors
    /// The step that failed; nothing was changed.
    pub(super) fn reload(&mut self, confirm: Option<Duration>) -> Result<(), Error> {
        self.manager.reloading();
        let mut sources = Sources::default();
        let result = self.try_reload(confirm, &mut sources);
        let reloading = &mut self.reloading;
        match (&result, &mut reloading.watch) {
            (Ok(config), watch) => {
                if let Some((pending, mut old)) = reloading.pending.as_mut().zip(watch.take()) {
                    old.refused(sources.clone());
                    pending.replaced.watch = Some(old);
                }
                *watch = ReloadWatch::new(config, reloading.jitter_seed, sources);
            }
            // An unconfirmed start or reload refuses a reload before the Corefile is read.
            (Err(Error::Unconfirmed), _) | (Err(_), None) => {}
            (Err(_), Some(watch)) => watch.refused(sources),
        }
        let result = result.map(drop);
        reloading.record(&result, &self.options.log);
        self.manager.ready();
        result
    }

    /// Replaces the running filters with the filters of the Corefile, whose content is added to `sources`.
    fn try_reload(
        &mut self,
        confirm: Option<Duration>,
        sources: &mut Sources,
    ) -> Result<Config, Error> {
        let options = self.options;
        let log = &options.log;
        if options.source == Source::Stdin {
            return Err(Error::Stdin);
        }
        if self.reloading.pending.is_some() {
            return Err(Error::Unconfirmed);
        }
        let mut plan = Plan::make(&options.source, sources).map_err(Error::Refused)?;
        plan.resolve_kernel_types().map_err(Error::Refused)?;
        start::add_frames(&mut plan, log);
        self.verify_filters();
        start::warn(&plan, log);
        start::check_names(&plan, log)?;
        filter::check_lists(&plan, &self.filters)?;
        start::set_link_headers(&mut plan, &self.filters)?;
        let prepared = start::prepare(&plan, &self.filters, &mut self.map_reads.scan, log)?;
        let durability = switch::durability(confirm);
        self.end_sampling();
        let (running, scan) = (&mut self.filters, &mut self.map_reads.scan);
        let mut new = switch::switch(running, prepared, scan, log, durability)?;
        if durability == Durability::Final {
            switch::persist(&mut new, log);
        }
        let replaced = Replaced {
            places: self.page.places().collect(),
            hosts: self.page.set_hosts(plan.config.hosts.clone()),
            serving: std::mem::replace(&mut self.serving, plan.config.serving),
            filters: std::mem::replace(&mut self.filters, new),
            watch: None,
        };
        start::announce(&self.filters, &[], log);
        self.page.move_to(&plan, log);
        self.reloading.pending = confirm.map(|time| PendingConfirm {
            until: Instant::now() + time,
            replaced,
            at_start: false,
        });
        Ok(plan.config)
    }
}
