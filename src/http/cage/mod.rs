//! The *cage*: confinement of a worker, so that an attacker who takes over its HTTP can only answer requests.
//!
//! 1. The worker is nobody: user and group 65534, in no other group ([`ids`]).
//! 2. The worker has no capability and can get none from a file or its parent ([`give_up`]).
//! 3. Only root may read its memory or trace it: the worker is not dumpable.
//! 4. Descriptors and memory are limited; the worker cannot write a file ([`limits`]).
//! 5. Where the kernel has Landlock, the worker cannot open files, connect to ports or signal other processes.
//! 6. Seccomp allows only the system calls that serving HTTP needs ([`list`]); another call kills the worker.
//! 7. The worker inherits only the shared page, its sockets to the daemon, the listening sockets, and `/dev/null`.
//!
//! The keeper does steps 1 to 3 once, since only root can change ids. Each worker does the other steps before it reads
//! the first byte from the network.

pub mod ids;
pub mod limits;
pub mod list;

use nix::errno::Errno;
use nix::sys::prctl;

use crate::kernel::capability::{self, CapSet};
use crate::kernel::landlock;

/// The keeper's steps: gives up ids and capabilities irrevocably.
///
/// # Errors
/// `EPERM` without `CAP_SETUID` and `CAP_SETGID`, `EINVAL` in a user namespace that has no nobody.
pub fn give_up() -> Result<(), Errno> {
    // The bounding set first: changing it needs a capability.
    capability::bound(CapSet::empty());
    ids::become_nobody()?;
    capability::keep(CapSet::empty())?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)
}

/// The worker's first steps. The worker may still create sockets afterwards.
///
/// # Errors
/// Errors of `setrlimit` and Landlock; a kernel without Landlock is no error.
pub fn enter() -> Result<(), Errno> {
    limits::lower()?;
    landlock::deny_everything().map(drop)
}

/// The worker's last step: only the system calls of [`list`] are allowed afterwards.
///
/// # Errors
/// `EINVAL` or `ENOSYS` when the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    list::close()
}
