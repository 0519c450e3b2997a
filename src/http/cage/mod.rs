//! The cage: what a worker can do when its HTTP is broken, namely answer requests.
//!
//! 1. It is nobody: user and group 65534, in no other group ([`ids`]).
//! 2. It has no capability and can get none, neither from a file nor from its parent ([`give_up`]).
//! 3. Nobody but root may look into it or attach to it: it is not dumpable.
//! 4. It opens so many descriptors and takes so much memory, and writes no file ([`limits`]).
//! 5. Where the kernel has Landlock, every file, port and process but its own is out of its reach.
//! 6. Of the system calls it has only those that serving pages takes ([`list`]); another one is its end.
//! 7. What it was born with is the page, the way to the daemon, the listening sockets, and `/dev/null`.
//!
//! The keeper goes through 1 to 3 once, since only root can take other ids. Each worker goes through the rest, before
//! the first byte from the network is read.

pub mod ids;
pub mod limits;
pub mod list;

use nix::errno::Errno;
use nix::sys::prctl;

use crate::kernel::capability::{self, CapSet};
use crate::kernel::landlock;

/// The keeper's part: ids, capabilities, and no way back to either.
///
/// # Errors
/// `EPERM` without `CAP_SETUID` and `CAP_SETGID`, `EINVAL` in a user namespace that has no nobody.
pub fn give_up() -> Result<(), Errno> {
    // While there still is the capability for it.
    capability::bound(CapSet::empty());
    ids::become_nobody()?;
    capability::keep(CapSet::empty())?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)
}

/// The worker's first part, after which it may still make sockets of its own.
///
/// # Errors
/// None that is known of.
pub fn enter() -> Result<(), Errno> {
    limits::lower()?;
    landlock::deny_everything().map(drop)
}

/// The worker's last part: from here on there are only the calls of [`list`].
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    list::close()
}
