//! State of the running daemon: types only. A type's comment names the file that reads and writes its fields.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::reload::watch::ReloadWatch;
use super::service_manager::Manager;
use crate::base::capacity::MAX_FILTERS;
use crate::base::wait::Backoff;
use crate::config::{Hosts, MAX_PLACES, Place, Serving};
use crate::control::server::{Client, Control};
use crate::filter::Filter;
use crate::http::keeper::Keeper;
use crate::http::server::Server;
use crate::kernel::interface::Monitor;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::kernel::wall_clock::ClockWatch;
use crate::log::Log;
use crate::plan::Source;
use crate::views::process::ProcessStart;
use crate::views::{Readings, Reloads};

/// Filters of one plan, one for each interface. On the heap, since the stack may be small.
pub(super) type Filters = Box<heapless::Vec<Filter, MAX_FILTERS>>;

/// Addresses of the page as the Corefile names them.
pub(super) type Places = heapless::Vec<Place, MAX_PLACES>;

/// Options of `run`.
#[derive(Debug)]
pub struct Options {
    /// Source of the Corefile.
    pub source: Source,
    /// The Corefile that runs while the other is refused (`--fallback`).
    pub fallback: Option<Source>,
    /// Destination of messages.
    pub log: Log,
    /// Path of the pid file (`--pidfile`).
    pub pidfile: Option<PathBuf>,
    /// Path of the control socket (`--control`); `None` for the default path, which another daemon may occupy.
    pub control: Option<PathBuf>,
    /// Folder of the file that keeps decisions (`--state`).
    pub state: PathBuf,
    /// Time within which the start must be confirmed (`--confirm`).
    pub confirm: Option<Duration>,
}

/// The running daemon.
pub(super) struct Daemon<'a> {
    pub(super) options: &'a Options,
    pub(super) process: ProcessStart,
    pub(super) filters: Filters,
    pub(super) map_reads: MapReads,
    pub(super) page: Page,
    pub(super) serving: Serving,
    pub(super) reloading: Reloading,
    /// Present from the signal that stops the daemon until the exit.
    pub(super) shutdown: Option<Shutdown>,
    pub(super) control: ControlSocket,
    pub(super) changed: Changed,
    /// The session of a client that samples, if there is one.
    pub(super) sampling: Option<Sampling>,
    pub(super) monitor: Monitor,
    /// `None` if the kernel has no such timer.
    pub(super) clock: Option<ClockWatch>,
    pub(super) manager: Manager,
}

/// State of reading maps (`map_changes.rs`, and the views that render values).
pub(super) struct MapReads {
    /// Buffers for reading maps.
    pub(super) scan: Box<Scan>,
    /// Number of map values that could not be read since the start.
    pub(super) errors: u64,
    /// Time of the next read of the maps with `debug`.
    pub(super) next: Instant,
    /// Readings of the verdict counters, written by the views.
    pub(super) readings: Readings,
}

/// The page's sockets and processes (`page.rs`). No failure of the page ends the daemon or refuses a reload.
pub(super) struct Page {
    /// Listeners and worker; `None` if the Corefile serves nothing. Field order matters: dropped before `keeper`.
    pub(super) server: Option<Server>,
    /// Names of the option `host`.
    pub(super) hosts: Hosts,
    /// The parent of all workers; `None` if its start failed, and for good after its death.
    pub(super) keeper: Option<Keeper>,
    /// Retry of closed sockets.
    pub(super) reopen: Backoff,
    /// Events of addresses; present while a listener waits for an address that no interface has.
    pub(super) addresses: Option<Monitor>,
}

/// The control socket (`control.rs`).
pub(super) struct ControlSocket {
    /// `None` until the socket could be created.
    pub(super) server: Option<Control>,
    pub(super) retry: Backoff,
    /// Reason of the last failure.
    pub(super) error: &'static str,
}

/// Changes of decisions that the log does not have yet (`decisions.rs`).
#[derive(Default)]
pub(super) struct Changed {
    /// Numbers of added, deleted and refused decisions.
    pub(super) numbers: [u64; 3],
    /// Time at which the numbers are logged; `None` without changes.
    pub(super) log_at: Option<Instant>,
}

/// The session of a client that samples (`samples.rs`).
pub(super) struct Sampling {
    pub(super) client: Client,
    /// The ring buffer, which the frames' maps refer to.
    pub(super) ring: Map,
    /// Number of samples that all filters had lost before the session.
    pub(super) lost: u64,
}

/// State of reloads (`reload/`).
pub(super) struct Reloading {
    /// The directive `reload`, if the Corefile has it.
    pub(super) watch: Option<ReloadWatch>,
    /// Random seed of the reload jitter, read before seccomp; 0 if there is none.
    pub(super) jitter_seed: u32,
    /// Results of reloads for status and metrics.
    pub(super) results: Reloads,
    /// The start or reload that awaits confirmation.
    pub(super) pending: Option<PendingConfirm>,
    pub(super) running: Running,
}

/// The Corefile that runs (`start.rs`, `reload/`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    /// True for the fallback.
    pub(super) is_fallback: bool,
    /// SHA-256 of its content.
    pub(super) sha256: [u32; 8],
}

/// A start or reload that is rolled back unless `confirm` arrives (`reload/confirm.rs`).
#[derive(Debug)]
pub(super) struct PendingConfirm {
    /// Deadline.
    pub(super) until: Instant,
    /// State that the rollback restores.
    pub(super) replaced: Replaced,
    /// True for a start; its rollback ends the daemon.
    pub(super) at_start: bool,
    /// The file on trial, if the reload read another file than the Corefile.
    pub(super) trial: Option<Trial>,
}

/// A file on trial (`reload/confirm.rs`).
#[derive(Debug)]
pub(super) struct Trial {
    /// The file, a [`Source::Trial`].
    pub(super) source: Source,
    /// Digest of its content.
    pub(super) digest: u64,
}

/// State that a start or reload replaced (`reload/confirm.rs`).
#[derive(Debug)]
pub(super) struct Replaced {
    /// Detached filters, still loaded.
    pub(super) filters: Filters,
    /// Addresses of the page in the previous Corefile.
    pub(super) places: Places,
    /// Names of the option `host`.
    pub(super) hosts: Hosts,
    pub(super) serving: Serving,
    pub(super) running: Running,
    /// The previous directive `reload`, with the unconfirmed content as the last content read, which is not retried.
    pub(super) watch: Option<ReloadWatch>,
}

/// State between the signal that stops the daemon and the end of `lameduck` (`lifecycle.rs`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    pub(super) signal: Signal,
    /// Time of the exit.
    pub(super) until: Instant,
}

/// Reason for the end of the event loop.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// This signal stopped the daemon.
    Signal(Signal),
    /// The start was not confirmed in time.
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
