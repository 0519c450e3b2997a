//! Signals as descriptors to wait for.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that the daemon hears. They are blocked, so one that comes early waits until it is asked for.
#[derive(Debug)]
pub(super) struct Signals {
    stop: SignalFd,
    reload: SignalFd,
}

impl Signals {
    /// Begins to catch them.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn catch() -> Result<Self, Errno> {
        Ok(Self {
            stop: catch(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT])?,
            reload: catch(&[Signal::SIGHUP, Signal::SIGUSR1])?,
        })
    }

    /// Readable when the daemon should stop.
    pub(super) fn stop_fd(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Readable when it should reload.
    pub(super) fn reload_fd(&self) -> BorrowedFd<'_> {
        self.reload.as_fd()
    }

    /// The signal that says stop, if one came.
    pub(super) fn stop(&self) -> Option<Signal> {
        read(&self.stop)
    }

    /// Whether a signal says reload; several at once are one.
    pub(super) fn reload(&self) -> bool {
        let mut asked = false;
        while read(&self.reload).is_some() {
            asked = true;
        }
        asked
    }
}

fn catch(signals: &[Signal]) -> Result<SignalFd, Errno> {
    let set: SigSet = signals.iter().copied().collect();
    // Not `thread_block`, which takes the C library's way to say no for a yes.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn read(fd: &SignalFd) -> Option<Signal> {
    let info = fd.read_signal().ok().flatten()?;
    Signal::try_from(info.ssi_signo.cast_signed()).ok()
}
