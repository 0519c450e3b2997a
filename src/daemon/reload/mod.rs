//! The Corefile again, while the filters run.
//!
//! All that is new is read, checked, loaded and filled beside the old; a filter whose program and maps are the same goes
//! on with them. Only then are the programs switched, one step each, or the entries that differ changed, and what is no
//! longer named is detached. Whatever goes wrong on the way, the old stays or is put back.

pub(super) mod confirm;
pub(super) mod switch;
pub(super) mod watch;

use std::time::{Duration, Instant};

use self::confirm::{Old, Pending};
use self::switch::{persist, switch};
use self::watch::ReloadWatch;
use super::event_loop::Daemon;
use super::{Error, announce_filters, start};
use crate::config::{Config, Place};
use crate::http::listener::Listeners;
use crate::http::server::Server;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};

/// What is prepared for a page whose addresses change.
pub(super) enum Page {
    /// To the worker that is there: listen here.
    Moved(Listeners),
    /// None, or a first one.
    Other(Option<Server>),
}

impl Daemon<'_> {
    /// Reloads, and says in the log what came of it. With a time, the new is to be confirmed within that.
    ///
    /// # Errors
    /// What is wrong; nothing was changed.
    pub(super) fn reload(&mut self, confirm: Option<Duration>) -> Result<(), Error> {
        self.manager.reloading();
        let mut sources = Sources::default();
        let result = self.try_reload(confirm, &mut sources);
        match (&result, &mut self.renewal) {
            (Ok(config), renewal) => *renewal = ReloadWatch::new(config, self.jitter_seed, sources),
            (Err(_), Some(renewal)) => renewal.refused(sources),
            (Err(_), None) => {}
        }
        let result = result.map(drop);
        let log = &self.options.log;
        match &result {
            Ok(()) => {
                self.reloads.succeeded();
                log.info("reload: done");
                if let Some(pending) = &self.pending {
                    pending.announce(log);
                }
            }
            Err(error) => {
                let text = error.chain();
                self.reloads.failed(&text);
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
        let log = &self.options.log;
        if self.options.source == Source::Stdin {
            return Err(Error::Stdin);
        }
        if self.pending.is_some() {
            return Err(Error::Unconfirmed);
        }
        let plan = Plan::make(&self.options.source, sources).map_err(Error::Refused)?;
        start::warn(&plan, log);
        let wanted = plan.config.listen.iter().map(|page| page.place);
        let page = if wanted.eq(self.places()) {
            None
        } else {
            let listeners = start::listeners(&plan, self.server.as_ref())?;
            Some(self.prepare(listeners)?)
        };
        let prepared = start::prepare(&plan, &self.filters, &mut self.scan, log)?;
        let lasting = confirm.is_none();
        let (running, scan) = (&mut self.filters, &mut self.scan);
        let mut new = switch(running, &plan, prepared, scan, log, lasting)?;
        if lasting {
            persist(&mut new, log);
        }
        let old = Old {
            places: self.places().collect(),
            serving: std::mem::replace(&mut self.serving, plan.config.serving),
            filters: std::mem::replace(&mut self.filters, new),
        };
        announce_filters(&self.filters, log);
        if let Some(page) = page {
            self.turn(page);
        }
        self.pending = confirm.map(|time| Pending {
            until: Instant::now() + time,
            old,
            at_start: false,
        });
        Ok(plan.config)
    }

    /// Has a worker made where there is none yet; one that is there will listen elsewhere.
    pub(super) fn prepare(&mut self, listeners: Listeners) -> Result<Page, Error> {
        Ok(match (&self.server, &mut self.keeper) {
            (Some(_), _) if !listeners.is_empty() => Page::Moved(listeners),
            (None, Some(keeper)) => Page::Other(start::server(listeners, keeper)?),
            (None, None) if !listeners.is_empty() => return Err(Error::NoKeeper),
            _ => Page::Other(None),
        })
    }

    /// Serves the page where it is to be served now.
    pub(super) fn turn(&mut self, page: Page) {
        match (page, &mut self.server) {
            (Page::Moved(listeners), Some(server)) => server.listen(listeners),
            (Page::Moved(_), None) => {}
            (Page::Other(other), server) => *server = other,
        }
        self.announce_page();
    }

    /// What is served where, as the Corefile has it.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.server.iter().flat_map(Server::wanted)
    }
}
