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
mod state;
pub mod syscalls;

use std::io;
use std::path::Path;
use std::time::Instant;

use crate::filter::Filter;
use crate::http::PAGE_SIZE;
use crate::kernel::interface::Monitor;
use crate::kernel::limits;
use crate::kernel::map_scan::Scan;
use crate::plan::Plan;
use crate::plan::sources::Sources;
use crate::views::Reloads;
use crate::views::process::ProcessStart;

pub use error::{Error, fault, worst};
use event_loop::DEBUG_PERIOD;
use pid_file::PidFile;
use reload::switch;
use reload::watch::{ReloadWatch, jitter_seed};
use signals::Signals;
pub use state::Options;
use state::{Daemon, Page, PendingConfirm, Reloading};

/// Runs until a signal to stop, then detaches.
///
/// # Errors
/// Everything that is wrong; nothing is attached then.
pub fn run(options: &Options) -> Result<(), Error> {
    let process = ProcessStart::now();
    let log = &options.log;
    signals::block_signals_of_writes()
        .map_err(|errno| Error::process("cannot block signals", errno))?;
    limits::allow_shared_memory(PAGE_SIZE);
    let mut sources = Sources::default();
    let plan = Plan::make(&options.source, &mut sources).map_err(Error::Refused)?;
    start::warn(&plan, log);
    confine::check(!plan.filters.is_empty())?;
    check_pid_file(options)?;
    let manager = start::service_manager(log);
    let signals =
        Signals::catch().map_err(|errno| Error::process("cannot catch signals", errno))?;
    let mut scan = Box::<Scan>::default();
    // Before any BPF object that the keeper could inherit, and before the capabilities to change ids are gone.
    let page = Page::start(&plan)?;
    let control = control::open(options)?;
    // Before the filters are attached, so that no change of an interface is missed.
    let monitor =
        Monitor::open().map_err(|error| Error::process("cannot watch interfaces", error.errno))?;
    let started = start::filters(&plan, &signals, &mut scan, options);
    if started.is_err() && signals.stop().is_some() {
        log.info("stopped before the filters were attached");
        return Ok(());
    }
    let Some((mut filters, mut replaced)) = started? else {
        return Ok(());
    };
    let jitter_seed = jitter_seed();
    let watch = ReloadWatch::new(&plan.config, jitter_seed, sources);
    let serving = plan.config.serving;
    // A Corefile can be megabytes, and nothing needs it any more.
    drop(plan);
    let pidfile = match finish_start(options) {
        Ok(pidfile) => pidfile,
        Err(error) => {
            switch::put_back(&mut replaced, filters, log);
            return Err(error);
        }
    };
    // Nothing can fail any more, so the pins of an earlier daemon are removed now.
    if options.confirm.is_none() {
        switch::persist(&mut filters, log);
    }
    start::announce(&filters, log);
    let pending = options
        .confirm
        .map(|time| PendingConfirm::of_start(time, replaced));
    if let Some(pending) = &pending {
        pending.announce(log);
    }
    page.announce(log);
    manager.ready();
    let mut daemon = Daemon {
        options,
        process,
        filters,
        scan,
        read_errors: 0,
        next_look: Instant::now() + DEBUG_PERIOD,
        page,
        serving,
        reloading: Reloading {
            watch,
            jitter_seed,
            results: Reloads::default(),
            pending,
        },
        shutdown: None,
        control,
        monitor,
        manager,
    };
    let end = daemon.run(&signals);
    let held = daemon.filters.iter().any(Filter::outlives);
    drop(daemon);
    drop(pidfile);
    let filters = if held {
        "held filters stay"
    } else {
        "detached"
    };
    log.info(format_args!("stopped by {end}, {filters}"));
    Ok(())
}

/// The last steps of a start that can fail: the pid file, and the loss of privileges.
fn finish_start(options: &Options) -> Result<Option<PidFile>, Error> {
    let write = |path: &Path| PidFile::write(path).map_err(|error| no_pid_file(path, error));
    let pidfile = options.pidfile.as_deref().map(write).transpose()?;
    confine::confine(&options.log)?;
    Ok(pidfile)
}

/// Refuses a pid file that cannot be written, before anything changes.
fn check_pid_file(options: &Options) -> Result<(), Error> {
    match options.pidfile.as_deref() {
        Some(path) => pid_file::check(path)
            .map(drop)
            .map_err(|error| no_pid_file(path, error)),
        None => Ok(()),
    }
}

fn no_pid_file(path: &Path, error: io::Error) -> Error {
    Error::process(format!("cannot write pid file {}", path.display()), error)
}
