//! The Corefile again, while the filters run.
//!
//! All that is new is read, checked, loaded and filled beside the old; a filter whose program, maps and entries are the
//! same goes on as it is, with its counters. Only then are the programs switched, one step
//! each, and what is no longer named is detached. Whatever goes wrong on the way, the old stays or is put back.

use std::time::{Duration, Instant, SystemTime};

use super::confirm::{Old, Pending};
use super::serve::Daemon;
use super::switch::{settle, switch};
use super::{Error, announce_filters, announce_page, start};
use crate::config::Address;
use crate::overview::Count;
use crate::page::listener::Listeners;
use crate::page::server::Server;
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
        let result = self.try_reload(confirm);
        let log = &self.options.log;
        match &result {
            Ok(()) => {
                self.reloads.successes += 1;
                self.reloads.last_success = SystemTime::now();
                self.reloads.last_failure = None;
                log.info("reload: done");
                if let Some(pending) = &self.pending {
                    pending.announce(log);
                }
            }
            Err(error) => {
                self.reloads.failures += 1;
                self.reloads.last_failure = Some(SystemTime::now());
                for line in error.chain().lines() {
                    log.error(format_args!("reload: {line}"));
                }
                log.error("reload: nothing was changed");
            }
        }
        result
    }

    fn try_reload(&mut self, confirm: Option<Duration>) -> Result<(), Error> {
        let log = &self.options.log;
        if self.options.source == Source::Stdin {
            return Err(Error::Stdin);
        }
        if self.pending.is_some() {
            return Err(Error::Unconfirmed);
        }
        let plan = Plan::make(&self.options.source).map_err(Error::Refused)?;
        start::warn(&plan, log);
        let wanted = plan.config.pages.iter().map(|page| page.address);
        let page = if wanted.eq(self.addresses()) {
            None
        } else {
            let listeners = start::listeners(&plan, self.server.as_ref())?;
            Some(self.prepare(listeners)?)
        };
        let loaded = start::load(&plan, &self.filters, &mut self.scan, log)?;
        let lasting = confirm.is_none();
        let (running, scan) = (&mut self.filters, &mut self.scan);
        let mut new = switch(running, &plan, loaded, scan, log, lasting)?;
        if lasting {
            settle(&mut new, log);
        }
        let old = Old {
            addresses: self.addresses().collect(),
            filters: std::mem::replace(&mut self.filters, new),
        };
        announce_filters(&self.filters, log);
        if let Some(page) = page {
            self.turn(page);
        }
        self.counts = Count::of(&self.filters);
        self.pending = confirm.map(|time| Pending {
            until: Instant::now() + time,
            old,
            at_start: false,
        });
        Ok(())
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
        announce_page(self.server.as_ref(), &self.options.log);
    }

    /// Where the page is served, as the Corefile has it.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.server.iter().flat_map(Server::wanted)
    }
}
