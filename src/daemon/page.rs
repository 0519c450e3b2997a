//! The page's listeners and processes. Filters do not depend on them: a failure is logged, shown in the status, and
//! retried.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::listener_log::{announce, warn};
use super::state::Page;
use crate::base::wait::Backoff;
use crate::config::{Hosts, Place};
use crate::http::host::Names;
use crate::http::keeper::{ANSWER_TIMEOUT, Keeper};
use crate::http::listener::{Listener, Listeners};
use crate::http::server::Server;
use crate::kernel::describe;
use crate::kernel::interface::Monitor;
use crate::log::Log;
use crate::plan::Plan;
use crate::views::listeners::ListenerState;

/// Delay before the first retry of opening a listening socket; doubled for each further retry.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Lowest port that needs no capability by default (`net.ipv4.ip_unprivileged_port_start`).
const FIRST_FREE_PORT: u16 = 1024;

impl Page {
    /// Starts the keeper, opens the plan's listeners, and starts a worker for them. Failures are logged.
    pub(super) fn start(plan: &Plan, log: &Log) -> Self {
        let mut page = Self {
            server: None,
            hosts: plan.config.hosts.clone(),
            keeper: None,
            reopen: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            addresses: None,
        };
        page.start_keeper(log);
        if page.keeper.is_some() {
            page.serve_plan(plan, log);
        } else {
            page.replace_listeners(&mut plan.config.listen.iter().map(|listen| listen.place));
        }
        page
    }

    /// Retries every failed step, while the daemon still has all its capabilities.
    pub(super) fn retry_privileged(&mut self, log: &Log) {
        if self.keeper.is_none() {
            self.start_keeper(log);
        }
        self.open(&mut |listener| warn(listener, None, log));
        self.start_worker(log);
    }

    fn start_keeper(&mut self, log: &Log) {
        match Keeper::start() {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(error) => {
                let remedy = match error.kind() {
                    ErrorKind::PermissionDenied => "root needs CAP_SETUID and CAP_SETGID for it; ",
                    _ => "",
                };
                log.error(format_args!(
                    "page: cannot start the keeper of its workers: {error}; {remedy}filters are not affected"
                ));
            }
        }
    }

    /// True if a worker runs, or a keeper that can start a worker.
    fn can_serve(&self) -> bool {
        self.keeper.is_some() || self.server.as_ref().is_some_and(Server::has_worker)
    }

    /// True if a listener with a port below 1024 is still closed; opening it later needs `CAP_NET_BIND_SERVICE`.
    pub(super) fn awaits_low_port(&self) -> bool {
        if !self.can_serve() {
            return false;
        }
        let mut listeners = self.listeners().iter();
        listeners.any(|listener| {
            let port = listener.place.address.port();
            listener.socket().is_none() && (1..FIRST_FREE_PORT).contains(&port)
        })
    }

    /// Serves at the places of the plan.
    pub(super) fn serve_plan(&mut self, plan: &Plan, log: &Log) {
        let places = plan.config.listen.iter().map(|listen| listen.place);
        let report = &mut |listener: &Listener| warn(listener, Some(plan), log);
        self.serve(places, report, log);
    }

    /// Serves at the places of the plan of a reload, and logs addresses that have changed. Called after the filters are
    /// replaced: no failure of the page refuses a reload.
    pub(super) fn move_to(&mut self, plan: &Plan, log: &Log) {
        let wanted = plan.config.listen.iter().map(|listen| listen.place);
        let moves = !wanted.eq(self.places());
        self.serve_plan(plan, log);
        if moves {
            self.announce(log);
        }
    }

    /// Serves at the places of an earlier plan.
    pub(super) fn serve_again(&mut self, places: &[Place], log: &Log) {
        let report = &mut |listener: &Listener| warn(listener, None, log);
        self.serve(places.iter().copied(), report, log);
    }

    /// Serves at these places only. Addresses that the Corefile no longer names are closed first, even if a new address
    /// cannot be opened: the Corefile decides who may read the page, and `:9153` must be closed before `127.0.0.1:9153`
    /// can be opened.
    fn serve(
        &mut self,
        mut places: impl Iterator<Item = Place> + Clone,
        report: &mut dyn FnMut(&Listener),
        log: &Log,
    ) {
        if !places.clone().eq(self.places()) {
            self.replace_listeners(&mut places);
        }
        self.open(report);
        self.start_worker(log);
    }

    /// Replaces the names of the option `host`. Returns the previous names.
    pub(super) fn set_hosts(&mut self, hosts: Hosts) -> Hosts {
        let previous = std::mem::replace(&mut self.hosts, hosts);
        self.send_names();
        previous
    }

    fn send_names(&mut self) {
        if let Some(server) = &mut self.server {
            server.set_names(Names::new(&self.hosts));
        }
    }

    fn replace_listeners(&mut self, places: &mut dyn Iterator<Item = Place>) {
        let mut listeners = Listeners::new();
        for place in places {
            let mut listener = Listener::new(place);
            let mut old = self.listeners().iter();
            if let Some(old) = old.find(|old| old.place.address == place.address) {
                listener.share(old);
            }
            // Cannot fail: the Corefile's list has the same capacity.
            let _ = listeners.push(listener);
        }
        let serves_nothing = listeners.is_empty();
        let server = self.server.get_or_insert_default();
        for old in server.replace_listeners(listeners) {
            let mut new = server.listeners().iter();
            if new.all(|new| new.place.address != old.place.address) {
                old.close();
            }
        }
        if serves_nothing {
            self.server = None;
        }
        self.send_names();
    }

    /// Opens the closed sockets, and plans a retry if a socket cannot be opened. Without worker and keeper no socket is
    /// opened: a client then gets a refused connection instead of a timeout.
    fn open(&mut self, report: &mut dyn FnMut(&Listener)) {
        if !self.can_serve() {
            return self.reopen.reset();
        }
        let server = self.server.as_mut();
        if server.is_none_or(|server| server.open_listeners(report)) {
            self.reopen.reset();
            self.addresses = None;
            return;
        }
        let absent = |listener: &Listener| listener.error() == Some(Errno::EADDRNOTAVAIL);
        let mut listeners = self.listeners().iter();
        if self.addresses.is_none() && listeners.any(absent) {
            // If the subscription fails, only the retries open the socket.
            self.addresses = Monitor::of_addresses().ok();
        }
        self.reopen.plan();
    }

    /// Starts a worker, unless a worker runs, a restart is planned, or the Corefile serves nothing.
    fn start_worker(&mut self, log: &Log) {
        let Some(server) = &mut self.server else {
            return;
        };
        if server.has_worker() || server.deadline().is_some() {
            return;
        }
        let Some(keeper) = &mut self.keeper else {
            return log.error("page: no page is served until corexdp is started again, since the keeper of its workers does not run");
        };
        if let Err(errno) = server.start(keeper) {
            let reason = describe(errno);
            log.warn(format_args!(
                "page: cannot start the worker: {reason}; retrying"
            ));
        }
    }

    /// Places of the page as the Corefile named them.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.listeners().iter().map(|listener| listener.place)
    }

    /// All listeners, open and closed.
    pub(super) fn listeners(&self) -> &[Listener] {
        self.server.as_ref().map_or(&[], Server::listeners)
    }

    /// Logs the address of each open listener.
    pub(super) fn announce(&self, log: &Log) {
        for listener in self.listeners() {
            announce(listener, log);
        }
    }

    /// Checks the keeper of the workers after an event, or when its answer is late. A late keeper gets `SIGCONT`; a dead one
    /// is removed. The confined daemon cannot start another keeper; the running worker still serves.
    pub(super) fn check_keeper(&mut self, event: bool, log: &Log) {
        let Some(keeper) = &self.keeper else {
            return;
        };
        let late = keeper.resume_if_late();
        if late {
            log.warn(format_args!(
                "page: the keeper of its workers has not answered for {} s; sending SIGCONT, in case the keeper is stopped",
                ANSWER_TIMEOUT.as_secs()
            ));
        }
        if (event || late) && !keeper.is_alive() {
            self.keeper = None;
            log.error("page: the keeper of its workers died; the page is served until the current worker ends, and then not until corexdp is started again; filters are not affected");
        }
    }

    /// Time of the next retry. Without a keeper, a dead worker is not replaced.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let restart = self.keeper.as_ref().and(self.server.as_ref());
        let restart = restart.and_then(Server::deadline);
        restart.into_iter().chain(self.reopen.at()).min()
    }

    /// Opens the sockets, and starts the worker, once their backoff is over. A listener may wait for a changed address: its
    /// socket is then opened at once, and retried soon, since the kernel sends the event before the address is usable.
    pub(super) fn retry(&mut self, address_changed: bool, log: &Log) {
        if address_changed && let Some(monitor) = &self.addresses {
            monitor.drain();
            self.reopen.reset();
        }
        if address_changed || self.reopen.take_due() {
            self.open(&mut |listener| {
                announce(listener, log);
                warn(listener, None, log);
            });
        }
        if let Some((server, keeper)) = self.server.as_mut().zip(self.keeper.as_mut()) {
            server.restart(keeper);
        }
    }

    /// State of the listeners for the views.
    pub(super) fn states(&self) -> impl Iterator<Item = ListenerState> {
        let worker = self.server.as_ref().is_some_and(Server::has_worker);
        let unserved = match (worker, &self.keeper) {
            (true, _) => None,
            (false, Some(_)) => Some("the page's worker does not run"),
            (false, None) => Some("the keeper of the page's workers does not run"),
        };
        let listeners = self.listeners().iter();
        listeners.map(move |listener| {
            let Place { service, address } = listener.place;
            let error = listener.error().map(describe).or(unserved);
            ListenerState::new(service.name(), format_args!("{address}"), error)
                .with_remedy(listener.remedy())
                .at(listener.local().map(|local| (local, service.path())))
        })
    }
}
