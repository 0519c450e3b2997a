//! Signals as descriptors for the event loop.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::kernel::process::STOP;

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
        read(&self.stop)
    }

    /// Takes all pending signals that reload the Corefile; true if there was any.
    pub(super) fn reload(&self) -> bool {
        let mut pending = false;
        while read(&self.reload).is_some() {
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
    let set: SigSet = [Signal::SIGXFSZ, Signal::SIGTTOU].into_iter().collect();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)
}

fn catch(signals: &[Signal]) -> Result<SignalFd, Errno> {
    let set: SigSet = signals.iter().copied().collect();
    // `SigSet::thread_block` would take the positive error of pthread_sigmask(3) for success.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn read(fd: &SignalFd) -> Option<Signal> {
    let info = fd.read_signal().ok().flatten()?;
    Signal::try_from(info.ssi_signo.cast_signed()).ok()
}
