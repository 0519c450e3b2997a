//! The Corefile again, while the filters run.
//!
//! All that is new is read, checked, loaded and filled beside the old. Only then are the programs switched, one step
//! each, and what is no longer named is detached. Whatever goes wrong on the way, the old stays or is put back.

use std::time::{Duration, Instant, SystemTime};

use super::confirm::{Old, Pending};
use super::serve::Daemon;
use super::{Error, Filters, announce_filters, announce_page, start};
use crate::config::Address;
use crate::filter::{Filter, Loaded};
use crate::page::server::Server;
use crate::plan::{Plan, Source};

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
                log.info("reload: done");
                if let Some(pending) = &self.pending {
                    pending.announce(log);
                }
            }
            Err(error) => {
                self.reloads.failures += 1;
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
        let page_stays = wanted.eq(self.addresses());
        let server = if page_stays {
            None
        } else {
            start::page(&plan, self.server.as_ref())?
        };
        let loaded = start::load(&plan, &mut self.scan, log)?;
        let old = Old {
            addresses: self.addresses().collect(),
            filters: self.switch(&plan, loaded)?,
        };
        announce_filters(&self.filters, log);
        if !page_stays {
            self.server = server;
            announce_page(self.server.as_ref(), log);
        }
        self.counts = Default::default();
        self.pending = confirm.map(|time| Pending {
            until: Instant::now() + time,
            old: Some(old),
        });
        Ok(())
    }

    /// Where the page is served, as the Corefile has it.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.server.iter().flat_map(Server::wanted)
    }

    /// Each new filter in the place of the old one of its interface, if there is one; all of them, or none. Returns the
    /// old ones, which filter no longer.
    fn switch(&mut self, plan: &Plan, loaded: Vec<Loaded>) -> Result<Filters, Error> {
        let log = &self.options.log;
        let mut new = Filters::new();
        for (order, loaded) in start::orders(plan, log).zip(loaded) {
            let old = same_interface(&mut self.filters, &order.filter.interface);
            let switched = match old {
                Some(old) => order.switch(old, loaded),
                None => order.attach(loaded),
            };
            match switched {
                // There is room: the list of `ebpf` blocks has the same capacity.
                Ok(filter) => drop(new.push(filter)),
                Err(wrong) => {
                    put_back(&mut self.filters, new, log);
                    return Err(wrong.into());
                }
            }
        }
        let mut old = std::mem::replace(&mut self.filters, new);
        // Those that the Corefile no longer names.
        old.iter_mut().for_each(Filter::step_aside);
        Ok(old)
    }
}

/// Puts filters back in the place of those that took it; what has no place in `old` is detached.
pub(super) fn put_back(old: &mut Filters, new: Filters, log: &crate::log::Log) {
    for filter in new {
        if let Some(old) = same_interface(old, &filter.interface) {
            old.take_back(filter, log);
        }
    }
}

fn same_interface<'a>(filters: &'a mut [Filter], name: &str) -> Option<&'a mut Filter> {
    filters.iter_mut().find(|filter| filter.interface == name)
}
