//! The one loop: signals, the page's requests, the time for `debug` to look.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Error, Filters, Options, Signals};
use crate::capacity::MAX_FILTERS;
use crate::filter::Filter;
use crate::kernel::interface::Monitor;
use crate::kernel::scan::Scan;
use crate::overview::{Count, Overview, Reloads};
use crate::page::Content;
use crate::page::server::{Heard, Server};
use crate::plan::MAP;
use crate::process::Birth;
use crate::wait::wait;

/// How often `debug` looks at the maps: twice in the 100 ms within which a change is promised to be logged.
const DEBUG_PERIOD: Duration = Duration::from_millis(50);

/// What runs.
pub(super) struct Daemon<'a> {
    pub(super) filters: Filters,
    pub(super) server: Option<Server>,
    pub(super) scan: Box<Scan>,
    pub(super) reloads: Reloads,
    pub(super) counts: [Count; MAX_FILTERS],
    pub(super) options: &'a Options,
    monitor: Monitor,
    next_look: Instant,
    read_errors: u64,
    birth: Birth,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(
        filters: Filters,
        monitor: Monitor,
        server: Option<Server>,
        scan: Box<Scan>,
        birth: Birth,
        options: &'a Options,
    ) -> Self {
        Self {
            filters,
            monitor,
            server,
            scan,
            reloads: Reloads::default(),
            counts: Default::default(),
            options,
            next_look: Instant::now() + DEBUG_PERIOD,
            read_errors: 0,
            birth,
        }
    }

    /// The one loop; returns the signal that ended it.
    pub(super) fn serve(&mut self, signals: &Signals) -> Result<Signal, Error> {
        loop {
            let [stop, reload, request, interfaces] = self.wait(signals)?;
            if stop && let Some(signal) = signals.stop() {
                return Ok(signal);
            }
            if reload && signals.reload() {
                self.reload();
            }
            if request {
                self.hear();
            }
            self.follow(interfaces);
            if let Some(server) = &mut self.server {
                server.restart();
            }
            self.look();
        }
    }

    /// Sleeps until there is something to do: stop, reload, answer a request, look after the interfaces. Only `debug`, a dead worker and an interface that refuses set a time.
    fn wait(&self, signals: &Signals) -> Result<[bool; 4], Error> {
        let times = [
            self.watches().then_some(self.next_look),
            self.server.as_ref().and_then(Server::deadline),
            self.filters.iter().filter_map(Filter::retry_at).min(),
        ];
        let fds = [
            Some(signals.stop_fd()),
            Some(signals.reload_fd()),
            self.server.as_ref().and_then(Server::fd),
            Some(self.monitor.as_fd()),
        ];
        wait(fds, times.into_iter().flatten().min())
            .map_err(|errno| Error::Process("the daemon can't wait for events", errno.into()))
    }

    /// Looks after the filters: all of them when there is news of interfaces, else those whose time has come.
    fn follow(&mut self, news: bool) {
        if news {
            self.monitor.drain();
        }
        let now = Instant::now();
        for filter in &mut self.filters {
            if news || filter.retry_at().is_some_and(|at| at <= now) {
                filter.follow(&self.options.log);
            }
        }
    }

    fn hear(&mut self) {
        let log = &self.options.log;
        let Some(server) = &mut self.server else {
            return;
        };
        match server.hear() {
            Heard::Nothing => {}
            Heard::Death => log.warn("page: the worker died; starting another"),
            Heard::Request(content) => {
                let mut overview = Overview {
                    filters: &self.filters,
                    scan: &mut self.scan,
                    counts: &mut self.counts,
                    read_errors: &mut self.read_errors,
                    reloads: &self.reloads,
                    process: &self.birth,
                };
                server.answer(|page| {
                    let made = match content {
                        Content::Metrics => overview.metrics(page),
                        Content::Overview => overview.page(page),
                    };
                    if made.is_none() {
                        log.error(
                            "page: does not fit; COREXDP_MAX_PAGE sets its size at build time",
                        );
                    }
                    made
                });
            }
        }
    }

    /// Logs what changed in the maps, when it is time.
    fn look(&mut self) {
        if !self.watches() || Instant::now() < self.next_look {
            return;
        }
        let log = &self.options.log;
        for filter in &mut self.filters {
            let Some((watch, map)) = filter.watch.as_mut().zip(filter.map.as_ref()) else {
                continue;
            };
            if let Err(errno) = watch.log_changes(MAP, map, &mut self.scan, log) {
                let what = errno.desc();
                log.warn(format_args!("map {MAP}: can't be read: {what}"));
            }
        }
        self.next_look = Instant::now() + DEBUG_PERIOD;
    }

    fn watches(&self) -> bool {
        self.filters.iter().any(|filter| filter.watch.is_some())
    }
}
