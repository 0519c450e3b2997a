//! The Corefile again, while the filters run.
//!
//! All that is new is read, checked, loaded and filled beside the old. Only then are the programs switched, one step
//! each, and what is no longer named detached. Whatever goes wrong on the way, the old stays or is put back.

use std::time::SystemTime;

use super::serve::Daemon;
use super::{Error, Filters, announce_filters, announce_page, start};
use crate::filter::{Filter, Loaded};
use crate::page::server::Server;
use crate::plan::{Plan, Source};

impl Daemon<'_> {
    /// Reloads, and says in the log what came of it.
    pub(super) fn reload(&mut self) {
        match self.try_reload() {
            Ok(()) => {
                self.reloads.successes += 1;
                self.reloads.last_success = SystemTime::now();
                self.options.log.info("reload: done");
            }
            Err(error) => {
                self.reloads.failures += 1;
                for line in error.chain().lines() {
                    self.options.log.error(format_args!("reload: {line}"));
                }
                self.options.log.error("reload: nothing was changed");
            }
        }
    }

    fn try_reload(&mut self) -> Result<(), Error> {
        let log = &self.options.log;
        if self.options.source == Source::Stdin {
            return Err(Error::Stdin);
        }
        let plan = Plan::make(&self.options.source).map_err(Error::Refused)?;
        start::warn(&plan, log);
        let page_changes = self.page_changes(&plan);
        let server = if page_changes {
            let keeper = self.keeper.as_mut().ok_or(Error::NoKeeper)?;
            start::page(&plan, self.server.as_ref(), keeper)?
        } else {
            None
        };
        let loaded = start::load(&plan, &mut self.scan, log)?;
        self.switch(&plan, loaded)?;
        announce_filters(&self.filters, log);
        if page_changes {
            self.server = server;
            announce_page(self.server.as_ref(), log);
        }
        self.counts = Default::default();
        Ok(())
    }

    fn page_changes(&self, plan: &Plan) -> bool {
        let wanted = plan.config.pages.iter().map(|page| page.address);
        !wanted.eq(self.server.iter().flat_map(Server::wanted))
    }

    /// Each new filter in the place of the old one of its interface, if there is one; all of them, or none.
    fn switch(&mut self, plan: &Plan, loaded: Vec<Loaded>) -> Result<(), Error> {
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
                    self.put_back(new);
                    return Err(wrong.into());
                }
            }
        }
        // Detaches those that the Corefile no longer names.
        self.filters = new;
        Ok(())
    }

    fn put_back(&mut self, new: Filters) {
        for filter in new {
            if let Some(old) = same_interface(&mut self.filters, &filter.interface) {
                old.take_back(filter, &self.options.log);
            }
        }
    }
}

fn same_interface<'a>(filters: &'a mut [Filter], name: &str) -> Option<&'a mut Filter> {
    filters.iter_mut().find(|filter| filter.interface == name)
}
