//! From a checked plan to what runs: the page's sockets and worker, programs loaded, programs attached.

use nix::errno::Errno;

use super::signals::Signals;
use super::{Error, Filters};
use crate::config::{Address, Diagnostic};
use crate::filter::{Batch, Loaded, Order, blame, wait_for};
use crate::kernel::limits;
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::page::keeper::Keeper;
use crate::page::listener::{Listener, Listeners};
use crate::page::server::Server;
use crate::plan::Plan;

/// Says what is odd about the Corefile.
pub(super) fn warn(plan: &Plan, log: &Log) {
    for warning in plan.corefile.warnings() {
        log.warn(warning);
    }
}

/// The orders of a plan, one for each `ebpf` block.
pub(super) fn orders<'a>(plan: &'a Plan, log: &'a Log) -> impl Iterator<Item = Order<'a>> {
    let pairs = plan.config.filters.iter().zip(&plan.objects);
    pairs.map(|(filter, object)| Order {
        filter,
        corefile: &plan.corefile,
        object,
        log,
    })
}

/// Listens where the plan says and has a worker made, if it says so. Addresses that `running` has are not let go of.
pub(super) fn page(
    plan: &Plan,
    running: Option<&Server>,
    keeper: &mut Keeper,
) -> Result<Option<Server>, Error> {
    let mut listeners = Listeners::new();
    for page in &plan.config.pages {
        let wrong = |errno: Errno| {
            let message = not_listening(page.address, errno);
            Diagnostic::new(&plan.corefile, page.at, "prometheus", message, blame(errno))
        };
        let listener = match running.and_then(|server| server.listener(page.address)) {
            Some(listener) => listener.share(),
            None => Listener::open(page.address),
        };
        // There is room: the list of pages has the same capacity.
        let _ = listeners.push(listener.map_err(wrong)?);
    }
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

/// Waits for the interfaces, loads everything, then attaches; `None` when a signal to stop came before.
pub(super) fn filters(
    plan: &Plan,
    signals: &Signals,
    scan: &mut Scan,
    log: &Log,
) -> Result<Option<Filters>, Error> {
    for order in orders(plan, log) {
        if !wait_for(&order, signals.stop_fd())? {
            return Ok(None);
        }
    }
    let loaded = load(plan, scan, log)?;
    let mut filters = Filters::new();
    for (order, loaded) in orders(plan, log).zip(loaded) {
        // There is room: the list of `ebpf` blocks has the same capacity.
        let _ = filters.push(order.attach(loaded)?);
    }
    Ok(Some(filters))
}

/// Loads every program of the plan, its maps filled.
pub(super) fn load(plan: &Plan, scan: &mut Scan, log: &Log) -> Result<Vec<Loaded>, Diagnostic> {
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
    let cpus = limits::possible_cpus();
    let mut batch = Box::<Batch>::default();
    orders(plan, log)
        .map(|order| order.load(cpus, &mut batch, scan))
        .collect()
}
