//! A *peer*: the network address among which the gate shares its slots fairly.

use std::net::{IpAddr, SocketAddr};

/// An IPv4 address, or the first 64 bits of an IPv6 address: a host may choose the other 64 bits freely (RFC 4291, 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    V4(u32),
    V6(u64),
}

impl Peer {
    /// The peer of a free slot.
    pub(super) const NOBODY: Self = Self::V4(0);

    /// The peer of a client's address. An IPv4-mapped IPv6 address is an IPv4 address.
    pub(super) fn of(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.to_bits()),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let peer = |ip: &str| Peer::of(SocketAddr::new(ip.parse().unwrap(), 1));
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("2001:db8::1", "2001:db9::1", false),
            ("::1", "127.0.0.1", false),
        ] {
            assert_eq!(peer(one) == peer(other), same, "{one} and {other}");
        }
    }
}
