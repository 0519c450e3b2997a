//! Signals as descriptors for the event loop.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::kernel::process::STOP;
use crate::kernel::signals::{block, catch, take};

/// Signals that the daemon handles. The signals are blocked, so that a signal stays pending until its descriptor is read.
#[derive(Debug)]
pub(super) struct Signals {
    stop: SignalFd,
    reload: SignalFd,
}

impl Signals {
    /// Blocks the signals and opens their descriptors.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub(super) fn catch() -> Result<Self, Errno> {
        Ok(Self {
            stop: catch(&STOP)?,
            reload: catch(&[Signal::SIGHUP, Signal::SIGUSR1])?,
        })
    }

    /// Readable after a signal that stops the daemon.
    pub(super) fn stop_fd(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Readable after a signal that reloads the Corefile.
    pub(super) fn reload_fd(&self) -> BorrowedFd<'_> {
        self.reload.as_fd()
    }

    /// Takes a pending signal that stops the daemon.
    pub(super) fn stop(&self) -> Option<Signal> {
        take(&self.stop)
    }

    /// Takes all pending signals that reload the Corefile; true if there was any.
    pub(super) fn reload(&self) -> bool {
        let mut pending = false;
        while take(&self.reload).is_some() {
            pending = true;
        }
        pending
    }
}

/// Blocks the signals that a write to the log may cause: `SIGXFSZ`, which kills the daemon when the file reaches its size
/// limit, and `SIGTTOU`, which stops a daemon in the background of a terminal with `tostop`.
///
/// # Errors
/// None in practice: the set is valid.
pub(super) fn block_signals_of_writes() -> Result<(), Errno> {
    block(&[Signal::SIGXFSZ, Signal::SIGTTOU]).map(drop)
}
