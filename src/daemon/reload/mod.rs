//! Reload: the Corefile again, while the filters run.
//!
//! Everything new is read, checked, loaded and filled beside the old. A filter whose program and maps are unchanged
//! keeps them. Then each program is switched in one step, or the entries that differ are updated, and a filter that the
//! Corefile no longer names is detached. Whatever fails on the way, the old filters stay or are put back.

pub(super) mod confirm;
pub(super) mod switch;
pub(super) mod watch;

use std::time::{Duration, Instant};

use super::error::Error;
use super::start;
use super::state::{Daemon, PendingConfirm, Reloading, Replaced};
use crate::config::Config;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};
use watch::ReloadWatch;

impl Reloading {
    /// Deadline of the directive `reload` or of a pending confirmation.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let watch = self.watch.as_ref().map(ReloadWatch::at);
        let pending = self.pending.as_ref().map(|pending| pending.until);
        watch.into_iter().chain(pending).min()
    }
}

impl Daemon<'_> {
    /// Reloads, and logs the result. A reload that is refused because another waits for confirmation leaves no result. With `confirm`, the new filters must be confirmed within that time.
    ///
    /// # Errors
    /// Everything that is wrong; nothing was changed.
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
            // Nothing was read.
            (Err(Error::Unconfirmed), _) | (Err(_), None) => {}
            (Err(_), Some(watch)) => watch.refused(sources),
        }
        let result = result.map(drop);
        let log = &self.options.log;
        match &result {
            Ok(()) => {
                log.info("reload: done");
                if let Some(pending) = &reloading.pending {
                    reloading.results.awaits_confirmation();
                    pending.announce(log);
                } else {
                    reloading.results.succeeded();
                }
            }
            Err(error) => {
                let text = error.chain();
                // The pending reload remains the last.
                if !matches!(error, Error::Unconfirmed) {
                    reloading.results.failed(&text);
                }
                for line in text.lines() {
                    log.error(format_args!("reload: {line}"));
                }
                log.error("reload: nothing was changed");
            }
        }
        self.manager.ready();
        result
    }

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
        plan.add_frames();
        self.verify_filters();
        start::warn(&plan, log);
        start::check_names(&plan, log)?;
        let prepared = start::prepare(&plan, &self.filters, &mut self.scan, log)?;
        let persistent = confirm.is_none();
        let (running, scan) = (&mut self.filters, &mut self.scan);
        let mut new = switch::switch(running, prepared, scan, log, persistent)?;
        if persistent {
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
        // After the filters, which do not depend on the page. Nothing here can refuse the reload.
        let wanted = plan.config.listen.iter().map(|listen| listen.place);
        let moves = !wanted.eq(self.page.places());
        self.page.serve_plan(&plan, log);
        if moves {
            self.page.announce(log);
        }
        self.reloading.pending = confirm.map(|time| PendingConfirm {
            until: Instant::now() + time,
            replaced,
            at_start: false,
        });
        Ok(plan.config)
    }
}
