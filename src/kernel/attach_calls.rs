//! Calls that attach, replace and detach a program: the BPF link commands, and `RTM_SETLINK` of netlink.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use bpf_sys::BPF_F_REPLACE;
use bpf_sys::bpf_attach_type_BPF_XDP as BPF_XDP;
use nix::errno::Errno;
use nix::libc;

use super::netlink::{ACKNOWLEDGED, IFLA_XDP, NESTED, Refusal, Request};
use super::xdp_mode::Mode;
use super::{Call, bpf_call};

const IFLA_XDP_FD: u16 = 1;
const IFLA_XDP_FLAGS: u16 = 3;
const IFLA_XDP_EXPECTED_FD: u16 = 8;

/// Attaches `program` by a link (5.9). The kernel detaches the link when its last descriptor is closed.
pub(super) fn create_link(interface: u32, program: &OwnedFd, mode: Mode) -> Result<OwnedFd, Errno> {
    let index = i32::try_from(interface).map_err(|_| Errno::ENODEV)?;
    let program = program.as_raw_fd();
    let options = bpf_sys::bpf_link_create_opts {
        sz: size_of::<bpf_sys::bpf_link_create_opts>() as u64,
        flags: mode.flags(),
        iter_info: std::ptr::null_mut(),
        iter_info_len: 0,
        target_btf_id: 0,
    };
    // SAFETY: `options` contains its own size and outlives the call.
    let fd = bpf_call::call(Call::LinkCreate, || unsafe {
        bpf_sys::bpf_link_create(program, index, BPF_XDP, &raw const options)
    })?;
    // SAFETY: the kernel has just created this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Replaces the program of the link. With `expected`, the kernel replaces only that program, else it returns `EPERM`.
pub(super) fn update_link(
    link: &OwnedFd,
    program: &OwnedFd,
    expected: Option<&OwnedFd>,
) -> Result<(), Errno> {
    let (link, program) = (link.as_raw_fd(), program.as_raw_fd());
    let options = bpf_sys::bpf_link_update_opts {
        sz: size_of::<bpf_sys::bpf_link_update_opts>() as u64,
        flags: expected.map_or(0, |_| BPF_F_REPLACE),
        old_prog_fd: expected.map_or(0, |fd| fd.as_raw_fd().cast_unsigned()),
    };
    // SAFETY: `options` contains its own size and outlives the call.
    bpf_call::call(Call::LinkUpdate, || unsafe {
        bpf_sys::bpf_link_update(link, program, &raw const options)
    })
    .map(drop)
}

/// Detaches the program of the link. Closing the link detaches the program only if no other process has the link open, as
/// one has that lists all links.
pub(super) fn detach_link(link: &OwnedFd) -> Result<(), Errno> {
    let link = link.as_raw_fd();
    // SAFETY: the call takes an open descriptor and no memory.
    bpf_call::call(Call::LinkDetach, || unsafe {
        bpf_sys::bpf_link_detach(link)
    })
    .map(drop)
}

/// Sends `RTM_SETLINK` with the program `fd`; -1 detaches. With `expected` and `XDP_FLAGS_REPLACE` (5.7), the kernel
/// replaces or detaches only that program.
pub(super) fn set(
    interface: u32,
    fd: i32,
    flags: u32,
    expected: Option<i32>,
) -> Result<(), Refusal> {
    // `ifi_index` of `struct ifinfomsg`.
    let mut info = [0; 16];
    if let Some(index) = info.get_mut(4..8) {
        index.copy_from_slice(&interface.to_ne_bytes());
    }
    let mut nested = heapless::Vec::<u8, 32>::new();
    let expected = expected.map(|fd| (IFLA_XDP_EXPECTED_FD, fd.cast_unsigned()));
    // Each attribute: length and type in two bytes each, then the value.
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
    request.transact(&mut |_, _| {})
}
