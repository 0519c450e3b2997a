//! `run`: the story from Corefile to exit.

mod error;
mod serve;

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::capacity::MAX_FILTERS;
use crate::config::{Config, Diagnostic};
use crate::corefile::Corefile;
use crate::filter::{Batch, Filter, Order, blame, wait_for};
use crate::kernel::limits;
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::page::server::{Server, listen_on};
use crate::plan::{Plan, Source};
use crate::process::{Birth, PidFile};

pub use error::{Error, fault, worst};
use serve::Daemon;

/// All filters that stand.
type Filters = heapless::Vec<Filter, MAX_FILTERS>;

/// What `run` was asked for.
#[derive(Debug)]
pub struct Options {
    /// The Corefile.
    pub source: Source,
    /// Where messages go.
    pub log: Log,
    /// Where to write the process id.
    pub pidfile: Option<PathBuf>,
}

/// Runs until a signal says stop, then detaches.
///
/// # Errors
/// What is wrong; nothing is attached then.
pub fn run(options: &Options) -> Result<(), Error> {
    let birth = Birth::now();
    let log = &options.log;
    let plan = Plan::make(&options.source).map_err(Error::Refused)?;
    plan.corefile
        .warnings()
        .iter()
        .for_each(|warning| log.warn(warning));
    let stop =
        signals().map_err(|errno| Error::Process("signals can't be caught", errno.into()))?;
    let mut scan = Box::<Scan>::default();
    // Before there is anything of BPF that a worker could inherit.
    let server = start_page(&plan.config, &plan.corefile)?;
    let Some(filters) = start_filters(&plan, &stop, &mut scan, log)? else {
        return Ok(());
    };
    // A Corefile can be megabytes; from here on nothing needs it.
    drop(plan);
    let pidfile = options.pidfile.as_deref().map(PidFile::write).transpose();
    let pidfile =
        pidfile.map_err(|error| Error::Process("the pid file can't be written", error))?;
    announce(&filters, server.as_ref(), log);
    let mut daemon = Daemon::new(filters, server, scan, birth, log);
    let signal = daemon.serve(&stop, log)?;
    drop(daemon);
    drop(pidfile);
    log.info(format_args!("stopped by {}, detached", signal.as_str()));
    Ok(())
}

/// A descriptor that is readable when the daemon should stop.
fn signals() -> Result<SignalFd, Errno> {
    let set = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT]);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn start_page(config: &Config, corefile: &Corefile) -> Result<Option<Server>, Error> {
    let mut listeners = heapless::Vec::<OwnedFd, _>::new();
    for page in &config.pages {
        let wrong = |errno: Errno| {
            let message = format!("can't listen on {}: {}", page.address, errno.desc());
            Diagnostic::new(corefile, page.at, "prometheus", message, blame(errno))
        };
        let listener = listen_on(page.address).map_err(wrong)?;
        // There is room: the list of pages has the same capacity.
        let _ = listeners.push(listener);
    }
    if listeners.is_empty() {
        return Ok(None);
    }
    let server = Server::start(listeners);
    server
        .map(Some)
        .map_err(|errno| Error::Process("the page's worker can't be started", errno.into()))
}

/// Waits for the interfaces, loads everything, then attaches; `None` when a signal came before.
fn start_filters(
    plan: &Plan,
    stop: &SignalFd,
    scan: &mut Scan,
    log: &Log,
) -> Result<Option<Filters>, Error> {
    let orders = || {
        let pairs = plan.config.filters.iter().zip(&plan.objects);
        pairs.map(|(filter, object)| Order {
            filter,
            corefile: &plan.corefile,
            object,
            log,
        })
    };
    for order in orders() {
        if !wait_for(&order, stop.as_fd())? {
            return Ok(None);
        }
    }
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
    let loaded = orders()
        .map(|order| order.load(cpus, &mut batch, scan))
        .collect::<Result<Vec<_>, _>>()?;
    let mut filters = heapless::Vec::new();
    for (order, loaded) in orders().zip(loaded) {
        // There is room: the list of `ebpf` blocks has the same capacity.
        let _ = filters.push(order.attach(loaded)?);
    }
    Ok(Some(filters))
}

fn announce(filters: &[Filter], server: Option<&Server>, log: &Log) {
    for filter in filters {
        let Filter {
            interface,
            program,
            attachment,
            ..
        } = filter;
        if let Some(reason) = &filter.reason {
            log.warn(format_args!(
                "{interface}: native mode refused: {reason}; falling back to generic"
            ));
        }
        log.info(format_args!(
            "{interface}: attached {} (id {}) in {} mode",
            program.name, program.id, attachment.mode
        ));
        if !attachment.ends_with_process() {
            log.warn(format_args!("{interface}: this kernel has no BPF links for XDP (5.9); a killed daemon leaves its filter behind"));
        }
    }
    if filters.is_empty() {
        log.warn("the Corefile has no ebpf block; nothing is filtered");
    }
    for address in server.into_iter().flat_map(Server::addresses) {
        log.info(format_args!("page: http://{address}/"));
    }
}
