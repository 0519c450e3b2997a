//! Attaching a program to an interface for the lifetime of the daemon.
//!
//! A BPF link (5.9) detaches when its last descriptor is closed, even if the process is killed. Older kernels have only
//! netlink, where the program stays until it is detached. Only the daemon's own program is detached.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bpf_sys::{XDP_FLAGS_REPLACE, XDP_FLAGS_UPDATE_IF_NOEXIST};
use nix::errno::Errno;

use super::attach_calls::{create_link, detach_link, set, update_link};
use super::netlink::{Reason, Refusal};
use super::xdp_mode::Mode;
use super::{describe, errno, interface, pin};

/// A program attached to an interface. Dropping this value detaches the program.
#[derive(Debug)]
pub struct Attachment {
    /// Index of the interface.
    pub interface: u32,
    /// Mode in which the program runs.
    pub mode: Mode,
    /// The attached program. A program on the interface with another id belongs to another owner.
    program: OwnedFd,
    /// The link; `None` when attached by netlink. Closing the link detaches the program, unless the link is pinned.
    link: Option<OwnedFd>,
    /// True if the program stays attached when this value is dropped.
    outlives: bool,
}

/// The state of a link in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The link holds our program to our interface.
    Attached,
    /// Another process replaced our program; the id of the new program.
    Replaced(u32),
    /// Another process detached the link, or the interface is gone.
    Detached,
}

/// Reason why a program was not attached.
#[derive(Debug)]
pub enum Failure {
    /// Another XDP program is attached.
    Occupied,
    /// The interface is gone.
    Gone,
    /// The kernel or the driver refused. The reason is empty when they sent no message.
    Refused(Errno, Reason),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied => f.write_str("another XDP program is attached"),
            Self::Gone => f.write_str("the interface has gone"),
            Self::Refused(errno, reason) if reason.is_empty() => f.write_str(describe(*errno)),
            Self::Refused(_, reason) => f.write_str(reason),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.errno {
            Errno::EBUSY | Errno::EEXIST => Self::Occupied,
            Errno::ENODEV | Errno::ENOLINK => Self::Gone,
            errno => Self::Refused(errno, refusal.reason),
        }
    }
}

impl Attachment {
    /// Attaches `program` to the interface with this index, unless another program is attached.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn new(interface: u32, program: BorrowedFd<'_>, mode: Mode) -> Result<Self, Failure> {
        let program = duplicate(program)?;
        let link = match create_link(interface, &program, mode) {
            Ok(link) => Some(link),
            Err(errno) if netlink_would_fail_too(errno) => return Err(Refusal::from(errno).into()),
            // The kernel has no XDP links, or the driver refuses. Netlink attaches, or returns the driver's message.
            Err(_) => {
                let flags = XDP_FLAGS_UPDATE_IF_NOEXIST | mode.flags();
                set(interface, program.as_raw_fd(), flags, None)?;
                None
            }
        };
        Ok(Self {
            interface,
            mode,
            program,
            link,
            outlives: false,
        })
    }

    /// Takes over an attachment that another process made with this link; without a link, by netlink.
    pub const fn adopt(
        interface: u32,
        mode: Mode,
        program: OwnedFd,
        link: Option<OwnedFd>,
    ) -> Self {
        Self {
            interface,
            mode,
            program,
            link,
            outlives: true,
        }
    }

    /// Keeps the program attached when this value is dropped. A link must be pinned as well.
    pub const fn keep_on_drop(&mut self) {
        self.outlives = true;
    }

    /// Detaches the program when this value is dropped. A pin of the link must be removed as well.
    pub const fn detach_on_drop(&mut self) {
        self.outlives = false;
    }

    /// True if the program stays attached when this value is dropped.
    pub const fn outlives(&self) -> bool {
        self.outlives
    }

    /// The link; `None` when the program was attached by netlink.
    pub fn link(&self) -> Option<BorrowedFd<'_>> {
        self.link.as_ref().map(AsFd::as_fd)
    }

    /// Reads the state of the link from the kernel; `ours` is the id of our program. `None` without a link, or when the
    /// kernel does not describe it.
    pub fn link_state(&self, ours: u32) -> Option<LinkState> {
        let link = pin::link(self.link()?).ok()?;
        Some(match link.program {
            _ if link.interface != self.interface => LinkState::Detached,
            id if id != ours => LinkState::Replaced(id),
            _ => LinkState::Attached,
        })
    }

    /// Replaces any other owner's program in the link with the program of this attachment.
    ///
    /// # Errors
    /// The errno of the kernel; `ENOLINK` when the link is detached, or the program was attached by netlink.
    pub fn restore(&self) -> Result<(), Errno> {
        let link = self.link.as_ref().ok_or(Errno::ENOLINK)?;
        update_link(link, &self.program, None)
    }

    /// Replaces the attached program by `program` atomically: each packet meets one of the two.
    ///
    /// # Errors
    /// See [`Failure`]; the attached program stays. [`Failure::Occupied`] (netlink) and `EPERM` (link) mean that another
    /// owner has replaced our program.
    pub fn replace(&mut self, program: BorrowedFd<'_>) -> Result<(), Failure> {
        let program = duplicate(program)?;
        match &self.link {
            Some(link) => update_link(link, &program, Some(&self.program)).map_err(Refusal::from),
            None => self.replace_over_netlink(&program),
        }?;
        self.program = program;
        Ok(())
    }

    fn replace_over_netlink(&self, program: &OwnedFd) -> Result<(), Refusal> {
        let (fd, expected) = (program.as_raw_fd(), self.program.as_raw_fd());
        let flags = XDP_FLAGS_REPLACE | self.mode.flags();
        match set(self.interface, fd, flags, Some(expected)) {
            // Kernels before 5.7 refuse XDP_FLAGS_REPLACE. Check and replacement are then two calls, with a short race.
            Err(refusal) if refusal.errno == Errno::EINVAL && self.is_ours() => {
                set(self.interface, fd, self.mode.flags(), None)
            }
            other => other,
        }
    }

    /// True if the kernel detaches the program when this process ends, even if the process is killed.
    pub const fn ends_with_process(&self) -> bool {
        self.link.is_some()
    }

    /// True if the program on the interface is the program of this attachment.
    fn is_ours(&self) -> bool {
        let Ok(ours) = super::info::program(self.program.as_fd()) else {
            return false;
        };
        let name = nix::net::if_::if_indextoname(self.interface)
            .ok()
            .and_then(|name| name.into_string().ok());
        let found = name.and_then(|name| interface::find(&name).ok().flatten());
        found
            .and_then(|interface| interface.xdp)
            .is_some_and(|(_, id)| id == ours.id)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.outlives {
            return;
        }
        if let Some(link) = &self.link {
            // After an error, closing the link detaches the program.
            let _ = detach_link(link);
            return;
        }
        let flags = XDP_FLAGS_REPLACE | self.mode.flags();
        let detached = set(self.interface, -1, flags, Some(self.program.as_raw_fd()));
        // Kernels before 5.7 refuse XDP_FLAGS_REPLACE, as in `replace_over_netlink`.
        if matches!(detached, Err(ref refusal) if refusal.errno == Errno::EINVAL) && self.is_ours()
        {
            let _ = set(self.interface, -1, self.mode.flags(), None);
        }
    }
}

fn duplicate(program: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let copy = program.try_clone_to_owned();
    copy.map_err(|error| Failure::Refused(errno(&error), Reason::new()))
}

/// True for an error of `BPF_LINK_CREATE` that netlink would return as well.
fn netlink_would_fail_too(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EBUSY
            | Errno::EEXIST
            | Errno::EPERM
            | Errno::ENODEV
            | Errno::ENOMEM
            | Errno::ENOSPC
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::EINTR
            | Errno::EAGAIN
    )
}
