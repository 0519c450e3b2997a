//! Confinement of the running daemon: it gives up capabilities, new privileges and most system calls irrevocably.
//!
//! Reloads need the calls that load and attach programs, open sockets and read files, so these remain. The confined
//! daemon cannot write a file, execute a program or fork. It reads files and listens only where its user may.

use std::fmt::Write as _;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;

use super::error::Error;
use super::syscalls;
use crate::kernel::capability::{self, Cap, CapSet, capset};
use crate::kernel::seccomp::{self, DefaultAction};
use crate::log::Log;
use crate::plan::Plan;

/// Capabilities that the running daemon keeps, if it has them. Without `CAP_BPF` it keeps `CAP_SYS_ADMIN` instead.
const KEPT: CapSet = capset!(Cap::BPF, Cap::NET_ADMIN, Cap::PERFMON);

/// Fails if the capabilities that the plan's filters need are missing. The keeper of the page's workers needs others; it
/// fails without them, but the daemon still filters.
pub(super) fn check(plan: &Plan) -> Result<(), Error> {
    let effective = effective()?;
    let mut missing = heapless::Vec::<_, 2>::new();
    for capability in [bpf(effective), Cap::NET_ADMIN] {
        if !plan.filters.is_empty() && !effective.has(capability) {
            // Cannot fail: the list has room for both.
            let _ = missing.push(capability);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::Missing(names(&missing)))
    }
}

/// The capability for maps and programs: `CAP_BPF`; `CAP_SYS_ADMIN` before kernel 5.8, and if the process has only that.
fn bpf(effective: CapSet) -> Cap {
    let unsupported = !Cap::BPF.is_supported();
    if unsupported || effective.has(Cap::SYS_ADMIN) && !effective.has(Cap::BPF) {
        Cap::SYS_ADMIN
    } else {
        Cap::BPF
    }
}

fn names(capabilities: &[Cap]) -> String {
    let mut names = String::new();
    for capability in capabilities {
        let comma = if names.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(names, "{comma}{capability}");
    }
    names
}

/// Gives up every privilege and system call that the running daemon does not need. The daemon keeps [`KEPT`] and the
/// capabilities of `more`, if it has them.
pub(super) fn confine(log: &Log, more: CapSet) -> Result<(), Error> {
    let effective = effective()?;
    let kept = match bpf(effective) {
        Cap::SYS_ADMIN => effective & (capset!(Cap::SYS_ADMIN, Cap::NET_ADMIN) | more),
        _ => effective & (KEPT | more),
    };
    let failed = |what| move |errno: Errno| Error::process(what, errno);
    capability::bound(kept);
    capability::keep(kept).map_err(failed("cannot drop capabilities"))?;
    prctl::set_no_new_privs().map_err(failed("cannot set no_new_privs (needs kernel 3.5)"))?;
    if !geteuid().is_root() {
        log.warn("not started as root, so the page's worker keeps the daemon's user and groups");
    }
    // A call that the list lacks must not kill the daemon. The libc handles ENOSYS as on an old kernel.
    let default = DefaultAction::Fail(Errno::ENOSYS);
    seccomp::allow(&[syscalls::ALWAYS, syscalls::RARE], default).map_err(failed(
        "cannot limit system calls; the kernel needs CONFIG_SECCOMP_FILTER",
    ))
}

fn effective() -> Result<CapSet, Error> {
    capability::effective().map_err(|errno| Error::process("cannot read capabilities", errno))
}
