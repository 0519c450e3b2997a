//! The one loop: signals, the page's requests, the time for `debug` to look.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::{Error, Filters};
use crate::capacity::MAX_FILTERS;
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::overview::{Count, Overview};
use crate::page::Content;
use crate::page::server::{Heard, Server};
use crate::plan::MAP;
use crate::process::Birth;

/// How often `debug` looks at the maps: twice in the 100 ms within which a change is promised to be logged.
const DEBUG_PERIOD: Duration = Duration::from_millis(50);

/// What runs.
pub(super) struct Daemon<'a> {
    filters: Filters,
    server: Option<Server>,
    scan: Box<Scan>,
    next_look: Instant,
    counts: [Count; MAX_FILTERS],
    read_errors: u64,
    birth: Birth,
    log: &'a Log,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(
        filters: Filters,
        server: Option<Server>,
        scan: Box<Scan>,
        birth: Birth,
        log: &'a Log,
    ) -> Self {
        Self {
            filters,
            server,
            scan,
            next_look: Instant::now() + DEBUG_PERIOD,
            counts: [Count::default(); MAX_FILTERS],
            read_errors: 0,
            birth,
            log,
        }
    }

    /// The one loop; returns the signal that ended it.
    pub(super) fn serve(&mut self, stop: &SignalFd, log: &Log) -> Result<Signal, Error> {
        loop {
            let (stopped, asked) = self.wait(stop)?;
            if stopped
                && let Ok(Some(info)) = stop.read_signal()
                && let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed())
            {
                return Ok(signal);
            }
            if asked {
                self.hear(log);
            }
            if let Some(server) = &mut self.server {
                server.restart();
            }
            self.look();
        }
    }

    /// Sleeps until a signal, a request or a time that was set; without `debug` and a dead worker there is no such time.
    fn wait(&self, stop: &SignalFd) -> Result<(bool, bool), Error> {
        let watch = self.watches().then_some(self.next_look);
        let restart = self.server.as_ref().and_then(Server::deadline);
        let timeout = match watch.into_iter().chain(restart).min() {
            None => PollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                // Rounded up, so that it does not spin through the last millisecond.
                PollTimeout::try_from(left.as_millis().saturating_add(1))
                    .unwrap_or(PollTimeout::MAX)
            }
        };
        let mut fds = heapless::Vec::<_, 2>::new();
        let worker = self.server.as_ref().and_then(Server::fd);
        for fd in [Some(stop.as_fd()), worker].into_iter().flatten() {
            // Two at most, and room for two.
            let _ = fds.push(PollFd::new(fd, PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok((false, false)),
            Err(errno) => {
                return Err(Error::Process(
                    "the daemon can't wait for events",
                    errno.into(),
                ));
            }
        }
        let ready = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
        Ok((ready(0), ready(1)))
    }

    fn hear(&mut self, log: &Log) {
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
        for filter in &mut self.filters {
            let Some((watch, map)) = filter.watch.as_mut().zip(filter.map.as_ref()) else {
                continue;
            };
            if let Err(errno) = watch.log_changes(MAP, map, &mut self.scan, self.log) {
                let what = errno.desc();
                self.log
                    .warn(format_args!("map {MAP}: can't be read: {what}"));
            }
        }
        self.next_look = Instant::now() + DEBUG_PERIOD;
    }

    fn watches(&self) -> bool {
        self.filters.iter().any(|filter| filter.watch.is_some())
    }
}
