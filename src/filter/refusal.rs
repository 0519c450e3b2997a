//! Messages for refusals of the kernel. Each names the thing at fault and the remedy.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::verifier_log::{hint, last_lines, log_verifier};
use super::{Context, blame};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::kernel::interface::Interface;
use crate::kernel::xdp_mode::Mode;
use crate::kernel::{Reason, describe, errno, info, process, program, truncate};

/// Error of the pins of an interface.
#[derive(Debug)]
pub(super) enum PinError {
    /// A pin, or a folder of pins, cannot be used.
    Unusable(Box<Unusable>),
    /// A running daemon owns the pins; its process id, if `/proc/locks` shows it.
    Owned(Option<u32>),
}

/// Why a pin cannot be used.
#[derive(Debug)]
pub(super) struct Unusable {
    path: PathBuf,
    /// Predicate of the message, of which `path` is the subject.
    what: &'static str,
    /// Errno of the failed call; `None` for wrong permissions or a wrong kind of file.
    errno: Option<Errno>,
}

impl PinError {
    pub(super) fn new(path: &Path, what: &'static str, errno: Option<Errno>) -> Self {
        Self::Unusable(Box::new(Unusable {
            path: path.into(),
            what,
            errno,
        }))
    }

    /// A file whose metadata or link cannot be read.
    pub(super) fn unknown(path: &Path, errno: Errno) -> Self {
        Self::new(path, "cannot be examined", Some(errno))
    }

    /// True if the pin is missing, or a pin or file of another kind.
    pub(super) fn is_missing_or_wrong(&self) -> bool {
        use Errno::{EACCES, EINVAL, ENOENT, ENOTDIR};
        let errno = match self {
            Self::Unusable(pin) => pin.errno,
            Self::Owned(_) => None,
        };
        matches!(errno, Some(ENOENT | ENOTDIR | EINVAL | EACCES))
    }

    /// The party at fault.
    pub(super) fn blame(&self) -> Blame {
        match self {
            Self::Unusable(pin) => pin.errno.map_or(Blame::Interface, blame),
            Self::Owned(_) => Blame::Interface,
        }
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(pin) => {
                write!(f, "{} {}", pin.path.display(), pin.what)?;
                pin.errno
                    .map_or(Ok(()), |errno| write!(f, ": {}", describe(errno)))
            }
            Self::Owned(pid) => {
                f.write_str("is filtered by another corexdp")?;
                pid.map_or(Ok(()), |pid| write!(f, ", process {pid}"))?;
                f.write_str("; stop that process, or change its Corefile and reload it")
            }
        }
    }
}

/// Error for an offload that the card refused. The kernel returns the same errno for a card without offload.
pub(super) fn no_offload(context: &Context<'_>, failure: &program::Failure) -> Diagnostic {
    let program::Failure::Refused(Errno::EINVAL | Errno::EOPNOTSUPP) = failure else {
        return not_loaded(context, failure);
    };
    let name = &context.block.interface;
    let what = format!("interface {name} has no XDP offload; use mode auto");
    context.wrong(context.block.interface_at, "if", Blame::System, what)
}

/// Error for a program that was not loaded. Copies the last lines of the verifier's log to the log, or all lines with
/// `debug` in the server block.
pub(super) fn not_loaded(context: &Context<'_>, failure: &program::Failure) -> Diagnostic {
    let (block, log) = (context.block, context.log);
    let path = block.elf.display();
    let (blame, what) = match failure {
        program::Failure::Verifier(verifier_log) => {
            log_verifier(verifier_log, block.debug, log);
            let (lines, hint) = (last_lines(verifier_log), hint(verifier_log));
            (Blame::Object, format!("the verifier refused it: {lines}{hint}"))
        }
        program::Failure::Refused(Errno::EPERM | Errno::EACCES) => {
            (Blame::Privilege, "not permitted to load a program; it needs CAP_BPF and CAP_NET_ADMIN (CAP_SYS_ADMIN before kernel 5.8)".into())
        }
        program::Failure::Refused(Errno::E2BIG) => (Blame::Object, "has more instructions than this kernel accepts".into()),
        program::Failure::Refused(Errno::EINVAL) => {
            (Blame::Object, "this kernel rejects the program without a reason; does its license allow the helpers it calls?".into())
        }
        program::Failure::Refused(errno) => (Blame::System, format!("cannot load the program: {}", describe(*errno))),
        program::Failure::Object(error) => (Blame::Object, error.to_string()),
    };
    context.wrong(block.elf_at, "elf", blame, format!("{path}: {what}"))
}

/// Fails if a signal that stops the daemon is pending: the filter being loaded is no longer needed.
pub(super) fn check_interrupted(context: &Context<'_>) -> Result<(), Diagnostic> {
    if !process::stop_is_pending() {
        return Ok(());
    }
    let what = "interrupted by a signal to stop".into();
    Err(context.wrong(context.block.at, "ebpf", Blame::System, what))
}

/// Error for a stage that the kernel does not run behind the stage before it.
pub(super) fn not_chained(context: &Context<'_>, errno: Errno) -> Diagnostic {
    let (path, why) = (context.block.elf.display(), describe(errno));
    let what = format!("{path}: the kernel cannot run it behind the stage before it: {why}");
    context.wrong(context.block.elf_at, "elf", blame(errno), what)
}

/// Error for a descriptor that could not be duplicated.
pub(super) fn no_descriptor(context: &Context<'_>, error: &io::Error) -> Diagnostic {
    let what = format!("cannot duplicate a file descriptor: {error}");
    context.wrong(context.block.at, "ebpf", blame(errno(error)), what)
}

/// Message for interface `name`, which has another XDP program; `found` is `None` if the program was attached after the
/// check. Detaching the filter of another corexdp would leave the interface unprotected, so the message names that case
/// first.
pub(super) fn occupied(name: &str, found: Option<&Interface>) -> String {
    let mut message = format!("interface {name} has another XDP program");
    let (mut is_dispatcher, mut option) = (false, "xdp");
    if let Some(found) = found
        && let Some((mode, id)) = found.xdp
    {
        let info = info::program_by_id(id).ok();
        let program = info.map_or("unknown".into(), |info| info.name);
        is_dispatcher = program == "xdp_dispatcher" || has_pins_of_libxdp(found.index, id);
        let _ = write!(message, ", id {id}, name {program}");
        // `xdp off` removes no generic program where the driver has native mode, and reports success.
        option = match mode {
            Some(Mode::Generic) => "xdpgeneric",
            Some(Mode::Offload) => "xdpoffload",
            Some(Mode::Native) | None => "xdp",
        };
    }
    let _ = if is_dispatcher {
        write!(
            message,
            ", the dispatcher of libxdp or bpfman: `xdp-loader status {name}` shows its programs; `xdp-loader unload {name} --all`, or `bpfman unload` for each, detaches them; then retry"
        )
    } else {
        write!(
            message,
            "; if another corexdp filters there, stop that process, or change its Corefile and reload it; else detach the program: `bpftool link list`, or `ip link set dev {name} {option} off`"
        )
    };
    message
}

/// True if libxdp has pinned the programs of the dispatcher with this id. A running daemon may not read the names of
/// programs.
fn has_pins_of_libxdp(interface: u32, id: u32) -> bool {
    Path::new(&format!("/sys/fs/bpf/xdp/dispatch-{interface}-{id}")).exists()
}

/// The text as a reason of limited size.
pub(super) fn to_reason(why: &dyn fmt::Display) -> Reason {
    let mut reason = Reason::new();
    // Text beyond the capacity is cut.
    let _ = write!(reason, "{why}");
    reason
}

/// Reason why a driver refuses: its `message`, else the text of the errno; with the known cause.
pub(super) fn refusal_reason(errno: Errno, message: &str, interface: &Interface) -> Reason {
    let mut reason = truncate(if message.is_empty() {
        describe(errno)
    } else {
        message
    });
    // Text beyond the capacity is truncate.
    let _ = match errno {
        Errno::EOPNOTSUPP if message.is_empty() => {
            return truncate("the driver does not support XDP");
        }
        Errno::EPERM => reason
            .push_str("; it needs CAP_NET_ADMIN")
            .map_err(|_| fmt::Error),
        Errno::ERANGE | Errno::EINVAL => write!(reason, " (mtu {})", interface.mtu),
        _ => Ok(()),
    };
    reason
}
