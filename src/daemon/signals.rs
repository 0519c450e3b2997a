//! Signals as descriptors for the event loop.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::kernel::process::STOP;

/// Signals that the daemon handles. They are blocked, so an early signal waits in its descriptor.
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

    /// Readable after a signal to stop.
    pub(super) fn stop_fd(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Readable after a signal to reload.
    pub(super) fn reload_fd(&self) -> BorrowedFd<'_> {
        self.reload.as_fd()
    }

    /// Takes a signal to stop, if one came.
    pub(super) fn stop(&self) -> Option<Signal> {
        read(&self.stop)
    }

    /// Takes all signals to reload; true if there was any.
    pub(super) fn reload(&self) -> bool {
        let mut asked = false;
        while read(&self.reload).is_some() {
            asked = true;
        }
        asked
    }
}

/// Blocks the signals by which a write of the log would end or stop the daemon: a file at the limit of its size
/// (`SIGXFSZ`), and a terminal with `tostop` whose foreground is another's (`SIGTTOU`).
///
/// # Errors
/// Never.
pub(super) fn block_signals_of_writes() -> Result<(), Errno> {
    let set: SigSet = [Signal::SIGXFSZ, Signal::SIGTTOU].into_iter().collect();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)
}

fn catch(signals: &[Signal]) -> Result<SignalFd, Errno> {
    let set: SigSet = signals.iter().copied().collect();
    // Not `SigSet::thread_block`, which takes the positive error of pthread_sigmask(3) for success.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn read(fd: &SignalFd) -> Option<Signal> {
    let info = fd.read_signal().ok().flatten()?;
    Signal::try_from(info.ssi_signo.cast_signed()).ok()
}
