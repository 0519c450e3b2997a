//! `run`: the story from Corefile to exit.

mod confine;
mod error;
pub mod list;
mod reload;
mod serve;
mod signals;
mod start;

use std::path::PathBuf;

use crate::capacity::MAX_FILTERS;
use crate::filter::Filter;
use crate::kernel::scan::Scan;
use crate::log::Log;
use crate::page::keeper::Keeper;
use crate::page::server::Server;
use crate::plan::{Plan, Source};
use crate::process::{Birth, PidFile};

pub use error::{Error, fault, worst};
use serve::Daemon;
use signals::Signals;

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
    start::warn(&plan, log);
    confine::check(!plan.config.filters.is_empty())?;
    let signals = Signals::catch()
        .map_err(|errno| Error::Process("signals can't be caught", errno.into()))?;
    let mut scan = Box::<Scan>::default();
    // Before there is anything of BPF that it could inherit, and while it still can become nobody.
    let mut keeper = Keeper::start()
        .map_err(|errno| Error::Process("the page's keeper can't be started", errno.into()))?;
    let server = start::page(&plan, None, &mut keeper)?;
    let Some(filters) = start::filters(&plan, &signals, &mut scan, log)? else {
        return Ok(());
    };
    // A Corefile can be megabytes; from here on nothing needs it.
    drop(plan);
    let pidfile = options.pidfile.as_deref().map(PidFile::write).transpose();
    let pidfile =
        pidfile.map_err(|error| Error::Process("the pid file can't be written", error))?;
    confine::confine(log)?;
    announce_filters(&filters, log);
    announce_page(server.as_ref(), log);
    let mut daemon = Daemon::new(filters, server, keeper, scan, birth, options);
    let signal = daemon.serve(&signals)?;
    drop(daemon);
    drop(pidfile);
    log.info(format_args!("stopped by {}, detached", signal.as_str()));
    Ok(())
}

fn announce_filters(filters: &[Filter], log: &Log) {
    for filter in filters {
        let name = &filter.interface;
        if let Some(reason) = filter.reason() {
            log.warn(format_args!(
                "{name}: native mode refused: {reason}; falling back to generic"
            ));
        }
        let Some(attachment) = filter.attachment() else {
            continue;
        };
        let program = &filter.program.info;
        log.info(format_args!(
            "{name}: attached {} (id {}) in {} mode",
            program.name, program.id, attachment.mode
        ));
        if !attachment.ends_with_process() {
            log.warn(format_args!("{name}: this kernel has no BPF links for XDP (5.9); a killed daemon leaves its filter behind"));
        }
    }
    if filters.is_empty() {
        log.warn("the Corefile has no ebpf block; nothing is filtered");
    }
}

fn announce_page(server: Option<&Server>, log: &Log) {
    for address in server.into_iter().flat_map(Server::addresses) {
        log.info(format_args!("page: http://{address}/"));
    }
}
