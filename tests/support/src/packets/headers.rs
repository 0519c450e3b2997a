//! Headers of Ethernet, IP and transport protocols.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) fn ethernet(tags: &[u16], ethertype: u16) -> Vec<u8> {
    let mut bytes = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    for (number, tag) in (10_u16..).zip(tags) {
        bytes.extend(tag.to_be_bytes());
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(ethertype.to_be_bytes());
    bytes
}

/// A transport header to `port`. The programs read no other field.
pub(super) fn ports(port: u16, length: usize) -> Vec<u8> {
    let mut header = vec![0; length];
    header[..2].copy_from_slice(&40_000_u16.to_be_bytes());
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header
}

pub(super) fn header4(
    source: Ipv4Addr,
    options: u8,
    fragment: u16,
    protocol: u8,
    payload: &[u8],
) -> Vec<u8> {
    let words = 5 + options;
    let length = usize::from(words) * 4 + payload.len();
    let mut header = vec![0x40 | words, 0];
    header.extend(u16::try_from(length).unwrap().to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(source.octets());
    header.extend([192, 0, 2, 53]);
    // No-operation options, which a parser must not take for payload.
    header.resize(usize::from(words) * 4, 1);
    header
}

/// Appends the IPv6 header and its extensions. Returns the length from which on the protocol is readable.
pub(super) fn header6(
    bytes: &mut Vec<u8>,
    source: Ipv6Addr,
    extensions: &[(u8, Vec<u8>)],
    protocol: u8,
    payload: &[u8],
) -> usize {
    let length = payload.len()
        + extensions
            .iter()
            .map(|(_, header)| header.len())
            .sum::<usize>();
    let mut kinds = extensions.iter().map(|(kind, _)| *kind).chain([protocol]);
    bytes.extend([0x60, 0, 0, 0]);
    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
    bytes.extend([kinds.next().unwrap(), 64]);
    bytes.extend(source.octets());
    bytes.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
    let mut protocol_end = bytes.len();
    for ((_, header), next) in extensions.iter().zip(kinds) {
        // A program reads the first 8 bytes of an extension header.
        protocol_end = bytes.len() + 8;
        bytes.push(next);
        bytes.extend(&header[1..]);
    }
    protocol_end
}
