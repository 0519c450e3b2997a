//! What the kernel has, and what it must be allowed.

use std::io;
use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::{Call, Error, Result, bpf_call};
use crate::base::files;

/// Where the kernel lists the possible CPUs.
const CPUS: &str = "/sys/devices/system/cpu/possible";
/// Bytes of that list at most: what the kernel says of itself in such a file is no more than a page.
const LIST: usize = 4096;

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
    bpf_call::injected_fault(Call::MemlockLimit)
        .and_then(|()| setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY))
        .map_err(|errno| {
            Error::new(
                Call::MemlockLimit,
                errno,
                "locked memory can't be raised; before kernel 5.11 maps need it (CAP_SYS_RESOURCE)",
            )
        })
}

/// Number of possible CPUs: how many values a per-CPU map keeps for each key. Without it nothing can be copied from
/// such a map: the kernel writes as many values as it has, whatever room there is.
///
/// # Errors
/// When the kernel's list of them can't be read.
pub fn possible_cpus() -> io::Result<usize> {
    let list = files::read(Path::new(CPUS), LIST)?;
    let count = std::str::from_utf8(&list).ok().and_then(count);
    count.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// How many there are in a list such as `0-3,8`.
fn count(list: &str) -> Option<usize> {
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
            assert_eq!(count(list), number, "{list:?}");
        }
    }

    #[test]
    fn this_machine_has_some() {
        assert!(possible_cpus().unwrap() > 0);
    }
}
