//! Networks of a rule in the layout of `bpf/subnet.h`.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const ANY: u8 = 0;
pub(crate) const IPV4: u8 = 4;
pub(crate) const IPV6: u8 = 6;

/// IPv4 network and mask, IPv6 network and mask: 40 bytes. A network is
/// `ADDRESS/MASK`, or empty for all zeros.
pub(crate) fn subnet(ip4: &str, ip6: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for address in halves(ip4) {
        bytes.extend(
            address
                .unwrap_or("0.0.0.0")
                .parse::<Ipv4Addr>()
                .unwrap()
                .octets(),
        );
    }
    for address in halves(ip6) {
        bytes.extend(
            address
                .unwrap_or("::")
                .parse::<Ipv6Addr>()
                .unwrap()
                .octets(),
        );
    }
    bytes
}

fn halves(network: &str) -> [Option<&str>; 2] {
    match network.split_once('/') {
        Some((network, mask)) => [Some(network), Some(mask)],
        None => [None, None],
    }
}
