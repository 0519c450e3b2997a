//! The *cage*: confinement of a worker. An attacker who takes over a worker through HTTP can only answer requests.
//!
//! 1. The worker runs as nobody: user and group 65534, in no other group ([`ids`]).
//! 2. The worker has no capability, and cannot gain any from a file or its parent ([`give_up`]).
//! 3. The worker is not dumpable: only root may read its memory or trace it.
//! 4. Descriptors and memory are limited; the worker cannot write a file ([`limits`]).
//! 5. Where the kernel has Landlock, the worker cannot open files, connect to ports or signal other processes.
//! 6. Seccomp allows only the system calls that serving HTTP needs ([`list`]); another call kills the worker.
//! 7. The worker inherits only the shared memory, its sockets to the daemon, the listening sockets, and `/dev/null`. Its
//!    working directory is `/`.
//! 8. When memory runs out, the kernel kills the worker before the daemon.
//!
//! The keeper takes all steps but 6 once, for itself and its workers, and has its own list of system calls. Each worker
//! takes step 6 before it reads the first byte from the network.
//!
//! A network namespace would add nothing: the worker cannot create a socket with an address, and the sockets that it
//! inherits stay in the daemon's namespace. A namespace would cost a privilege and kernel memory.

pub mod ids;
pub mod limits;
pub mod list;

use std::fs;

use nix::errno::Errno;
use nix::sys::prctl;

use crate::kernel::capability::{self, CapSet};
use crate::kernel::landlock;

/// Score that makes the kernel kill this process first when memory runs out (proc(5)).
const OOM_SCORE: &str = "1000";

/// The keeper's steps: gives up ids, capabilities, files and memory irrevocably.
///
/// # Errors
/// `EPERM` without `CAP_SETUID` and `CAP_SETGID`, `EINVAL` in a user namespace that has no nobody; errors of `setrlimit`
/// and Landlock. A kernel without Landlock is not an error.
pub fn give_up() -> Result<(), Errno> {
    // If `/proc` is missing or read-only, keeper and workers keep the daemon's score.
    let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    // The bounding set is cleared first: that needs a capability, which the change of ids removes.
    capability::bound(CapSet::empty());
    ids::become_nobody()?;
    capability::keep(CapSet::empty())?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    limits::lower()?;
    landlock::deny_everything().map(drop)
}

/// The worker's step: restricts this process to the system calls of [`list`].
///
/// # Errors
/// `EINVAL` or `ENOSYS` when the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    list::close()
}
