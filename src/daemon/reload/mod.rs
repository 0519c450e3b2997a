//! Reload: reads the Corefile again and replaces the running filters.
//!
//! New programs and maps are loaded and filled beside the running ones. A filter whose program and map definitions are
//! unchanged keeps them; only entries that differ are updated. Each other program is replaced in one step. Filters that
//! the Corefile no longer names are detached. If a step fails, the previous filters stay or are attached again.

pub(super) mod confirm;
pub(super) mod switch;
pub(super) mod watch;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::chosen::Chosen;
use super::error::Error;
use super::start;
use super::state::{Daemon, PendingConfirm, Reloading, Replaced, Running, Trial};
use crate::base::files::Identity;
use crate::config::{Config, page_size};
use crate::filter::{self, Durability};
use crate::log::Log;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};
use crate::views::Reloads;
use watch::{ReloadWatch, jitter_seed};

impl Reloading {
    /// State after the start with `chosen`. The Corefile, even if it was refused, has the content in `sources`.
    pub(super) fn new(chosen: &Chosen, sources: Sources) -> Self {
        let jitter_seed = jitter_seed();
        let mut results = Reloads::default();
        if let Some(error) = &chosen.refused {
            results.refused_at_start(&error.chain());
        }
        Self {
            watch: ReloadWatch::new(&chosen.plan.config, jitter_seed, sources),
            jitter_seed,
            results,
            pending: None,
            running: Running {
                is_fallback: chosen.refused.is_some(),
                sha256: chosen.plan.sha256,
            },
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
        let _ = self.reload(None, None);
    }

    /// Reloads the Corefile, or tries the file at the absolute path `trial` in its place, and logs the result. With
    /// `confirm`, the reload is rolled back unless it is confirmed within that time.
    ///
    /// # Errors
    /// The step that failed; nothing was changed.
    pub(super) fn reload(
        &mut self,
        confirm: Option<Duration>,
        trial: Option<&Path>,
    ) -> Result<(), Error> {
        self.manager.reloading();
        let mut sources = Sources::default();
        let result = self.source(trial).and_then(|source| {
            let config = self.try_reload(&source, confirm, &mut sources)?;
            Ok((source, config))
        });
        let reloading = &mut self.reloading;
        match (&result, &mut reloading.watch) {
            (Ok((source, config)), watch) => {
                if let Some(pending) = &mut reloading.pending {
                    pending.trial = trial.and(sources.first_digest()).map(|digest| Trial {
                        source: source.clone(),
                        digest,
                    });
                    let mut old = watch.take();
                    // The rollback of a trial needs no record of refused content: the Corefile is unchanged.
                    if let (Some(old), None) = (&mut old, trial) {
                        old.refused(sources.clone());
                    }
                    pending.replaced.watch = old;
                }
                *watch = ReloadWatch::new(config, reloading.jitter_seed, sources);
            }
            // An unconfirmed start or reload refuses a reload before the Corefile is read.
            (Err(Error::Unconfirmed), _) | (Err(_), None) => {}
            (Err(_), Some(watch)) if trial.is_none() => watch.refused(sources),
            (Err(_), Some(_)) => {}
        }
        let result = result.map(drop);
        reloading.record(&result, &self.options.log);
        self.manager.ready();
        result
    }

    /// The source of a reload: the Corefile, or the file at `trial`.
    fn source(&self, trial: Option<&Path>) -> Result<Source, Error> {
        let (Source::File(corefile), Some(file)) = (&self.options.source, trial) else {
            return Ok(self.options.source.clone());
        };
        let identity = |path: &Path| fs::metadata(path).ok().map(|found| Identity::of(&found));
        if identity(file).is_some_and(|file| identity(corefile) == Some(file)) {
            return Err(Error::NoTrial(
                "this is the Corefile itself, which the next start reads; reload without -conf, or try another file",
            ));
        }
        if file.as_os_str().len() > page_size::MAX_PATH {
            return Err(Error::NoTrial(
                "the path has more than 1024 bytes; move the file",
            ));
        }
        Ok(Source::Trial {
            file: file.into(),
            corefile: corefile.clone(),
        })
    }

    /// Replaces the running filters with the filters of `source`, whose content is added to `sources`.
    fn try_reload(
        &mut self,
        source: &Source,
        confirm: Option<Duration>,
        sources: &mut Sources,
    ) -> Result<Config, Error> {
        let options = self.options;
        let log = &options.log;
        if *source == Source::Stdin {
            return Err(Error::Stdin);
        }
        if self.reloading.pending.is_some() {
            return Err(Error::Unconfirmed);
        }
        let mut plan = Plan::make(source, sources).map_err(Error::Refused)?;
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
        let running = Running {
            is_fallback: false,
            sha256: plan.sha256,
        };
        let replaced = Replaced {
            places: self.page.places().collect(),
            hosts: self.page.set_hosts(plan.config.hosts.clone()),
            serving: std::mem::replace(&mut self.serving, plan.config.serving),
            filters: std::mem::replace(&mut self.filters, new),
            running: std::mem::replace(&mut self.reloading.running, running),
            watch: None,
        };
        start::announce(&self.filters, &[], log);
        self.page.move_to(&plan, log);
        self.reloading.pending = confirm.map(|time| PendingConfirm {
            until: Instant::now() + time,
            replaced,
            at_start: false,
            trial: None,
        });
        Ok(plan.config)
    }
}
