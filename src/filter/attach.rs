//! Where in an interface's receive path a program goes.

use std::os::fd::AsFd;

use nix::errno::Errno;

use super::refusal::in_words;
use crate::config;
use crate::kernel::Words;
use crate::kernel::attach::{Attachment, Failure, Mode};
use crate::kernel::interface::Interface;
use crate::kernel::program::Program;

/// A program that has its place.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    /// Why it is not native, where that was wanted.
    pub(super) reason: Option<Words>,
}

/// A program that has none.
#[derive(Debug)]
pub(super) struct AttachError {
    pub(super) failure: Failure,
    /// The mode that was tried last.
    pub(super) mode: Mode,
    /// What was attached before, if it still is.
    pub(super) held: Option<Attached>,
}

/// Attaches `program`, instead of what is `held` if there is that. Every packet then meets the one program or the
/// other; only where the mode changes there is a moment without one, since the kernel does not have an interface in
/// two modes.
pub(super) fn attach(
    wanted: config::Mode,
    interface: &Interface,
    program: &Program,
    held: Option<Attached>,
) -> Result<Attached, AttachError> {
    match held {
        Some(held) if suits(wanted, interface, &held) => replace(held, program),
        other => {
            drop(other);
            attach_new(wanted, interface, program)
        }
    }
}

/// Whether a program can be put in this attachment's place.
pub(super) fn suits(wanted: config::Mode, interface: &Interface, placed: &Attached) -> bool {
    let attachment = &placed.attachment;
    let mode = match wanted {
        config::Mode::Auto => attachment.mode != Mode::Offload,
        config::Mode::Native => attachment.mode == Mode::Native,
        config::Mode::Generic => attachment.mode == Mode::Generic,
        // The card takes another program only when it has let go of the first.
        config::Mode::Offload => false,
    };
    mode && attachment.interface == interface.index
}

fn replace(mut held: Attached, program: &Program) -> Result<Attached, AttachError> {
    match held.attachment.replace(program.as_fd()) {
        Ok(()) => Ok(held),
        Err(failure) => Err(AttachError {
            failure,
            mode: held.attachment.mode,
            held: Some(held),
        }),
    }
}

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
            held: None,
        }),
    };
    let mode = match wanted {
        config::Mode::Auto | config::Mode::Native => Mode::Native,
        config::Mode::Generic => Mode::Generic,
        config::Mode::Offload => Mode::Offload,
    };
    match attempt(mode, None) {
        Err(AttachError {
            failure: Failure::Refused(errno, words),
            ..
        }) if wanted == config::Mode::Auto && is_the_drivers(errno) => {
            attempt(Mode::Generic, Some(in_words(errno, &words, interface)))
        }
        other => other,
    }
}

/// Whether it can be the driver's answer. What it is short of, such as queues or memory, generic mode may not need; but
/// what is wrong with this process is wrong in every mode.
const fn is_the_drivers(errno: Errno) -> bool {
    !matches!(
        errno,
        Errno::EPERM | Errno::EMFILE | Errno::ENFILE | Errno::EINTR | Errno::EAGAIN
    )
}
