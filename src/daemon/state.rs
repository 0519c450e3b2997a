//! State of the running daemon: types only. Each type is read and written by the file that its doc names.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::reload::watch::ReloadWatch;
use super::service_manager::Manager;
use crate::base::capacity::MAX_FILTERS;
use crate::base::wait::Backoff;
use crate::config::{Hosts, MAX_PLACES, Place, Serving};
use crate::control::server::Control;
use crate::filter::Filter;
use crate::http::keeper::Keeper;
use crate::http::server::Server;
use crate::kernel::interface::Monitor;
use crate::kernel::map_scan::Scan;
use crate::log::Log;
use crate::plan::Source;
use crate::views::Reloads;
use crate::views::process::ProcessStart;

/// Filters of one plan, one for each `ebpf` block.
pub(super) type Filters = heapless::Vec<Filter, MAX_FILTERS>;

/// Addresses of the page as the Corefile names them.
pub(super) type Places = heapless::Vec<Place, MAX_PLACES>;

/// Options of `run`.
#[derive(Debug)]
pub struct Options {
    /// Source of the Corefile.
    pub source: Source,
    /// Destination of messages.
    pub log: Log,
    /// File for the process id.
    pub pidfile: Option<PathBuf>,
    /// Path of the control socket. `None` means the default path, which another daemon may have.
    pub control: Option<PathBuf>,
    /// Time for `confirm` to arrive; without it the start is rolled back.
    pub confirm: Option<Duration>,
}

/// The running daemon.
pub(super) struct Daemon<'a> {
    pub(super) options: &'a Options,
    pub(super) process: ProcessStart,
    pub(super) filters: Filters,
    /// Buffers for reading maps.
    pub(super) scan: Box<Scan>,
    /// Map values that could not be read since the start.
    pub(super) read_errors: u64,
    /// Time at which `debug` reads the maps next.
    pub(super) next_look: Instant,
    pub(super) page: Page,
    pub(super) serving: Serving,
    pub(super) reloading: Reloading,
    /// Set from the signal to stop until the daemon ends.
    pub(super) shutdown: Option<Shutdown>,
    pub(super) control: Option<Control>,
    pub(super) control_retry: ControlRetry,
    pub(super) monitor: Monitor,
    pub(super) manager: Manager,
}

/// The page's sockets and processes (`page.rs`). No failure of the page ends the daemon or refuses a reload.
pub(super) struct Page {
    /// Listeners and worker; `None` where the Corefile serves nothing. Field order matters: dropped before `keeper`.
    pub(super) server: Option<Server>,
    /// Names of the option `host`.
    pub(super) hosts: Hosts,
    /// The parent of all workers; `None` if it could not be started, and after its death, which nothing can undo.
    pub(super) keeper: Option<Keeper>,
    /// Retry of the sockets that could not be opened.
    pub(super) reopen: Backoff,
    /// Events of addresses, while a listener waits for an address that no interface has.
    pub(super) addresses: Option<Monitor>,
}

/// Retry of a control socket that could not be created (`control.rs`).
pub(super) struct ControlRetry {
    pub(super) backoff: Backoff,
    /// Reason of the last failure.
    pub(super) error: &'static str,
}

/// State of reloads (`reload/`).
pub(super) struct Reloading {
    /// The directive `reload`, where the Corefile has one.
    pub(super) watch: Option<ReloadWatch>,
    /// Random seed of the reload jitter, read before seccomp; 0 if there is none.
    pub(super) jitter_seed: u32,
    /// Results of reloads for the metrics.
    pub(super) results: Reloads,
    pub(super) pending: Option<PendingConfirm>,
}

/// A start or reload that is rolled back unless `confirm` arrives (`reload/confirm.rs`).
#[derive(Debug)]
pub(super) struct PendingConfirm {
    /// Deadline.
    pub(super) until: Instant,
    /// State that returns after the deadline.
    pub(super) replaced: Replaced,
    /// True for a start; its rollback ends the daemon.
    pub(super) at_start: bool,
}

/// State that a start or reload replaced (`reload/confirm.rs`).
#[derive(Debug)]
pub(super) struct Replaced {
    /// Detached filters, with everything that attaching them again needs.
    pub(super) filters: Filters,
    /// Addresses of the page as the Corefile named them.
    pub(super) places: Places,
    /// Names of the option `host`.
    pub(super) hosts: Hosts,
    pub(super) serving: Serving,
    /// The directive `reload`, with the content that was not confirmed: that content is not tried again.
    pub(super) watch: Option<ReloadWatch>,
}

/// A daemon that was told to stop and serves until `lameduck` is over (`lifecycle.rs`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    pub(super) signal: Signal,
    /// Time at which the daemon ends.
    pub(super) until: Instant,
}

/// Reason for the end of the event loop.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// A signal to stop.
    Signal(Signal),
    /// Nobody confirmed the start.
    Unconfirmed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal(signal) => signal.as_str(),
            Self::Unconfirmed => "lack of confirmation",
        })
    }
}
