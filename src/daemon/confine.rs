//! Confinement of the running daemon: capabilities, new privileges and most system calls are given up for good.
//!
//! A reload must still work in full, so the daemon can still load and attach programs, open sockets and read files. It
//! cannot write a file, run a program or fork, and it reads and listens only where any process of its user may.

use std::fmt::Write as _;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;

use super::error::Error;
use super::syscalls;
use crate::kernel::capability::{self, Cap, CapSet, capset};
use crate::kernel::seccomp::{self, Otherwise};
use crate::log::Log;

/// Capabilities of the running daemon, as far as it was given them. `SYS_ADMIN` replaces `BPF` where that is missing.
const KEPT: CapSet = capset!(Cap::BPF, Cap::NET_ADMIN, Cap::PERFMON);

/// Refuses to start without the capabilities that filters need, if there are any. Those that the page's keeper needs
/// to change ids are the page's affair.
pub(super) fn check(filters: bool) -> Result<(), Error> {
    let held = effective()?;
    let mut missing = heapless::Vec::<_, 2>::new();
    for one in [bpf(held), Cap::NET_ADMIN] {
        if filters && !held.has(one) {
            // There is room for both.
            let _ = missing.push(one);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::Missing(names(&missing)))
    }
}

/// The capability for maps and programs: `CAP_BPF`, but `CAP_SYS_ADMIN` on a kernel that does not know that (before
/// 5.8), and for a process that was given that one instead.
fn bpf(held: CapSet) -> Cap {
    let older = !Cap::BPF.is_supported();
    if older || held.has(Cap::SYS_ADMIN) && !held.has(Cap::BPF) {
        Cap::SYS_ADMIN
    } else {
        Cap::BPF
    }
}

fn names(some: &[Cap]) -> String {
    let mut names = String::new();
    for one in some {
        let comma = if names.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(names, "{comma}{one}");
    }
    names
}

/// Gives up every privilege and system call that the running daemon does not need. It keeps `more` capabilities than
/// always, as far as it was given them.
pub(super) fn confine(log: &Log, more: CapSet) -> Result<(), Error> {
    let held = effective()?;
    let kept = match bpf(held) {
        Cap::SYS_ADMIN => held & (capset!(Cap::SYS_ADMIN, Cap::NET_ADMIN) | more),
        _ => held & (KEPT | more),
    };
    let failed = |what| move |errno: Errno| Error::process(what, errno);
    capability::bound(kept);
    capability::keep(kept).map_err(failed("cannot give up capabilities"))?;
    prctl::set_no_new_privs().map_err(failed("cannot rule out new privileges (kernel 3.5)"))?;
    if !geteuid().is_root() {
        log.warn("not started as root, so the page's worker keeps the daemon's user and groups");
    }
    // A call that the list lacks must not end the filters; a libc handles ENOSYS as it does on an old kernel.
    let otherwise = Otherwise::Fails(Errno::ENOSYS);
    seccomp::allow(&[syscalls::ALWAYS, syscalls::SELDOM], &[], otherwise).map_err(failed(
        "cannot limit system calls; the kernel needs CONFIG_SECCOMP_FILTER",
    ))
}

fn effective() -> Result<CapSet, Error> {
    capability::effective().map_err(|errno| Error::process("cannot read capabilities", errno))
}
