//! Link types of interfaces: `ARPHRD_*` of `linux/if_arp.h`.

use std::fmt;

use nix::libc;

use crate::object::LinkHeader;

/// The link type, which tells the header with which a packet begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkType(pub u16);

const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_IP6GRE: u16 = 823;

/// Types that routers have, with their names. Others are shown by their number.
const NAMES: &[(u16, &str)] = &[
    (libc::ARPHRD_ETHER, "ARPHRD_ETHER"),
    (libc::ARPHRD_LOOPBACK, "ARPHRD_LOOPBACK"),
    (libc::ARPHRD_NONE, "ARPHRD_NONE"),
    (libc::ARPHRD_PPP, "ARPHRD_PPP"),
    (ARPHRD_RAWIP, "ARPHRD_RAWIP"),
    (libc::ARPHRD_TUNNEL, "ARPHRD_TUNNEL"),
    (libc::ARPHRD_TUNNEL6, "ARPHRD_TUNNEL6"),
    (libc::ARPHRD_SIT, "ARPHRD_SIT"),
    (libc::ARPHRD_IPGRE, "ARPHRD_IPGRE"),
    (ARPHRD_IP6GRE, "ARPHRD_IP6GRE"),
    (libc::ARPHRD_INFINIBAND, "ARPHRD_INFINIBAND"),
    (libc::ARPHRD_IEEE80211, "ARPHRD_IEEE80211"),
    (libc::ARPHRD_IEEE80211_PRISM, "ARPHRD_IEEE80211_PRISM"),
    (libc::ARPHRD_IEEE80211_RADIOTAP, "ARPHRD_IEEE80211_RADIOTAP"),
];

impl LinkType {
    /// The header with which an XDP program sees packets begin; `None` if it is neither Ethernet nor IP.
    pub const fn header(self) -> Option<LinkHeader> {
        match self.0 {
            libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Some(LinkHeader::Ethernet),
            libc::ARPHRD_NONE | libc::ARPHRD_PPP | ARPHRD_RAWIP => Some(LinkHeader::Ip),
            _ => None,
        }
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "ARPHRD number {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_have_a_header_and_a_name() {
        use LinkHeader::{Ethernet, Ip};
        for (number, name, header) in [
            (1, "ARPHRD_ETHER", Some(Ethernet)),
            (772, "ARPHRD_LOOPBACK", Some(Ethernet)),
            (0xfffe, "ARPHRD_NONE", Some(Ip)),
            (512, "ARPHRD_PPP", Some(Ip)),
            (519, "ARPHRD_RAWIP", Some(Ip)),
            (776, "ARPHRD_SIT", None),
            (778, "ARPHRD_IPGRE", None),
            (32, "ARPHRD_INFINIBAND", None),
            (803, "ARPHRD_IEEE80211_RADIOTAP", None),
            (280, "ARPHRD number 280", None),
        ] {
            let link_type = LinkType(number);
            assert_eq!(
                (link_type.to_string().as_str(), link_type.header()),
                (name, header)
            );
        }
    }
}
