//! The one loop: signals, the page's requests, the time for `debug` to look.

use std::fmt;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::lifecycle::Shutdown;
use super::reload::confirm::Pending;
use super::reload::watch::ReloadWatch;
use super::{Filters, Options, Signals};
use crate::base::escape::Plain;
use crate::base::wait::{rest, wait};
use crate::config::Serving;
use crate::control::server::{CLIENTS, Control};
use crate::daemon::service_manager::Manager;
use crate::filter::{Filter, ReadMap};
use crate::http::keeper::Keeper;
use crate::http::server::Server;
use crate::kernel::interface::Monitor;
use crate::kernel::map_scan::Scan;
use crate::views::Reloads;
use crate::views::process::ProcessStart;

/// How often `debug` looks at the maps: twice in the 100 ms within which a change is promised to be logged.
const DEBUG_PERIOD: Duration = Duration::from_millis(50);

/// How long it does not ask again what there is to do when that could not be asked.
const PAUSE: Duration = Duration::from_secs(1);

/// For each descriptor waited for whether there is news of it.
type News = [bool; CLIENT + CLIENTS];

/// What the daemon is made of when it starts to serve.
pub(super) struct Parts<'a> {
    pub(super) filters: Filters,
    /// Those that an earlier daemon had left in place, and that these replaced.
    pub(super) old: Filters,
    pub(super) monitor: Monitor,
    pub(super) server: Option<Server>,
    pub(super) keeper: Keeper,
    pub(super) control: Option<Control>,
    pub(super) scan: Box<Scan>,
    pub(super) birth: ProcessStart,
    pub(super) renewal: Option<ReloadWatch>,
    pub(super) jitter_seed: u32,
    pub(super) serving: Serving,
    pub(super) manager: Manager,
    pub(super) options: &'a Options,
}

/// What runs.
pub(super) struct Daemon<'a> {
    pub(super) filters: Filters,
    /// Let go of before its keeper.
    pub(super) server: Option<Server>,
    /// None once it has died.
    pub(super) keeper: Option<Keeper>,
    pub(super) scan: Box<Scan>,
    pub(super) reloads: Reloads,
    pub(super) pending: Option<Pending>,
    pub(super) renewal: Option<ReloadWatch>,
    /// Makes this box look at its Corefile at another time than others.
    pub(super) jitter_seed: u32,
    pub(super) serving: Serving,
    pub(super) manager: Manager,
    pub(super) options: &'a Options,
    pub(super) leaving: Option<Shutdown>,
    control: Option<Control>,
    monitor: Monitor,
    next_look: Instant,
    pub(super) read_errors: u64,
    pub(super) birth: ProcessStart,
}

/// Why it ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// It was told to.
    Signal(Signal),
    /// Nobody confirmed the start.
    Unconfirmed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal(signal) => signal.as_str(),
            Self::Unconfirmed => "lack of confirmation",
        })
    }
}

/// What there is to do, in the order of the descriptors waited for.
const STOP: usize = 0;
const RELOAD: usize = 1;
const REQUEST: usize = 2;
const INTERFACES: usize = 3;
const CONTROL: usize = 4;
const KEEPER: usize = 5;
const CLIENT: usize = 6;

impl<'a> Daemon<'a> {
    pub(super) fn new(parts: Parts<'a>) -> Self {
        let old = parts.old;
        let confirm = parts.options.confirm;
        let pending = confirm.map(|time| Pending::start(time, old));
        if let Some(pending) = &pending {
            pending.announce(&parts.options.log);
        }
        Self {
            filters: parts.filters,
            server: parts.server,
            keeper: Some(parts.keeper),
            scan: parts.scan,
            reloads: Reloads::default(),
            pending,
            renewal: parts.renewal,
            jitter_seed: parts.jitter_seed,
            serving: parts.serving,
            manager: parts.manager,
            leaving: None,
            options: parts.options,
            control: parts.control,
            monitor: parts.monitor,
            next_look: Instant::now() + DEBUG_PERIOD,
            read_errors: 0,
            birth: parts.birth,
        }
    }

    /// The one loop; returns why it ended.
    pub(super) fn serve(&mut self, signals: &Signals) -> End {
        loop {
            self.tell_manager();
            let news = self.wait(signals);
            if news[STOP]
                && let Some(signal) = signals.stop()
                && let Some(end) = self.stop(signal)
            {
                return end;
            }
            if news[RELOAD] && signals.reload() {
                // The log has it.
                let _ = self.reload(None);
            }
            if news[REQUEST] {
                self.hear();
            }
            self.follow(news[INTERFACES]);
            self.talk(&news);
            if self.undo() {
                return End::Unconfirmed;
            }
            if let Some(end) = self.has_left() {
                return end;
            }
            if news[KEEPER] && self.keeper.as_ref().is_some_and(|keeper| !keeper.lives()) {
                self.keeper_died();
            }
            if let Some((server, keeper)) = self.server.as_mut().zip(self.keeper.as_mut()) {
                server.restart(keeper);
            }
            self.renew();
            self.look();
            self.options.log.deliver();
        }
    }

    /// Sleeps until there is something to do. Only `debug`, `reload`, a dead worker, an interface that refuses and
    /// what waits to be confirmed set a time. That it can't wait is no reason to stop filtering.
    fn wait(&self, signals: &Signals) -> News {
        // Nobody could start another worker without the keeper.
        let server = self.server.as_ref().filter(|_| self.keeper.is_some());
        let restart = server.and_then(Server::deadline);
        let times = [
            self.watches().then_some(self.next_look),
            restart,
            self.filters.iter().filter_map(Filter::retry_at).min(),
            self.pending.as_ref().map(|pending| pending.until),
            self.renewal.as_ref().map(ReloadWatch::at),
            self.leaving.as_ref().map(Shutdown::until),
            self.manager.deadline(),
            self.options.log.deadline(),
        ];
        let (control, clients) = self.control.as_ref().map(Control::fds).unzip();
        let [first, second, third, fourth] = clients.unwrap_or_default();
        let fds = [
            Some(signals.stop_fd()),
            Some(signals.reload_fd()),
            self.server.as_ref().and_then(Server::fd),
            Some(self.monitor.as_fd()),
            control,
            self.keeper.as_ref().map(Keeper::fd),
            first,
            second,
            third,
            fourth,
        ];
        wait(fds, times.into_iter().flatten().min()).unwrap_or_else(|errno| {
            let what = errno.desc();
            let log = &self.options.log;
            log.error(format_args!("can't wait for events: {what}; trying on"));
            rest(PAUSE);
            News::default()
        })
    }

    /// Hears the clients of the control socket, then lets another one in.
    fn talk(&mut self, news: &News) {
        // From the last to the first, since one that is heard leaves the list.
        let clients = news.iter().skip(CLIENT).enumerate().rev();
        for (index, _) in clients.filter(|(_, news)| **news) {
            let control = self.control.as_mut();
            if let Some((client, request)) = control.and_then(|control| control.hear(index)) {
                self.ask(&client, request);
            }
        }
        if news[CONTROL]
            && let Some(control) = &mut self.control
        {
            control.accept();
        }
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

    /// Without capabilities there is no other keeper. The worker is its own process and serves on.
    fn keeper_died(&mut self) {
        self.keeper = None;
        self.options.log.error("page: the keeper of its workers died; the page is served as long as the present worker lives, then not until corexdp is started again; filters are not affected");
    }

    /// Logs what changed in the maps, when it is time.
    fn look(&mut self) {
        if !self.watches() || Instant::now() < self.next_look {
            return;
        }
        let log = &self.options.log;
        let maps = self
            .filters
            .iter_mut()
            .flat_map(|filter| &mut filter.read_maps);
        for ReadMap {
            name, map, watch, ..
        } in maps
        {
            let Some(watch) = watch else { continue };
            if let Err(errno) = watch.log_changes(name, map, &mut self.scan, log) {
                let what = errno.desc();
                log.warn(format_args!("map {}: can't be read: {what}", Plain(name)));
            }
        }
        self.next_look = Instant::now() + DEBUG_PERIOD;
    }

    fn watches(&self) -> bool {
        let mut maps = self.filters.iter().flat_map(|filter| &filter.read_maps);
        maps.any(|read| read.watch.is_some())
    }
}
