//! The page's side in the daemon: listening sockets, the worker's requests, readiness.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::error::Error;
use super::state::{Daemon, Page, PageChange};
use crate::base::capacity::MAX_FILTERS;
use crate::base::wait::sleep;
use crate::config::{Address, MAX_INTERFACE, Place, Service};
use crate::filter::{Filter, blame};
use crate::http::keeper::Keeper;
use crate::http::listener::{Listener, Listeners};
use crate::http::server::{Received, Server};
use crate::http::{Content, Rendered};
use crate::log::Log;
use crate::plan::Plan;
use crate::views::Overview;

/// Time in which the worker closes the sockets of addresses that a reload removed.
const WORKER_CLOSES_WITHIN: Duration = Duration::from_millis(500);

/// Room for the name of every interface, each with a comma.
const READY_TEXT: usize = (MAX_INTERFACE + 1) * (MAX_FILTERS + 1);

impl Page {
    /// Starts the keeper, and a worker where the plan serves anything.
    pub(super) fn start(plan: &Plan) -> Result<Self, Error> {
        let keeper = Keeper::start()
            .map_err(|error| Error::process("cannot start the page's keeper", error))?;
        let mut page = Self {
            server: None,
            keeper: Some(keeper),
        };
        let change = page.prepare(page.listeners(plan)?)?;
        page.apply(change);
        Ok(page)
    }

    /// Opens the listening sockets of a plan. A socket that is open already is shared, not opened again.
    pub(super) fn listeners(&self, plan: &Plan) -> Result<Listeners, Error> {
        let mut listeners = Listeners::new();
        for wanted in &plan.config.listen {
            let listener = self.listen(wanted.place).map_err(|errno| {
                let Place { service, address } = wanted.place;
                let message = cannot_listen(address, errno);
                let (directive, blame) = (service.directive(), blame(errno));
                plan.corefile
                    .diagnostic(wanted.at, directive, message, blame)
            })?;
            // There is room: the Corefile's list has the same capacity.
            let _ = listeners.push(listener);
        }
        Ok(listeners)
    }

    /// Opens the listening sockets that a rollback needs; no Corefile names them any more.
    pub(super) fn previous_listeners(&self, places: &[Place]) -> Result<Listeners, Error> {
        let listeners = places.iter().map(|place| self.listen(*place));
        listeners
            .collect::<Result<_, _>>()
            .map_err(|errno| Error::process("cannot listen on the previous addresses", errno))
    }

    fn listen(&self, place: Place) -> Result<Listener, Errno> {
        let Some(server) = &self.server else {
            return Listener::open(place);
        };
        if let Some(listener) = server.listener(place) {
            return listener.share(place);
        }
        let begin = Instant::now();
        loop {
            match Listener::open(place) {
                // The worker may not have closed the socket that the last reload removed.
                Err(Errno::EADDRINUSE) if begin.elapsed() < WORKER_CLOSES_WITHIN => {
                    sleep(WORKER_CLOSES_WITHIN / 50);
                }
                other => return other,
            }
        }
    }

    /// Prepares to serve on `listeners`: starts a worker where there is none.
    pub(super) fn prepare(&mut self, listeners: Listeners) -> Result<PageChange, Error> {
        if listeners.is_empty() {
            return Ok(PageChange::Server(None));
        }
        if self.server.is_some() {
            return Ok(PageChange::Listen(listeners));
        }
        let keeper = self.keeper.as_mut().ok_or(Error::NoKeeper)?;
        let server = Server::start(listeners, keeper)
            .map_err(|errno| Error::process("cannot start the page's worker", errno))?;
        Ok(PageChange::Server(Some(server)))
    }

    /// Makes a prepared change. Nothing can fail any more.
    pub(super) fn apply(&mut self, change: PageChange) {
        match change {
            PageChange::Listen(listeners) => {
                if let Some(server) = &mut self.server {
                    server.listen(listeners);
                }
            }
            PageChange::Server(server) => self.server = server,
        }
    }

    /// Places of the page as the Corefile named them.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.server.iter().flat_map(Server::wanted)
    }

    /// Logs the address of each service.
    pub(super) fn announce(&self, log: &Log) {
        for (service, address) in self.server.iter().flat_map(Server::addresses) {
            let (name, path) = match service {
                Service::Metrics => ("page", ""),
                Service::Health => ("health", "health"),
                Service::Ready => ("ready", "ready"),
            };
            log.info(format_args!("{name}: http://{address}/{path}"));
        }
    }

    /// Forgets a keeper that has died. Without capabilities the daemon cannot start another one; the present worker is
    /// a process of its own and serves on.
    pub(super) fn check_keeper(&mut self, event: bool, log: &Log) {
        if event
            && self
                .keeper
                .as_ref()
                .is_some_and(|keeper| !keeper.is_alive())
        {
            self.keeper = None;
            log.error("page: the keeper of its workers died; the page is served as long as the present worker lives, then not until corexdp is started again; filters are not affected");
        }
    }

    /// Time at which a dead worker is replaced; `None` without a keeper, which alone starts workers.
    pub(super) fn restart_at(&self) -> Option<Instant> {
        self.keeper.as_ref()?;
        self.server.as_ref().and_then(Server::deadline)
    }

    /// Replaces a dead worker if its backoff is over.
    pub(super) fn restart_worker(&mut self) {
        if let Some((server, keeper)) = self.server.as_mut().zip(self.keeper.as_mut()) {
            server.restart(keeper);
        }
    }
}

fn cannot_listen(address: Address, errno: Errno) -> String {
    let reason = errno.desc();
    match errno {
        Errno::EACCES => format!(
            "cannot listen on {address}: {reason}; a port below 1024 needs CAP_NET_BIND_SERVICE, which corexdp gives up once it runs: restart it for such a port"
        ),
        _ => format!("cannot listen on {address}: {reason}"),
    }
}

impl Daemon<'_> {
    /// Answers the worker's request.
    pub(super) fn answer_worker(&mut self) {
        let options = self.options;
        let log = &options.log;
        let Some(server) = &mut self.page.server else {
            return;
        };
        match server.receive() {
            Received::Nothing => {}
            Received::WorkerDied if self.page.keeper.is_some() => {
                log.warn("page: the worker died; starting another");
            }
            Received::WorkerDied => log.error("page: the worker died, and its keeper before; no page is served until corexdp is started again"),
            Received::Request(content) => {
                self.verify_filters();
                match content {
                    Content::Metrics => self.count_lost_answers(),
                    Content::Html | Content::Status => self.renew_warnings(),
                    Content::Health | Content::Ready => {}
                }
                let readiness = self.readiness();
                let (mut overview, server) = self.overview();
                let Some(server) = server else { return };
                server.answer(|page| {
                    let length = match content {
                        Content::Metrics => overview.metrics(page),
                        Content::Html => overview.page(page),
                        Content::Status => overview.status(page),
                        Content::Health => return Readiness::alive().write(page),
                        Content::Ready => return readiness.write(page),
                    };
                    let rendered = length.map(|length| Rendered { length, good: true });
                    if rendered.is_none() {
                        log.error(
                            "page: does not fit; COREXDP_MAX_PAGE sets its size at build time",
                        );
                    }
                    rendered
                });
            }
        }
    }

    /// Everything that the views render, and the server that sends it.
    pub(super) fn overview(&mut self) -> (Overview<'_>, Option<&mut Server>) {
        let addresses = self.page.server.iter().flat_map(Server::addresses);
        let of_pages = |(service, address)| (service == Service::Metrics).then_some(address);
        let pending = self.reloading.pending.as_ref();
        let overview = Overview {
            pages: addresses.filter_map(of_pages).take(MAX_FILTERS).collect(),
            filters: &self.filters,
            scan: &mut self.scan,
            read_errors: &mut self.read_errors,
            reloads: &self.reloading.results,
            process: &self.process,
            source: &self.options.source,
            confirm: pending.map(|pending| pending.until),
            log: &self.options.log,
        };
        (overview, self.page.server.as_mut())
    }

    /// The answer of `/ready`: the interfaces whose filter is not attached, or `OK`.
    fn readiness(&self) -> Readiness {
        let mut text = heapless::String::new();
        if !self.serving.until_ready {
            let detached = |filter: &&Filter| filter.attachment().is_none();
            for filter in self.filters.iter().filter(detached) {
                let comma = if text.is_empty() { "" } else { "," };
                // There is room for all names.
                let _ = write!(text, "{comma}{}", filter.interface);
            }
            if text.is_empty() && self.shutdown.is_some() {
                let _ = text.push_str("stopping");
            }
        }
        if text.is_empty() {
            return Readiness::alive();
        }
        Readiness { text, good: false }
    }
}

/// An answer of `/health` or `/ready`.
struct Readiness {
    text: heapless::String<READY_TEXT>,
    good: bool,
}

impl Readiness {
    /// The answer of a daemon that lacks nothing.
    fn alive() -> Self {
        let mut text = heapless::String::new();
        let _ = text.push_str("OK");
        Self { text, good: true }
    }

    fn write(&self, page: &mut [u8]) -> Option<Rendered> {
        let length = self.text.len();
        page.get_mut(..length)?
            .copy_from_slice(self.text.as_bytes());
        Some(Rendered {
            length,
            good: self.good,
        })
    }
}
