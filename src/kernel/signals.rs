//! Signals as descriptors for event loops.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Blocks the signals, so that each stays pending until its descriptor is read, and opens the descriptor.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn catch(signals: &[Signal]) -> Result<SignalFd, Errno> {
    let set = block(signals)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Blocks the signals.
///
/// # Errors
/// None in practice: the set is valid.
pub fn block(signals: &[Signal]) -> Result<SigSet, Errno> {
    let set: SigSet = signals.iter().copied().collect();
    // `SigSet::thread_block` would take the positive error of pthread_sigmask(3) for success.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
    Ok(set)
}

/// Takes a pending signal.
pub fn take(fd: &SignalFd) -> Option<Signal> {
    let info = fd.read_signal().ok().flatten()?;
    Signal::try_from(info.ssi_signo.cast_signed()).ok()
}
