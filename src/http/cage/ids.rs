//! User and group of the worker.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

/// Id of `nobody` and `nogroup` on Linux; also the kernel's overflow id for ids outside a user namespace.
pub const NOBODY: u32 = 65534;

/// Changes user and group to nobody, and leaves all other groups. A process that does not run as root keeps its ids.
///
/// # Errors
/// `EPERM` without `CAP_SETUID` and `CAP_SETGID`, `EINVAL` in a user namespace that has no nobody.
pub fn become_nobody() -> Result<(), Errno> {
    if !geteuid().is_root() {
        return Ok(());
    }
    // Groups before the user: a user other than root may not change them.
    setgroups(&[])?;
    let (group, user) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}
