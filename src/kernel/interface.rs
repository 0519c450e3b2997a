//! Network interfaces: lookup by name, and events of changes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bpf_sys::{XDP_ATTACHED_DRV, XDP_ATTACHED_HW, XDP_ATTACHED_NONE, XDP_ATTACHED_SKB};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{MsgFlags, recv};

use super::link_type::LinkType;
use super::netlink::{self, Attributes, IFLA_XDP, Refusal, Request, u16_at, u32_at};
use super::xdp_mode::Mode;
use super::{Call, Error, Result};

/// Bytes of `struct ifinfomsg`.
const INFO_SIZE: usize = 16;
const IFLA_TARGET_NETNSID: u16 = 46;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_XDP_ATTACHED: u16 = 2;
const IFLA_XDP_PROG_ID: u16 = 4;
const IFLA_XDP_DRV_PROG_ID: u16 = 5;
const IFLA_XDP_HW_PROG_ID: u16 = 7;
const RTEXT_FILTER_SKIP_STATS: u32 = 8;

/// Name of an interface, without the final zero.
pub type IfName = heapless::Vec<u8, MAX_NAME>;

/// Present state of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Primary name, also after a lookup by an alternative name.
    pub name: IfName,
    /// Index (`ifindex`).
    pub index: u32,
    /// True if the interface is administratively up.
    pub up: bool,
    /// MTU in bytes.
    pub mtu: u32,
    /// Type of the header at the start of each packet.
    pub link_type: LinkType,
    /// The other end of a veth pair.
    pub peer: Option<Peer>,
    /// Mode and id of the attached XDP program; the mode is `None` for programs in several modes.
    pub xdp: Option<(Option<Mode>, u32)>,
}

/// The other end of a veth pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Index in its network namespace.
    index: u32,
    /// Id of that namespace; `None` for the namespace of this process.
    namespace: Option<u32>,
}

impl Peer {
    /// Looks up the other end; `None` if the kernel does not show it. An end in another network namespace needs kernel
    /// 4.15 and `CAP_NET_ADMIN` in that namespace.
    pub fn find(self) -> Option<Interface> {
        let mut info = [0; INFO_SIZE];
        info.get_mut(4..8)?
            .copy_from_slice(&self.index.to_ne_bytes());
        let mut request = request(&info).ok()?;
        if let Some(id) = self.namespace {
            request
                .attribute(IFLA_TARGET_NETNSID, &id.to_ne_bytes())
                .ok()?;
        }
        read(request).ok()?
    }
}

/// Bytes of the longest name (`IFNAMSIZ`), and of the longest alternative name (`ALTIFNAMSIZ`), without the final zero.
const MAX_NAME: usize = 15;
const MAX_ALTERNATIVE_NAME: usize = 127;

/// Looks up an interface by its name or an alternative name (5.5); `None` when there is no such interface.
///
/// # Errors
/// Failure of the netlink request.
pub fn find(name: &str) -> Result<Option<Interface>> {
    let failed = |errno| Error::new(Call::Netlink, errno, format!("interface {name}"));
    let mut zero_terminated =
        heapless::Vec::<u8, { MAX_ALTERNATIVE_NAME + 1 }>::from_slice(name.as_bytes())
            .unwrap_or_default();
    // A name longer than the buffer leaves the buffer empty; no interface has such a name.
    if zero_terminated.is_empty() || zero_terminated.push(0).is_err() {
        return Ok(None);
    }
    // IFLA_IFNAME finds primary names, and alternative names of that length; longer names need IFLA_ALT_IFNAME.
    let attribute = if name.len() > MAX_NAME {
        IFLA_ALT_IFNAME
    } else {
        libc::IFLA_IFNAME
    };
    let request_by_name = || {
        let mut request = request(&[0; INFO_SIZE])?;
        request.attribute(attribute, &zero_terminated)?;
        Ok(request)
    };
    match request_by_name().map_err(failed).map(read)? {
        Ok(found) => Ok(found),
        Err(refusal) if refusal.errno == Errno::ENODEV => Ok(None),
        // A kernel before 5.5 ignores IFLA_ALT_IFNAME and rejects a request without a name.
        Err(refusal) if refusal.errno == Errno::EINVAL && attribute == IFLA_ALT_IFNAME => Ok(None),
        Err(refusal) => Err(failed(refusal.errno)),
    }
}

/// A request for one interface, without its statistics.
fn request(info: &[u8; INFO_SIZE]) -> std::result::Result<Request, Errno> {
    let mut request = Request::new(libc::RTM_GETLINK, 0, info)?;
    request.attribute(libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes())?;
    Ok(request)
}

fn read(request: Request) -> std::result::Result<Option<Interface>, Refusal> {
    let mut found = None;
    request.transact(&mut |kind, body| {
        if kind == libc::RTM_NEWLINK {
            found = parse(body);
        }
    })?;
    Ok(found)
}

fn parse(body: &[u8]) -> Option<Interface> {
    let flags = u32_at(body, 8)?;
    let mut interface = Interface {
        name: IfName::new(),
        index: u32_at(body, 4)?,
        up: flags & libc::IFF_UP.cast_unsigned() != 0,
        mtu: 0,
        link_type: LinkType(u16_at(body, 2)?),
        peer: None,
        xdp: None,
    };
    let (mut other_end, mut namespace, mut is_veth) = (None, None, false);
    for (kind, value) in Attributes(body.get(INFO_SIZE..)?) {
        match kind {
            libc::IFLA_IFNAME => {
                let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                // IFNAMSIZ bounds the length, so the name fits.
                interface.name = IfName::from_slice(name).unwrap_or_default();
            }
            libc::IFLA_MTU => interface.mtu = u32_at(value, 0)?,
            libc::IFLA_LINK => other_end = u32_at(value, 0),
            libc::IFLA_LINK_NETNSID => namespace = u32_at(value, 0),
            libc::IFLA_LINKINFO => {
                let veth = (libc::IFLA_INFO_KIND, &b"veth\0"[..]);
                is_veth = Attributes(value).any(|attribute| attribute == veth);
            }
            IFLA_XDP => interface.xdp = parse_xdp(value),
            _ => {}
        }
    }
    interface.peer = other_end
        .filter(|_| is_veth)
        .map(|index| Peer { index, namespace });
    Some(interface)
}

fn parse_xdp(nested: &[u8]) -> Option<(Option<Mode>, u32)> {
    let attribute = |wanted| {
        Attributes(nested)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    let mode = match u32::from(*attribute(IFLA_XDP_ATTACHED)?.first()?) {
        XDP_ATTACHED_NONE => return None,
        XDP_ATTACHED_DRV => Some(Mode::Native),
        XDP_ATTACHED_SKB => Some(Mode::Generic),
        XDP_ATTACHED_HW => Some(Mode::Offload),
        _ => None,
    };
    // With programs in several modes, the kernel sends an attribute for each mode (IFLA_XDP_DRV_PROG_ID 5, SKB 6, HW 7)
    // instead of IFLA_XDP_PROG_ID. The first id suffices to name the owner.
    let id = attribute(IFLA_XDP_PROG_ID)
        .or_else(|| {
            Attributes(nested)
                .find(|(kind, _)| (IFLA_XDP_DRV_PROG_ID..=IFLA_XDP_HW_PROG_ID).contains(kind))
                .map(|(_, value)| value)
        })
        .and_then(|value| u32_at(value, 0))
        .unwrap_or_default();
    Some((mode, id))
}

/// A netlink socket that receives an event when an interface, or an address, is added, removed or changed.
#[derive(Debug)]
pub struct Monitor(OwnedFd);

impl Monitor {
    /// Subscribes to events of interfaces.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`.
    pub fn open() -> Result<Self> {
        netlink::open(libc::RTMGRP_LINK.cast_unsigned())
            .map(Self)
            .map_err(|errno| Error::new(Call::Netlink, errno, "events of interfaces"))
    }

    /// Subscribes to events of IPv4 and IPv6 addresses.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`.
    pub fn of_addresses() -> Result<Self> {
        let groups = libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        netlink::open(groups.cast_unsigned())
            .map(Self)
            .map_err(|errno| Error::new(Call::Netlink, errno, "events of addresses"))
    }

    /// Discards pending events: the caller looks up all interfaces again. An overrun (`ENOBUFS`) counts as an event.
    pub fn drain(&self) {
        let mut buffer = [0; 4096];
        while let Ok(1..) | Err(Errno::ENOBUFS | Errno::EINTR) =
            recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)
        {}
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_finds_loopback_and_no_missing_interface() {
        assert!(find("lo").unwrap().is_some_and(|lo| lo.index > 0));
        assert_eq!(find("no-such-thing").unwrap(), None);
        for length in [16, 127, 128] {
            assert_eq!(find(&"x".repeat(length)).unwrap(), None, "{length}");
        }
        assert_eq!(find("").unwrap(), None);
    }
}
