//! `run`: the story from Corefile to exit.

mod confine;
mod control;
mod error;
mod event_loop;
mod lifecycle;
mod page;
mod pid_file;
mod reload;
mod service_manager;
mod signals;
mod start;
pub mod syscalls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::capacity::MAX_FILTERS;
use crate::control::{self as protocol, server::Control};
use crate::filter::Filter;
use crate::http::keeper::Keeper;
use crate::kernel::interface::Monitor;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::plan::sources::Sources;
use crate::plan::{Plan, Source};
use crate::views::process::ProcessStart;
use pid_file::PidFile;

pub use error::{Error, fault, worst};
use event_loop::{Daemon, Parts};
use reload::switch;
use reload::watch::{self, ReloadWatch};
use service_manager::Manager;
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
    /// Where to listen for `reload` and the like; `None`: at the usual place, if that can be had.
    pub control: Option<PathBuf>,
    /// How long to wait for `confirm` before the filters are detached again.
    pub confirm: Option<Duration>,
}

/// Runs until a signal says stop, then detaches.
///
/// # Errors
/// What is wrong; nothing is attached then.
pub fn run(options: &Options) -> Result<(), Error> {
    let birth = ProcessStart::now();
    let log = &options.log;
    let mut sources = Sources::default();
    let plan = Plan::make(&options.source, &mut sources).map_err(Error::Refused)?;
    start::warn(&plan, log);
    confine::check(!plan.filters.is_empty())?;
    let manager = Manager::from_environment().unwrap_or_else(|error| {
        log.warn(format_args!(
            "the service manager can't be told anything: NOTIFY_SOCKET: {error}"
        ));
        Manager::default()
    });
    let signals = Signals::catch()
        .map_err(|errno| Error::Process("signals can't be caught", errno.into()))?;
    let mut scan = Box::<Scan>::default();
    // Before there is anything of BPF that it could inherit, and while it still can become nobody.
    let mut keeper = Keeper::start()
        .map_err(|error| Error::Process("the page's keeper can't be started", error))?;
    let server = start::server(start::listeners(&plan, None)?, &mut keeper)?;
    let control = listen(options)?;
    // From before the filters are attached, so that no change is missed.
    let monitor = Monitor::open()
        .map_err(|error| Error::Process("interfaces can't be watched", error.errno.into()))?;
    let Some((mut filters, mut old)) = start::filters(&plan, &signals, &mut scan, options)? else {
        return Ok(());
    };
    let jitter_seed = watch::jitter_seed();
    let renewal = ReloadWatch::new(&plan.config, jitter_seed, sources);
    let serving = plan.config.serving;
    // A Corefile can be megabytes; from here on nothing needs it.
    drop(plan);
    let pidfile = match begin(options) {
        Ok(pidfile) => pidfile,
        Err(error) => {
            switch::put_back(&mut old, filters, log);
            return Err(error);
        }
    };
    // Not before nothing can be refused any more: what an earlier daemon left in place is cleared away.
    if options.confirm.is_none() {
        switch::persist(&mut filters, log);
    }
    announce_filters(&filters, log);
    let mut daemon = Daemon::new(Parts {
        filters,
        old,
        monitor,
        server,
        keeper,
        control,
        scan,
        birth,
        renewal,
        jitter_seed,
        serving,
        manager,
        options,
    });
    daemon.announce_page();
    daemon.manager.ready();
    let end = daemon.serve(&signals);
    let held = daemon.filters.iter().any(Filter::outlives);
    drop(daemon);
    drop(pidfile);
    let what = if held {
        "held filters stay"
    } else {
        "detached"
    };
    log.info(format_args!("stopped by {end}, {what}"));
    Ok(())
}

/// The last steps before there is a running daemon.
fn begin(options: &Options) -> Result<Option<PidFile>, Error> {
    let pidfile = options.pidfile.as_deref().map(PidFile::write).transpose();
    let failed = |error| Error::Process("the pid file can't be written", error);
    let pidfile = pidfile.map_err(failed)?;
    confine::confine(&options.log)?;
    Ok(pidfile)
}

/// The control socket. One that was asked for must be there; the usual one need not.
fn listen(options: &Options) -> Result<Option<Control>, Error> {
    if let Some(path) = &options.control {
        let opened = Control::open(path);
        let failed = |error| Error::Process("the control socket can't be had", error);
        return opened.map(Some).map_err(failed);
    }
    let opened = Control::open(Path::new(protocol::USUAL_PATH));
    let why = |error: &std::io::Error| {
        let path = protocol::USUAL_PATH;
        options.log.warn(format_args!(
            "no control socket at {path}: {error}; --control names another place"
        ));
    };
    Ok(opened.inspect_err(why).ok())
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
