//! Landlock (5.13): a process gives up files, and on newer kernels ports and strangers, for good.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// Asks for the version instead of a rule set (`LANDLOCK_CREATE_RULESET_VERSION`).
const ASK_VERSION: u32 = 1;

/// `struct landlock_ruleset_attr`: what is denied unless a rule allows it. Members came one by one, so a kernel is
/// given as much of it as it knows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Handled {
    files: u64,
    ports: u64,
    strangers: u64,
}

/// All that this version of Landlock can deny, and how many bytes of the structure it reads.
const fn all_of(version: i64) -> (Handled, usize) {
    // The rights to files are the low bits, each version's above the last one's: 13 at first, then REFER (2),
    // TRUNCATE (3) and IOCTL_DEV (5).
    let files = match version {
        ..=1 => 13,
        2 => 14,
        3..=4 => 15,
        _ => 16,
    };
    let (ports, strangers, size) = match version {
        ..=3 => (0, 0, 8),
        // Binding and connecting TCP sockets.
        4..=5 => (0b11, 0, 16),
        // Abstract Unix sockets and signals of processes that are not below this one.
        _ => (0b11, 0b11, 24),
    };
    let handled = Handled {
        files: (1 << files) - 1,
        ports,
        strangers,
    };
    (handled, size)
}

/// Denies this thread, and all it will start, everything that this kernel's Landlock can deny. `no_new_privs` must be
/// set. Returns the version of Landlock; 0 where the kernel has none, or has it turned off.
///
/// # Errors
/// `E2BIG` when too many such layers are stacked.
pub fn deny_everything() -> Result<i64, Errno> {
    // SAFETY: with this flag the kernel reads no structure.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            0usize,
            0usize,
            ASK_VERSION,
        )
    };
    let version = match Errno::result(version) {
        Err(Errno::ENOSYS | Errno::EOPNOTSUPP) => return Ok(0),
        other => other?,
    };
    let (handled, size) = all_of(version);
    // SAFETY: the kernel reads `size` bytes, and the structure has as many.
    let rules = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const handled,
            size,
            0u32,
        )
    };
    let rules = i32::try_from(Errno::result(rules)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    let rules = unsafe { OwnedFd::from_raw_fd(rules) };
    // SAFETY: takes two integers. No rule was added, so nothing is allowed.
    let answer =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0u32) };
    Errno::result(answer).map(|_| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_asked_for_what_it_knows() {
        for (version, files, ports, strangers, size) in [
            (1, 0x1fff, 0, 0, 8),
            (2, 0x3fff, 0, 0, 8),
            (3, 0x7fff, 0, 0, 8),
            (4, 0x7fff, 3, 0, 16),
            (5, 0xffff, 3, 0, 16),
            (6, 0xffff, 3, 3, 24),
            (99, 0xffff, 3, 3, 24),
        ] {
            let expected = Handled {
                files,
                ports,
                strangers,
            };
            assert_eq!(all_of(version), (expected, size), "{version}");
        }
    }
}
