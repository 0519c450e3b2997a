//! Whether the kernel counts how often programs run, which costs each run some nanoseconds.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Call, bpf_call};

/// Lets the kernel count until the descriptor is closed (5.8).
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` before 5.8.
pub fn count() -> Result<OwnedFd, Errno> {
    // SAFETY: takes an integer.
    let fd = bpf_call::call(Call::EnableStats, || unsafe {
        bpf_sys::bpf_enable_stats(bpf_sys::bpf_stats_type_BPF_STATS_RUN_TIME)
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the administrator has the kernel count, by `kernel.bpf_stats_enabled` (5.1).
pub fn are_counted() -> bool {
    let mut text = [0; 1];
    let read = File::open("/proc/sys/kernel/bpf_stats_enabled")
        .and_then(|mut file| file.read_exact(&mut text));
    read.is_ok() && text != *b"0"
}
