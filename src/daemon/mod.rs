//! `run`: the story from Corefile to exit.

mod answer;
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
use std::time::{Duration, Instant};

use crate::filter::Filter;
use crate::http::PAGE_SIZE;
use crate::kernel::capability::{Cap, CapSet, capset};
use crate::kernel::interface::Monitor;
use crate::kernel::limits;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
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
    let mut plan = Plan::make(&options.source, &mut sources).map_err(Error::Refused)?;
    plan.resolve_kernel_types().map_err(Error::Refused)?;
    plan.add_frames();
    start::warn(&plan, log);
    confine::check(!plan.filters.is_empty())?;
    check_pid_file(options)?;
    let manager = start::service_manager(log);
    let signals =
        Signals::catch().map_err(|errno| Error::process("cannot catch signals", errno))?;
    let mut scan = Box::<Scan>::default();
    // Before the page, whose listeners a second daemon cannot have either.
    let (control, control_retry) = control::open(options)?;
    // Before any BPF object that the keeper could inherit, and before the capabilities to change ids are gone.
    let mut page = Page::start(&plan, log);
    // Before the filters are attached, so that no change of an interface is missed.
    let monitor =
        Monitor::open().map_err(|error| Error::process("cannot watch interfaces", error.errno))?;
    let waits = plan.filters.iter().map(|filter| filter.block.wait);
    manager.extend_start(waits.fold(Duration::ZERO, Duration::saturating_add));
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
    let pidfile = match finish_start(options, &mut page) {
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
    start::announce(&filters, &replaced, log);
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
        control_retry,
        monitor,
        manager,
    };
    let end = daemon.run(&signals);
    daemon.roll_back_at_end();
    if daemon.filters.iter().any(Filter::outlives) {
        // Somebody may have detached a filter that is said to stay, or removed its pins.
        daemon.verify_filters();
        for filter in &mut daemon.filters {
            filter.renew_pins(log);
        }
    }
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
fn finish_start(options: &Options, page: &mut Page) -> Result<Option<PidFile>, Error> {
    let pidfile = match options.pidfile.as_deref() {
        Some(path) => write_pid_file(path, &options.log)?,
        None => None,
    };
    page.retry_privileged(&options.log);
    let more = if page.awaits_low_port() {
        capset!(Cap::NET_BIND_SERVICE)
    } else {
        CapSet::empty()
    };
    confine::confine(&options.log, more)?;
    Ok(pidfile)
}

/// Refuses the pid file of a running daemon, and what is no pid file, before anything changes.
fn check_pid_file(options: &Options) -> Result<(), Error> {
    match options
        .pidfile
        .as_deref()
        .map(|path| (path, pid_file::check(path)))
    {
        Some((path, Err(error))) if is_occupied(&error) => Err(no_pid_file(path, error)),
        _ => Ok(()),
    }
}

/// Writes the pid file. A file system that cannot take it is a warning: the filters are attached.
fn write_pid_file(path: &Path, log: &Log) -> Result<Option<PidFile>, Error> {
    match PidFile::write(path) {
        Ok(pidfile) => Ok(Some(pidfile)),
        Err(error) if is_occupied(&error) => Err(no_pid_file(path, error)),
        Err(error) => {
            let path = path.display();
            log.warn(format_args!(
                "cannot write pid file {path}: {error}; filters are not affected"
            ));
            Ok(None)
        }
    }
}

/// True for a path that another daemon or another file has.
fn is_occupied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn no_pid_file(path: &Path, error: io::Error) -> Error {
    Error::process(format!("cannot write pid file {}", path.display()), error)
}
