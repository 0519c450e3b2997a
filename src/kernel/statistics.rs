//! The kernel's run statistics of programs. The statistics cost some nanoseconds a run.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Call, bpf_call};

/// Enables the statistics until the descriptor is closed (5.8).
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` before 5.8.
pub fn enable() -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes an integer.
    let fd = bpf_call::call(Call::EnableStats, || unsafe {
        bpf_sys::bpf_enable_stats(bpf_sys::bpf_stats_type_BPF_STATS_RUN_TIME)
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// True if the administrator has enabled the statistics with the sysctl `kernel.bpf_stats_enabled` (5.1).
pub fn are_enabled() -> bool {
    let mut text = [0; 1];
    let read = File::open("/proc/sys/kernel/bpf_stats_enabled")
        .and_then(|mut file| file.read_exact(&mut text));
    read.is_ok() && text != *b"0"
}
