//! The daemon: start, event loop, reload and shutdown. `run` is the sequence from the Corefile to the exit.

mod answer;
mod chosen;
mod confine;
mod control;
mod decisions;
mod error;
mod event_loop;
mod lifecycle;
mod listener_log;
mod map_changes;
mod page;
mod pid_file;
mod reload;
mod samples;
mod service_manager;
mod signals;
mod start;
mod state;
pub mod syscalls;

use std::io;
use std::path::Path;

use crate::filter::Filter;
use crate::http::PAGE_SIZE;
use crate::kernel::capability::{Cap, CapSet, capset};
use crate::kernel::describe;
use crate::kernel::interface::Monitor;
use crate::kernel::limits;
use crate::kernel::map_scan::Scan;
use crate::kernel::wall_clock::ClockWatch;
use crate::log::Log;
use crate::plan::Plan;
use crate::plan::sources::Sources;
use crate::views::process::ProcessStart;

use chosen::Chosen;
pub use error::{Error, fault, worst};
use pid_file::PidFile;
use reload::switch;
use service_manager::Manager;
use signals::Signals;
pub use state::Options;
use state::{Changed, ControlSocket, Daemon, Filters, MapReads, Page, PendingConfirm, Reloading};

/// Runs the daemon until a signal stops it, then detaches the filters.
///
/// # Errors
/// The error of the first step that failed. No filter of this daemon stays attached then.
pub fn run(options: &Options) -> Result<(), Error> {
    let process = ProcessStart::now();
    signals::block_signals_of_writes()
        .map_err(|errno| Error::process("cannot block signals", errno))?;
    limits::allow_shared_memory(PAGE_SIZE);
    let mut sources = Sources::default();
    let mut chosen = Chosen::of_start(options, &mut sources)?;
    let manager = start::service_manager(&options.log);
    let signals =
        Signals::catch().map_err(|errno| Error::process("cannot catch signals", errno))?;
    let mut scan = Box::<Scan>::default();
    let mut sockets = Sockets::open(&chosen.plan, options)?;
    let started = attach(
        options,
        &mut chosen,
        &mut sockets,
        &manager,
        &signals,
        &mut scan,
    )?;
    let Some(filters) = started else {
        return Ok(());
    };
    let mut reloading = Reloading::new(&chosen, sources);
    let serving = chosen.plan.config.serving;
    // The Corefile may have megabytes, and is no longer needed.
    drop(chosen);
    let (filters, pidfile) = commit_start(options, &mut sockets, &mut reloading, filters)?;
    manager.ready();
    let daemon = Daemon {
        options,
        process,
        filters,
        map_reads: MapReads::new(scan),
        page: sockets.page,
        serving,
        reloading,
        shutdown: None,
        control: sockets.control,
        changed: Changed::default(),
        sampling: None,
        monitor: sockets.monitor,
        clock: sockets.clock,
        manager,
    };
    serve(daemon, &signals, pidfile);
    Ok(())
}

/// Attaches the filters of `chosen`, which becomes the fallback if the kernel refuses a program of the Corefile. Returns the
/// new and the replaced filters; `None` after a signal that stops the daemon.
fn attach(
    options: &Options,
    chosen: &mut Chosen,
    sockets: &mut Sockets,
    manager: &Manager,
    signals: &Signals,
    scan: &mut Scan,
) -> Result<Option<(Filters, Filters)>, Error> {
    loop {
        manager.extend_start(chosen.waits());
        let error = match start::filters(&mut chosen.plan, signals, scan, options) {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        if signals.stop().is_some() {
            options.log.info("stopped before the filters were attached");
            return Ok(None);
        }
        chosen.fall_back(options, error)?;
        sockets.page.set_hosts(chosen.plan.config.hosts.clone());
        sockets.page.serve_plan(&chosen.plan, &options.log);
    }
}

/// Sockets, and a timer, that are opened before the filters are attached. Field order matters: the control socket is
/// closed last.
struct Sockets {
    monitor: Monitor,
    clock: Option<ClockWatch>,
    page: Page,
    control: ControlSocket,
}

impl Sockets {
    fn open(plan: &Plan, options: &Options) -> Result<Self, Error> {
        // Opened first, so that a second daemon fails here, and not at the addresses of the page.
        let control = ControlSocket::open(options)?;
        // Started before any BPF object exists, since the keeper would inherit its descriptor, and while the daemon may
        // still change ids.
        let page = Page::start(plan, &options.log);
        // Opened before the filters are attached, so that no change of an interface is missed.
        let monitor = Monitor::open()
            .map_err(|error| Error::process("cannot watch interfaces", error.errno))?;
        // Opened before the offset of the clock is read, so that no change of the clock is missed.
        let clock = ClockWatch::open().inspect_err(|errno| {
            let why = describe(*errno);
            options
                .log
                .warn(format_args!("cannot watch the wall clock: {why}"));
        });
        Ok(Self {
            monitor,
            clock: clock.ok(),
            page,
            control,
        })
    }
}

/// Finishes the start, and makes the filters final unless they await confirmation. The pair has the new filters, and the
/// filters of an earlier daemon that they replaced. After an error, the replaced filters are attached again.
fn commit_start(
    options: &Options,
    sockets: &mut Sockets,
    reloading: &mut Reloading,
    (mut filters, mut replaced): (Filters, Filters),
) -> Result<(Filters, Option<PidFile>), Error> {
    let log = &options.log;
    let pidfile = match finish_start(options, &mut sockets.page) {
        Ok(pidfile) => pidfile,
        Err(error) => {
            switch::put_back(&mut replaced, filters, log);
            return Err(error);
        }
    };
    // No later step can fail, so the pins of an earlier daemon are removed now.
    if options.confirm.is_none() {
        switch::persist(&mut filters, log);
    }
    start::announce(&filters, &replaced, log);
    reloading.pending = options
        .confirm
        .map(|time| PendingConfirm::of_start(time, replaced));
    if let Some(pending) = &reloading.pending {
        pending.announce(log);
    }
    sockets.page.announce(log);
    Ok((filters, pidfile))
}

/// Handles events until the end, then detaches the filters without `exit hold`, and removes the pid file.
fn serve(mut daemon: Daemon<'_>, signals: &Signals, pidfile: Option<PidFile>) {
    let log = &daemon.options.log;
    let end = daemon.run(signals);
    daemon.end_sampling();
    daemon.roll_back_at_end();
    if daemon.filters.iter().any(Filter::outlives) {
        // Another process may have detached a filter with `exit hold`, or removed its pins.
        daemon.verify_filters();
        for filter in daemon.filters.iter_mut() {
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
}

/// The last steps of a start that can fail: writing the pid file, and giving up privileges.
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

/// Fails if the pid file belongs to a running daemon, or the path is not a pid file.
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

/// Writes the pid file. An error of the file system is only a warning: filters do not depend on the pid file.
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

/// True if another daemon, or another file, occupies the path.
fn is_occupied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn no_pid_file(path: &Path, error: io::Error) -> Error {
    Error::process(format!("cannot write pid file {}", path.display()), error)
}
