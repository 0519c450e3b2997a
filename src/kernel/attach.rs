//! Attaching a program to an interface, so that it is gone when we are.
//!
//! A BPF link (5.9) ends with its last descriptor, however the process ends. Older kernels have only netlink, where
//! the program stays until it is taken away: we take away only what is still ours.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

// Has `BPF_LINK_UPDATE` replace only the expected program.
use bpf_sys::BPF_F_REPLACE;
// Has netlink detach or replace only the program whose descriptor is given (5.7).
use bpf_sys::XDP_FLAGS_REPLACE;
use bpf_sys::XDP_FLAGS_UPDATE_IF_NOEXIST;
use bpf_sys::bpf_attach_type_BPF_XDP as BPF_XDP;
use bpf_sys::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_HW_MODE, XDP_FLAGS_SKB_MODE};
use nix::errno::Errno;
use nix::libc;

use super::interface;
use super::netlink::{ACKNOWLEDGED, IFLA_XDP, NESTED, Refusal, Request, Words};
use super::{Call, bpf_call, errno};

const IFLA_XDP_FD: u16 = 1;
const IFLA_XDP_FLAGS: u16 = 3;
const IFLA_XDP_EXPECTED_FD: u16 = 8;

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
            Self::Generic => XDP_FLAGS_SKB_MODE,
            Self::Native => XDP_FLAGS_DRV_MODE,
            Self::Offload => XDP_FLAGS_HW_MODE,
        }
    }
}

impl Mode {
    /// The word for it, in the Corefile, in metrics and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offload => "offload",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A program attached to an interface; dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    /// Index of the interface.
    pub interface: u32,
    /// The mode it got.
    pub mode: Mode,
    /// What is attached, to tell it from another's.
    program: OwnedFd,
    /// Closing it detaches, unless it is pinned; without one, netlink must.
    link: Option<OwnedFd>,
    /// Whether it is to stay when this is dropped.
    outlives: bool,
}

/// Why a program could not be attached.
#[derive(Debug)]
pub enum Failure {
    /// Another program is there.
    Occupied,
    /// The interface is gone.
    Gone,
    /// The kernel or the driver refused, with their words where they have any.
    Refused(Errno, Words),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied => f.write_str("another program has its place"),
            Self::Gone => f.write_str("the interface has gone"),
            Self::Refused(errno, words) if words.is_empty() => f.write_str(errno.desc()),
            Self::Refused(_, words) => f.write_str(words),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.errno {
            Errno::EBUSY | Errno::EEXIST => Self::Occupied,
            Errno::ENODEV | Errno::ENOLINK => Self::Gone,
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
        let program = duplicate(program)?;
        let link = match create_link(interface, &program, mode) {
            Ok(link) => Some(link),
            Err(errno) if says_something_else(errno) => return Err(Refusal::from(errno).into()),
            // The kernel has no XDP links, or the driver refuses: netlink attaches, or tells in words why not.
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

    /// An attachment that another process made: this program to this interface, by this link or else by netlink.
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

    /// Whether dropping this leaves the program in place. A link must be pinned for that, too.
    pub const fn outlive(&mut self, outlives: bool) {
        self.outlives = outlives;
    }

    /// Whether dropping this leaves the program in place.
    pub const fn outlives(&self) -> bool {
        self.outlives
    }

    /// The link, where the kernel has them.
    pub fn link(&self) -> Option<BorrowedFd<'_>> {
        self.link.as_ref().map(AsFd::as_fd)
    }

    /// Puts `program` in the place of the one that is attached, in one step: every packet meets one or the other.
    ///
    /// # Errors
    /// [`Failure::Occupied`] when another's program has taken our place, [`Failure::Gone`] when the interface has gone,
    /// else see [`Failure`]; what was attached stays.
    pub fn replace(&mut self, program: BorrowedFd<'_>) -> Result<(), Failure> {
        let program = duplicate(program)?;
        match &self.link {
            Some(link) => update_link(link, &program, &self.program).map_err(Refusal::from)?,
            None => self.replace_over_netlink(&program)?,
        }
        self.program = program;
        Ok(())
    }

    fn replace_over_netlink(&self, program: &OwnedFd) -> Result<(), Refusal> {
        let (fd, expected) = (program.as_raw_fd(), self.program.as_raw_fd());
        let flags = XDP_FLAGS_REPLACE | self.mode.flags();
        match set(self.interface, fd, flags, Some(expected)) {
            // Before 5.7 XDP_FLAGS_REPLACE is an unknown flag. Look who is there, then; the moment between is as short as can be.
            Err(refusal) if refusal.errno == Errno::EINVAL && self.is_ours() => {
                set(self.interface, fd, self.mode.flags(), None)
            }
            other => other,
        }
    }

    /// Whether the attachment ends with this process, however that ends.
    pub const fn ends_with_process(&self) -> bool {
        self.link.is_some()
    }

    /// Whether what the interface has attached is our program.
    fn is_ours(&self) -> bool {
        let Ok(ours) = super::info::program(self.program.as_fd()) else {
            return false;
        };
        let name = nix::net::if_::if_indextoname(self.interface)
            .ok()
            .and_then(|name| name.into_string().ok());
        let there = name.and_then(|name| interface::find(&name).ok().flatten());
        there
            .and_then(|interface| interface.xdp)
            .is_some_and(|(_, id)| id == ours.id)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.link.is_some() || self.outlives {
            return;
        }
        let flags = XDP_FLAGS_REPLACE | self.mode.flags();
        let gone = set(self.interface, -1, flags, Some(self.program.as_raw_fd()));
        // As in `replace_over_netlink`.
        if matches!(gone, Err(ref refusal) if refusal.errno == Errno::EINVAL) && self.is_ours() {
            let _ = set(self.interface, -1, self.mode.flags(), None);
        }
    }
}

fn duplicate(program: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let copy = program.try_clone_to_owned();
    copy.map_err(|error| Failure::Refused(errno(&error), Words::new()))
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

fn create_link(interface: u32, program: &OwnedFd, mode: Mode) -> Result<OwnedFd, Errno> {
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
    let fd = bpf_call::call(Call::LinkCreate, || unsafe {
        bpf_sys::bpf_link_create(program, index, BPF_XDP, &raw const options)
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn update_link(link: &OwnedFd, program: &OwnedFd, expected: &OwnedFd) -> Result<(), Errno> {
    let (link, program) = (link.as_raw_fd(), program.as_raw_fd());
    let options = bpf_sys::bpf_link_update_opts {
        sz: size_of::<bpf_sys::bpf_link_update_opts>() as u64,
        flags: BPF_F_REPLACE,
        old_prog_fd: expected.as_raw_fd().cast_unsigned(),
    };
    // SAFETY: `options` says its own size and lives beyond the call.
    bpf_call::call(Call::LinkUpdate, || unsafe {
        bpf_sys::bpf_link_update(link, program, &raw const options)
    })
    .map(drop)
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
    let mut request = Request::new(libc::RTM_SETLINK, ACKNOWLEDGED, &info)?;
    request.attribute(IFLA_XDP | NESTED, &nested)?;
    request.ask(|_, _| {})
}
