//! What the daemon gives up once its filters stand: capabilities, new privileges, and most system calls.
//!
//! A reload must still work in full, so it keeps what loading and attaching take, and may open sockets and read files.
//! It can't write a file, run a program or divide any more, and reads and listens only where anybody of its user may.

use std::fmt::Write as _;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;

use super::{Error, syscalls};
use crate::kernel::capability::{self, Capability, Set};
use crate::kernel::seccomp::{self, Otherwise};
use crate::log::Log;

/// What the daemon runs with, as far as it has them. `SysAdmin` stands for `Bpf` where that is not to be had.
const KEPT: [Capability; 3] = [Capability::Bpf, Capability::NetAdmin, Capability::Perfmon];

/// Refuses to begin without the capabilities that what follows will take: those for filters if there are any, those
/// for the page's keeper if it has to change ids.
pub(super) fn check(filters: bool) -> Result<(), Error> {
    let held = effective()?;
    let mut missing = heapless::Vec::<_, 4>::new();
    let mut need = |one: Capability, present: bool| {
        // Four at most, and room for four.
        let _ = (!present).then(|| missing.push(one));
    };
    if filters {
        need(bpf(held), held.has(bpf(held)));
        need(Capability::NetAdmin, held.has(Capability::NetAdmin));
    }
    if geteuid().is_root() {
        for one in [Capability::SetGid, Capability::SetUid] {
            need(one, held.has(one));
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
fn bpf(held: Set) -> Capability {
    let older = !Capability::Bpf.is_known();
    if older || held.has(Capability::SysAdmin) && !held.has(Capability::Bpf) {
        Capability::SysAdmin
    } else {
        Capability::Bpf
    }
}

fn names(some: &[Capability]) -> String {
    let mut names = String::new();
    for one in some {
        let comma = if names.is_empty() { "" } else { ", " };
        // Writing to a String can't fail.
        let _ = write!(names, "{comma}{}", one.name());
    }
    names
}

/// Gives up everything that a running daemon does not need, for good.
pub(super) fn confine(log: &Log) -> Result<(), Error> {
    let held = effective()?;
    let kept = match bpf(held) {
        Capability::SysAdmin => held.only(&[Capability::SysAdmin, Capability::NetAdmin]),
        _ => held.only(&KEPT),
    };
    let failed = |what| move |errno: Errno| Error::Process(what, errno.into());
    capability::bound(kept);
    capability::keep(kept).map_err(failed("capabilities can't be given up"))?;
    prctl::set_no_new_privs().map_err(failed("new privileges can't be ruled out (kernel 3.5)"))?;
    if !geteuid().is_root() {
        log.warn("not started as root, so the page's worker keeps the daemon's user and groups");
    }
    // A call that is missing in the list must not end the filters, and libcs know what to do on a kernel without it.
    let otherwise = Otherwise::Fails(Errno::ENOSYS);
    seccomp::allow(&[syscalls::ALWAYS, syscalls::SELDOM], &[], otherwise).map_err(failed(
        "system calls can't be limited; the kernel needs CONFIG_SECCOMP_FILTER",
    ))
}

fn effective() -> Result<Set, Error> {
    capability::effective()
        .map_err(|errno| Error::Process("capabilities can't be read", errno.into()))
}
