//! Resource limits (`setrlimit(2)`), and the number of CPUs.

use std::fmt;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use super::{Call, Error, Result, bpf_call};
use crate::base::files;

/// The kernel's list of possible CPUs.
const POSSIBLE_CPUS: &str = "/sys/devices/system/cpu/possible";
/// Maximum size of a sysfs file in bytes: one page.
const SYSFS_SIZE: usize = 4096;

/// Limits that the daemon needs, with a margin: resource, name, unit and number.
const NEEDED: [(Resource, &str, &str, u64); 2] = [
    (Resource::RLIMIT_STACK, "RLIMIT_STACK", "bytes", 1 << 20),
    (Resource::RLIMIT_NOFILE, "RLIMIT_NOFILE", "files", 64),
];

/// Kernel 5.11, from which the control group limits the memory of maps instead of `RLIMIT_MEMLOCK`.
const LIMITED_BY_CGROUP: u32 = (5 << 16) | (11 << 8);

/// Removes `RLIMIT_MEMLOCK` where the limit still applies to maps (before 5.11).
///
/// # Errors
/// `EPERM` without `CAP_SYS_RESOURCE`.
pub fn raise_memlock() -> Result<()> {
    // An unknown version counts as new: on an old kernel, creating a map then reports the limit.
    let version = bpf_sys::uname::get_kernel_internal_version().unwrap_or(u32::MAX);
    if version >= LIMITED_BY_CGROUP {
        return Ok(());
    }
    bpf_call::injected_fault(Call::MemlockLimit)
        .and_then(|()| setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY))
        .map_err(|errno| {
            Error::new(
                Call::MemlockLimit,
                errno,
                "cannot raise RLIMIT_MEMLOCK, which maps need before kernel 5.11 (CAP_SYS_RESOURCE)",
            )
        })
}

/// Allows this process to create shared memory of `size` bytes, to which `RLIMIT_FSIZE` applies as to files. Only the
/// hard limit is raised: the soft limit still bounds the log file.
pub fn allow_shared_memory(size: usize) {
    let size = u64::try_from(size).unwrap_or(RLIM_INFINITY);
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_FSIZE)
        && hard < size
    {
        // Without CAP_SYS_RESOURCE, creating the memory reports the limit.
        let _ = setrlimit(Resource::RLIMIT_FSIZE, soft, size);
    }
}

/// Calls `act`. If the soft limit `RLIMIT_FSIZE` makes it fail, calls `act` again with the limit raised meanwhile.
///
/// # Errors
/// Errors of `act`; `EFBIG` where the hard limit is too low as well.
pub(super) fn with_file_size(act: impl Fn() -> nix::Result<()>) -> nix::Result<()> {
    match act() {
        Err(Errno::EFBIG) => {}
        other => return other,
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard)?;
    let done = act();
    setrlimit(Resource::RLIMIT_FSIZE, soft, hard)?;
    done
}

/// Raises the soft limits that are lower than the daemon needs: a stack overflow aborts the process, and a daemon
/// without descriptors cannot reload. Raising `RLIMIT_STACK` takes effect at once: the kernel reads it whenever the
/// stack of the main thread grows.
///
/// # Errors
/// The first limit whose hard limit is too low as well.
pub fn raise() -> std::result::Result<(), TooLow> {
    for (resource, name, unit, needed) in NEEDED {
        let (soft, hard) = getrlimit(resource).unwrap_or((needed, needed));
        // A higher hard limit needs CAP_SYS_RESOURCE.
        if soft < needed && setrlimit(resource, needed, hard.max(needed)).is_err() {
            return Err(TooLow {
                name,
                unit,
                hard,
                needed,
            });
        }
    }
    Ok(())
}

/// A hard limit that is too low.
#[derive(Clone, Copy, Debug)]
pub struct TooLow {
    name: &'static str,
    unit: &'static str,
    hard: u64,
    needed: u64,
}

impl fmt::Display for TooLow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            unit,
            hard,
            needed,
        } = self;
        write!(
            f,
            "the limit {name} is {hard} {unit}; allow at least {needed}"
        )
    }
}

/// Number of possible CPUs: the number of values for each key of a per-CPU map. A lookup in such a map needs a buffer for
/// this number of values: the kernel writes a value for each CPU, whatever the size of the buffer.
///
/// # Errors
/// When the kernel's list of CPUs cannot be read.
pub fn possible_cpus() -> io::Result<usize> {
    let list = files::read(Path::new(POSSIBLE_CPUS), SYSFS_SIZE)?;
    let count = std::str::from_utf8(&list).ok().and_then(count_cpus);
    count.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Number of CPUs in a list such as `0-3,8`.
fn count_cpus(list: &str) -> Option<usize> {
    let ranges = list.trim_end().split(',');
    let lengths = ranges.map(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
        to.checked_sub(from)?.checked_add(1)
    });
    lengths.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_range_by_range() {
        for (list, number) in [
            ("0\n", Some(1)),
            ("0-1\n", Some(2)),
            ("0-3,8,10-11\n", Some(7)),
            ("", None),
            ("\n", None),
            ("0-", None),
            ("3-1", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(count_cpus(list), number, "{list:?}");
        }
    }

    #[test]
    fn this_machine_has_a_cpu() {
        assert!(possible_cpus().unwrap() > 0);
    }
}
