//! Whose process it is.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

/// What `nobody` and `nogroup` are on every Linux that has them, and what the kernel calls ids that it can't name.
pub const NOBODY: u32 = 65534;

/// Takes nobody's ids and leaves every group, if this process is root's. Only root can; another's stays whose it is.
///
/// # Errors
/// `EPERM` without `CAP_SETUID` and `CAP_SETGID`, `EINVAL` in a user namespace that has no nobody.
pub fn become_nobody() -> Result<(), Errno> {
    if !geteuid().is_root() {
        return Ok(());
    }
    // Groups first: once the user is another, nothing else can be changed.
    setgroups(&[])?;
    let (group, user) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}
