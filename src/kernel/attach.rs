//! Attaching a program to an interface, so that it is gone when we are.
//!
//! A BPF link (5.9) ends with its last descriptor, however the process ends. Older kernels have only netlink, where
//! the program stays until it is taken away: we take away only what is still ours.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use super::interface::{self, acknowledged};
use super::netlink::{Refusal, Request};
use super::{Call, door};

const BPF_XDP: u32 = 37;
const IFLA_XDP: u16 = 43;
const IFLA_XDP_FD: u16 = 1;
const IFLA_XDP_FLAGS: u16 = 3;
const IFLA_XDP_EXPECTED_FD: u16 = 8;
const UPDATE_IF_NOEXIST: u32 = 1 << 0;
/// Detach only the program whose descriptor is given (5.7).
const REPLACE: u32 = 1 << 4;

/// Where in the interface's receive path a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver, before a packet buffer is allocated.
    Native,
    /// In the network stack, with every driver, slower.
    Generic,
    /// On the card itself.
    Offload,
}

impl Mode {
    const fn flags(self) -> u32 {
        match self {
            Self::Generic => 1 << 1,
            Self::Native => 1 << 2,
            Self::Offload => 1 << 3,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offload => "offload",
        })
    }
}

/// A program attached to an interface; dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    /// Index of the interface.
    pub interface: u32,
    /// The mode it got.
    pub mode: Mode,
    handle: Handle,
}

#[derive(Debug)]
enum Handle {
    /// The link; held, never read.
    Link(#[expect(dead_code, reason = "closing it detaches")] OwnedFd),
    /// The program, to tell it from another's when detaching.
    Netlink(OwnedFd),
}

/// Why a program could not be attached.
#[derive(Debug)]
pub enum Failure {
    /// Another program is there.
    Held,
    /// The interface is gone.
    Gone,
    /// The kernel or the driver refused, with their words where they have any.
    Refused(Errno, String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.errno {
            Errno::EBUSY | Errno::EEXIST => Self::Held,
            Errno::ENODEV => Self::Gone,
            errno => Self::Refused(errno, refusal.words),
        }
    }
}

impl Attachment {
    /// Attaches `program` to the interface with this index, only if nothing is attached there.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn new(interface: u32, program: BorrowedFd<'_>, mode: Mode) -> Result<Self, Failure> {
        let link = match create_link(interface, program, mode) {
            Ok(link) => link,
            Err(errno) if says_something_else(errno) => return Err(Refusal::from(errno).into()),
            // The kernel has no XDP links, or the driver refuses: netlink attaches, or tells in words why not.
            Err(_) => return Self::over_netlink(interface, program, mode),
        };
        Ok(Self {
            interface,
            mode,
            handle: Handle::Link(link),
        })
    }

    fn over_netlink(interface: u32, program: BorrowedFd<'_>, mode: Mode) -> Result<Self, Failure> {
        let program = program.try_clone_to_owned().map_err(|error| {
            Failure::Refused(
                Errno::from_raw(error.raw_os_error().unwrap_or_default()),
                String::new(),
            )
        })?;
        set(
            interface,
            program.as_raw_fd(),
            UPDATE_IF_NOEXIST | mode.flags(),
            None,
        )?;
        Ok(Self {
            interface,
            mode,
            handle: Handle::Netlink(program),
        })
    }

    /// Whether the attachment ends with this process, however that ends.
    pub const fn ends_with_process(&self) -> bool {
        matches!(self.handle, Handle::Link(_))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let Handle::Netlink(program) = &self.handle else {
            return;
        };
        let flags = REPLACE | self.mode.flags();
        let gone = set(self.interface, -1, flags, Some(program.as_raw_fd()));
        // Before 5.7 REPLACE is an unknown flag. Look who is there, then; the moment between is as short as can be.
        if matches!(gone, Err(ref refusal) if refusal.errno == Errno::EINVAL)
            && is_still(self.interface, program)
        {
            let _ = set(self.interface, -1, self.mode.flags(), None);
        }
    }
}

/// Whether `errno` is about something that netlink would not do better.
fn says_something_else(errno: Errno) -> bool {
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

fn create_link(interface: u32, program: BorrowedFd<'_>, mode: Mode) -> Result<OwnedFd, Errno> {
    let index = i32::try_from(interface).map_err(|_| Errno::ENODEV)?;
    let program = program.as_raw_fd();
    let options = bpf_sys::bpf_link_create_opts {
        sz: size_of::<bpf_sys::bpf_link_create_opts>() as u64,
        flags: mode.flags(),
        iter_info: std::ptr::null_mut(),
        iter_info_len: 0,
        target_btf_id: 0,
    };
    // SAFETY: `options` says its own size and lives beyond the call.
    let fd = door::pass(Call::LinkCreate, || unsafe {
        bpf_sys::bpf_link_create(program, index, BPF_XDP, &raw const options)
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `RTM_SETLINK` with the program `fd`, or none for -1.
fn set(interface: u32, fd: i32, flags: u32, expected: Option<i32>) -> Result<(), Refusal> {
    let mut info = [0; 16];
    if let Some(index) = info.get_mut(4..8) {
        index.copy_from_slice(&interface.to_ne_bytes());
    }
    let mut nested = heapless::Vec::<u8, 32>::new();
    let expected = expected.map(|fd| (IFLA_XDP_EXPECTED_FD, fd.cast_unsigned()));
    for (kind, value) in [(IFLA_XDP_FD, fd.cast_unsigned()), (IFLA_XDP_FLAGS, flags)]
        .into_iter()
        .chain(expected)
    {
        for part in [
            &8u16.to_ne_bytes()[..],
            &kind.to_ne_bytes()[..],
            &value.to_ne_bytes()[..],
        ] {
            nested.extend_from_slice(part).map_err(|_| Errno::E2BIG)?;
        }
    }
    let mut request = Request::new(libc::RTM_SETLINK, acknowledged(), &info)?;
    request.attribute(IFLA_XDP | 1 << 15, &nested)?;
    request.ask(|_, _| {})
}

/// Whether `program` is what the interface with this index has attached.
fn is_still(index: u32, program: &OwnedFd) -> bool {
    let Ok(ours) = super::info::program(program.as_fd()) else {
        return false;
    };
    let name = nix::net::if_::if_indextoname(index)
        .ok()
        .and_then(|name| name.into_string().ok());
    let there = name.and_then(|name| interface::find(&name).ok().flatten());
    there
        .and_then(|interface| interface.xdp)
        .is_some_and(|(_, id)| id == ours.id)
}
