//! The step that attaches the program.

use std::os::fd::AsFd;

use nix::errno::Errno;

use super::build::prepare;
use super::context::Chain;
use super::find_interface::{find_interface, free, up};
use super::hold::{own_pins, pin_state};
use super::load::Batch;
use super::refusal::{occupied, refusal_reason};
use super::stage::Stage;
use super::state::{Attached, Prepared, PreparedStage};
use super::{Context, Filter, blame};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::config;
use crate::kernel::attach::{Attachment, Failure};
use crate::kernel::interface::Interface;
use crate::kernel::map_scan::Scan;
use crate::kernel::program::Program;
use crate::kernel::xdp_mode::Mode;

/// Error of [`attach_program`].
#[derive(Debug)]
pub(super) struct AttachError {
    pub(super) failure: Failure,
    /// Mode of the last attempt.
    pub(super) mode: Mode,
    /// The previous attachment, if its program is still attached.
    pub(super) previous: Option<Attached>,
}

/// Attaches the prepared filter to an interface without a filter.
///
/// # Errors
/// When the interface is gone or occupied, or the driver refuses.
pub fn attach(chain: &Chain<'_>, prepared: Prepared) -> Result<Filter, Diagnostic> {
    let context = &chain.head;
    let interface = free(context, up(context, find_interface(context)?)?)?;
    let mut filter = loaded_filter(chain, prepared)?;
    filter
        .link_stages()
        .map_err(|error| error.diagnostic(chain))?;
    filter.pins = own_pins(context, Some(&interface), None)?;
    pin_state(context, &filter)?;
    match attach_program(context.block.mode, &interface, &filter.head.program, None) {
        Ok(attached) => {
            filter.set_attached(Some(attached));
            filter.look_at(&interface);
            Ok(filter)
        }
        Err(AttachError { failure, mode, .. }) => {
            if let Some(pins) = &filter.pins {
                pins.remove_all();
            }
            Err(not_attached(context, failure, mode, &interface))
        }
    }
}

/// Loads the programs of `chain` without attaching the first: the kernel's verifier has accepted them, and they can be run
/// by test calls.
///
/// # Errors
/// When the kernel refuses a map, an entry or a program.
pub fn load_unattached(
    chain: &Chain<'_>,
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<Filter, Diagnostic> {
    let filter = loaded_filter(chain, prepare(chain, None, batch, scan)?)?;
    let linked = filter.link_stages();
    linked.map_err(|error| error.diagnostic(chain))?;
    Ok(filter)
}

/// The filter of newly loaded stages.
fn loaded_filter(chain: &Chain<'_>, prepared: Prepared) -> Result<Filter, Diagnostic> {
    let stage = |context: &Context<'_>, prepared| match prepared {
        PreparedStage::Load(loaded) => Ok(Stage::new(context, loaded)),
        // `prepare` takes over a stage only from a running filter.
        PreparedStage::Keep(..) | PreparedStage::Again(..) => {
            let what = "its running stage has gone".into();
            Err(context.wrong(context.block.at, "ebpf", Blame::System, what))
        }
    };
    let head = stage(&chain.head, prepared.head)?;
    let mut behind = Vec::new();
    for (context, prepared) in chain.behind.iter().zip(prepared.behind) {
        behind.push(stage(context, prepared)?);
    }
    Ok(Filter::new(chain, head, behind))
}

/// Attaches `program`, and replaces the program of the `previous` attachment, if any. The replacement is atomic: every
/// packet meets one of the two programs. If the mode changes, the interface is without a program for a moment, since the
/// kernel does not attach programs in two modes.
pub(super) fn attach_program(
    wanted: config::Mode,
    interface: &Interface,
    program: &Program,
    previous: Option<Attached>,
) -> Result<Attached, AttachError> {
    match previous {
        Some(previous) if suits(wanted, interface, &previous) => match replace(previous, program) {
            // Another process has detached the link meanwhile, so dropping the link changes nothing.
            Err(AttachError {
                failure: Failure::Gone,
                ..
            }) => attach_new(wanted, interface, program),
            other => other,
        },
        other => {
            drop(other);
            attach_new(wanted, interface, program)
        }
    }
}

/// True if the attached program can be replaced in place: the mode and the interface stay the same.
pub(super) fn suits(wanted: config::Mode, interface: &Interface, attached: &Attached) -> bool {
    let attachment = &attached.attachment;
    let mode = match wanted {
        // Generic mode is what is left where native mode was refused, and only then has a reason.
        config::Mode::Auto => match attachment.mode {
            Mode::Native => true,
            Mode::Generic => attached.reason.is_some(),
            Mode::Offload => false,
        },
        config::Mode::Native => attachment.mode == Mode::Native,
        config::Mode::Generic => attachment.mode == Mode::Generic,
        // A card accepts a program only after the previous one is detached.
        config::Mode::Offload => false,
    };
    mode && attachment.interface == interface.index
}

fn replace(mut previous: Attached, program: &Program) -> Result<Attached, AttachError> {
    match previous.attachment.replace(program.as_fd()) {
        Ok(()) => Ok(previous),
        Err(failure) => Err(AttachError {
            failure,
            mode: previous.attachment.mode,
            previous: Some(previous),
        }),
    }
}

/// Attaches to an interface without a program. Mode `auto` falls back to generic mode only while the interface is up: some
/// drivers refuse native mode while it is down.
fn attach_new(
    wanted: config::Mode,
    interface: &Interface,
    program: &Program,
) -> Result<Attached, AttachError> {
    let attempt = |mode, reason| match Attachment::new(interface.index, program.as_fd(), mode) {
        Ok(attachment) => Ok(Attached { attachment, reason }),
        Err(failure) => Err(AttachError {
            failure,
            mode,
            previous: None,
        }),
    };
    let mode = match wanted {
        config::Mode::Auto | config::Mode::Native => Mode::Native,
        config::Mode::Generic => Mode::Generic,
        config::Mode::Offload => Mode::Offload,
    };
    match attempt(mode, None) {
        Err(AttachError {
            failure: Failure::Refused(errno, message),
            ..
        }) if wanted == config::Mode::Auto && interface.up && is_the_drivers(errno) => attempt(
            Mode::Generic,
            Some(refusal_reason(errno, &message, interface)),
        ),
        other => other,
    }
}

/// True if the errno may be the driver's. Generic mode does not need the queues or memory that a driver may lack. An error
/// of this process would be the same in every mode.
const fn is_the_drivers(errno: Errno) -> bool {
    !matches!(
        errno,
        Errno::EPERM | Errno::EMFILE | Errno::ENFILE | Errno::EINTR | Errno::EAGAIN
    )
}

/// Error for a program that was not attached.
pub(super) fn not_attached(
    context: &Context<'_>,
    failure: Failure,
    mode: Mode,
    interface: &Interface,
) -> Diagnostic {
    let name = &context.block.interface;
    let wrong = |blame, what| context.wrong(context.block.interface_at, "if", blame, what);
    match failure {
        // Another program was attached after the check of the interface; a second check finds its name.
        Failure::Occupied => {
            let free = find_interface(context).and_then(|interface| free(context, interface));
            free.err()
                .unwrap_or_else(|| wrong(Blame::Interface, occupied(name, None)))
        }
        Failure::Gone => wrong(
            Blame::Interface,
            format!("interface {name} has just disappeared"),
        ),
        Failure::Refused(errno, message) => {
            let message = refusal_reason(errno, &message, interface);
            let what = format!("interface {name} refuses {mode} mode: {message}");
            wrong(blame(errno), what)
        }
    }
}
