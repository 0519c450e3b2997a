//! What the kernel has, and what it must be allowed.

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::{Call, Error, Result, door};

/// From here on the memory of maps counts against the control group, no longer against `RLIMIT_MEMLOCK`.
const COUNTED_BY_CGROUP: u32 = (5 << 16) | (11 << 8);

/// Raises `RLIMIT_MEMLOCK` where the kernel still counts maps against it (before 5.11).
///
/// # Errors
/// `EPERM` without `CAP_SYS_RESOURCE`.
pub fn raise_memlock() -> Result<()> {
    // A version that can't be read is taken for a new one: then a map that is too large says so itself.
    let version = bpf_sys::uname::get_kernel_internal_version().unwrap_or(u32::MAX);
    if version >= COUNTED_BY_CGROUP {
        return Ok(());
    }
    door::admit(Call::MemlockLimit)
        .and_then(|()| setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY))
        .map_err(|errno| {
            Error::new(
                Call::MemlockLimit,
                errno,
                "locked memory can't be raised; before kernel 5.11 maps need it (CAP_SYS_RESOURCE)",
            )
        })
}

/// Number of possible CPUs: how many values a per-CPU map keeps for each key.
pub fn possible_cpus() -> usize {
    // SAFETY: takes nothing; reads /sys/devices/system/cpu/possible and keeps the answer.
    let count = unsafe { bpf_sys::libbpf_num_possible_cpus() };
    usize::try_from(count).unwrap_or(1).max(1)
}
