//! Link types of interfaces: `ARPHRD_*` of `linux/if_arp.h`.

use std::fmt;

use nix::libc;

/// The link type, which tells the header with which a packet begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkType(pub u16);

const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_IP6GRE: u16 = 823;

/// Types that routers have, with their names. Others are shown by their number.
const NAMES: &[(u16, &str)] = &[
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
    /// True if packets begin with an Ethernet header.
    pub const fn is_ethernet(self) -> bool {
        matches!(self.0, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK)
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
    fn only_ethernet_and_loopback_have_an_ethernet_header() {
        for (number, name, ethernet) in [
            (1, "ARPHRD number 1", true),
            (772, "ARPHRD number 772", true),
            (0xfffe, "ARPHRD_NONE", false),
            (512, "ARPHRD_PPP", false),
            (776, "ARPHRD_SIT", false),
            (778, "ARPHRD_IPGRE", false),
            (32, "ARPHRD_INFINIBAND", false),
            (803, "ARPHRD_IEEE80211_RADIOTAP", false),
            (280, "ARPHRD number 280", false),
        ] {
            let link_type = LinkType(number);
            assert_eq!(
                (link_type.to_string().as_str(), link_type.is_ethernet()),
                (name, ethernet)
            );
        }
    }
}
