//! The one loop: signals, the page's requests, the time for `debug` to look.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::{Error, Filters, Options, Signals};
use crate::capacity::MAX_FILTERS;
use crate::kernel::scan::Scan;
use crate::overview::{Count, Overview, Reloads};
use crate::page::Content;
use crate::page::keeper::Keeper;
use crate::page::server::{Heard, Server};
use crate::plan::MAP;
use crate::process::Birth;

/// How often `debug` looks at the maps: twice in the 100 ms within which a change is promised to be logged.
const DEBUG_PERIOD: Duration = Duration::from_millis(50);

/// What runs.
pub(super) struct Daemon<'a> {
    pub(super) filters: Filters,
    /// Let go of before its keeper.
    pub(super) server: Option<Server>,
    /// None once it has died.
    pub(super) keeper: Option<Keeper>,
    pub(super) scan: Box<Scan>,
    pub(super) reloads: Reloads,
    pub(super) counts: [Count; MAX_FILTERS],
    pub(super) options: &'a Options,
    next_look: Instant,
    read_errors: u64,
    birth: Birth,
}

/// What there is to do.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are what poll said")]
struct News {
    stop: bool,
    reload: bool,
    asked: bool,
    keeper: bool,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(
        filters: Filters,
        server: Option<Server>,
        keeper: Keeper,
        scan: Box<Scan>,
        birth: Birth,
        options: &'a Options,
    ) -> Self {
        Self {
            filters,
            server,
            keeper: Some(keeper),
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
            let news = self.wait(signals)?;
            if news.stop
                && let Some(signal) = signals.stop()
            {
                return Ok(signal);
            }
            if news.reload && signals.reload() {
                self.reload();
            }
            if news.asked {
                self.hear();
            }
            if news.keeper && self.keeper.as_ref().is_some_and(|keeper| !keeper.lives()) {
                self.mourn();
            }
            if let Some((server, keeper)) = self.server.as_mut().zip(self.keeper.as_mut()) {
                server.restart(keeper);
            }
            self.look();
        }
    }

    /// Sleeps until a signal, a request or a time that was set; without `debug` and a dead worker there is no such time.
    fn wait(&self, signals: &Signals) -> Result<News, Error> {
        let watch = self.watches().then_some(self.next_look);
        let restart = self
            .keeper
            .as_ref()
            .and_then(|_| self.server.as_ref()?.deadline());
        let timeout = match watch.into_iter().chain(restart).min() {
            None => PollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                // Rounded up, so that it does not spin through the last millisecond.
                PollTimeout::try_from(left.as_millis().saturating_add(1))
                    .unwrap_or(PollTimeout::MAX)
            }
        };
        let mut fds = heapless::Vec::<_, 4>::new();
        let worker = self.server.as_ref().and_then(Server::fd);
        let keeper = self.keeper.as_ref().map(Keeper::fd);
        let known = [
            Some(signals.stop_fd()),
            Some(signals.reload_fd()),
            worker,
            keeper,
        ];
        // Where each stands, if it is there.
        let [stop, reload, asked, keeper] = known.map(|fd| {
            let at = fds.len();
            fds.push(PollFd::new(fd?, PollFlags::POLLIN)).ok()?;
            Some(at)
        });
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(News::default()),
            Err(errno) => {
                return Err(Error::Process(
                    "the daemon can't wait for events",
                    errno.into(),
                ));
            }
        }
        let ready = |at: Option<usize>| {
            let fd = at.and_then(|at| fds.get(at));
            fd.and_then(PollFd::any).unwrap_or(false)
        };
        Ok(News {
            stop: ready(stop),
            reload: ready(reload),
            asked: ready(asked),
            keeper: ready(keeper),
        })
    }

    /// Without capabilities there is no other keeper. The worker is its own process and serves on.
    fn mourn(&mut self) {
        self.keeper = None;
        self.options.log.error("page: the keeper of its workers died; the page is served as long as the present worker lives, then not until corexdp is started again; filters are not affected");
    }

    fn hear(&mut self) {
        let log = &self.options.log;
        let Some(server) = &mut self.server else {
            return;
        };
        match server.hear() {
            Heard::Nothing => {}
            Heard::Death if self.keeper.is_some() => {
                log.warn("page: the worker died; starting another");
            }
            Heard::Death => log.error("page: the worker died, and its keeper before; no page is served until corexdp is started again"),
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
