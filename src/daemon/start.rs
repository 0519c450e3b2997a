//! From a checked plan to what runs: the page's sockets and worker, programs loaded, programs attached.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::reload::switch::switch;
use super::signals::Signals;
use super::{Error, Filters, Options};
use crate::base::diagnostic::Diagnostic;
use crate::base::wait::rest;
use crate::config::{Address, Place};
use crate::filter::{Batch, Context, Filter, Prepared, blame, wait_for, warn_of_others};
use crate::http::keeper::Keeper;
use crate::http::listener::{Listener, Listeners};
use crate::http::server::Server;
use crate::kernel::limits;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::plan::Plan;

/// How long an address that is in use may be the worker's.
const LET_GO: Duration = Duration::from_millis(500);

/// Says what is odd about the Corefile.
pub(super) fn warn(plan: &Plan, log: &Log) {
    plan.warn(&mut |warning| log.warn(warning));
}

/// The orders of a plan, one for each `ebpf` block.
pub(super) fn orders<'a>(plan: &'a Plan, log: &'a Log) -> impl Iterator<Item = Context<'a>> {
    let corefile = &plan.corefile;
    let filters = plan.filters.iter();
    filters.map(move |planned| Context::new(planned, corefile, log))
}

/// Listens where the plan says. Addresses that `running` has are not let go of.
pub(super) fn listeners(plan: &Plan, running: Option<&Server>) -> Result<Listeners, Error> {
    let mut listeners = Listeners::new();
    for page in &plan.config.listen {
        let listener = listen(page.place, running).map_err(|errno| {
            let Place { service, address } = page.place;
            let message = not_listening(address, errno);
            let (name, blame) = (service.directive(), blame(errno));
            plan.corefile.diagnostic(page.at, name, message, blame)
        })?;
        // There is room: the list of pages has the same capacity.
        let _ = listeners.push(listener);
    }
    Ok(listeners)
}

/// The same for places that no Corefile says any more.
pub(super) fn listeners_at(places: &[Place], running: Option<&Server>) -> Result<Listeners, Error> {
    let listeners = places.iter().map(|place| listen(*place, running));
    listeners
        .collect::<Result<_, _>>()
        .map_err(|errno| Error::Process("the old addresses can't be had", errno.into()))
}

fn listen(place: Place, running: Option<&Server>) -> Result<Listener, Errno> {
    let Some(server) = running else {
        return Listener::open(place);
    };
    if let Some(listener) = server.listener(place) {
        return listener.share(place);
    }
    let begin = Instant::now();
    loop {
        match Listener::open(place) {
            // The worker may not have let go yet of what the last reload took away.
            Err(Errno::EADDRINUSE) if begin.elapsed() < LET_GO => rest(LET_GO / 50),
            other => return other,
        }
    }
}

/// Has a worker made for these sockets, if there are any.
pub(super) fn server(listeners: Listeners, keeper: &mut Keeper) -> Result<Option<Server>, Error> {
    if listeners.is_empty() {
        return Ok(None);
    }
    let server = Server::start(listeners, keeper);
    server
        .map(Some)
        .map_err(|errno| Error::Process("the page's worker can't be started", errno.into()))
}

fn not_listening(address: Address, errno: Errno) -> String {
    let said = errno.desc();
    match errno {
        Errno::EACCES => format!(
            "can't listen on {address}: {said}; a port below 1024 needs CAP_NET_BIND_SERVICE, which corexdp gives up once it runs: restart it for such a port"
        ),
        _ => format!("can't listen on {address}: {said}"),
    }
}

/// Waits for the interfaces, loads everything, then attaches, or switches what an earlier daemon left in place; `None`
/// when a signal to stop came before. Beside the filters, those that they replaced.
pub(super) fn filters(
    plan: &Plan,
    signals: &Signals,
    scan: &mut Scan,
    options: &Options,
) -> Result<Option<(Filters, Filters)>, Error> {
    let (log, lasting) = (&options.log, options.confirm.is_none());
    for order in orders(plan, log) {
        if !wait_for(&order, signals.stop_fd())? {
            return Ok(None);
        }
    }
    let mut old = Filters::new();
    for order in orders(plan, log) {
        if let Some(held) = order.adopt()? {
            // There is room: the list of `ebpf` blocks has the same capacity.
            let _ = old.push(held);
        }
    }
    warn_of_others(&plan.filters, log);
    let prepared = prepare(plan, &old, scan, log)?;
    let new = switch(&mut old, plan, prepared, scan, log, lasting)?;
    Ok(Some((new, old)))
}

/// Prepares every filter of the plan: loads its program, its maps filled, unless a running filter can become it.
pub(super) fn prepare(
    plan: &Plan,
    running: &[Filter],
    scan: &mut Scan,
    log: &Log,
) -> Result<Vec<Prepared>, Diagnostic> {
    limits::raise_memlock().map_err(|error| {
        let file = plan.corefile.files().first().cloned().unwrap_or_default();
        let blame = blame(error.errno);
        Diagnostic {
            file,
            line: 0,
            directive: "ebpf".into(),
            message: error.to_string(),
            blame,
        }
    })?;
    let mut batch = Box::<Batch>::default();
    orders(plan, log)
        .map(|order| {
            let name = &order.block.interface;
            let old = running.iter().find(|filter| filter.interface == *name);
            order.prepare(old, &mut batch, scan)
        })
        .collect()
}
