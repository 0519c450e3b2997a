//! Keys of sampled packets.
//!
//! Only queries have names: a response repeats the name of a query, often one of this box. A query that the program has
//! answered is in its sample as the answer, and counts as the query.

use std::net::IpAddr;

use super::level::{
    CUT_NAME, CUT_QUERY, ETHERTYPE, IPV4, IPV6, NOT_IP, OTHER_REQUEST, PORT, PROTOCOL, QUERY,
    RESPONSE,
};
use super::sketch::Key;
use super::weights::TX;
use crate::packet::{Opcode, Packet};

/// A sampled packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled<'a> {
    packet: &'a Packet<'a>,
    /// True for a DNS response that the program made of a query.
    is_answer: bool,
}

impl<'a> Sampled<'a> {
    pub(super) fn new(packet: &'a Packet<'a>, verdict: u16) -> Self {
        let is_response = packet.dns.is_some_and(|message| message.is_response());
        Self {
            packet,
            is_answer: verdict == TX && is_response,
        }
    }

    /// The key of the source.
    pub(super) fn source(&self) -> Key {
        let packet = self.packet;
        let sender = if self.is_answer {
            packet.destination
        } else {
            packet.source
        };
        match sender {
            Some(IpAddr::V4(address)) => key(IPV4, &address.octets()),
            Some(IpAddr::V6(address)) => key(IPV6, &address.octets()),
            None => key(NOT_IP, &ethertype(packet)),
        }
    }

    /// The key of a query's name, in wire format and in lower case: resolvers mix cases at random against forged
    /// responses. `None` for any other packet.
    pub(super) fn name(&self) -> Option<Key> {
        let message = self.packet.dns?;
        if message.is_response() && !self.is_answer {
            return None;
        }
        let name = message.question?.name;
        if name.is_cut() {
            return Some(key(CUT_NAME, &[]));
        }
        let mut key = Key::new();
        for label in name.labels() {
            key.push(u8::try_from(label.len()).ok()?).ok()?;
            key.extend_from_slice(label).ok()?;
        }
        key.make_ascii_lowercase();
        key.push(0).ok()?;
        Some(key)
    }

    /// The key of the type. A port is the lower of the two, which is usually that of the service.
    pub(super) fn kind(&self) -> Key {
        let packet = self.packet;
        if let Some(message) = packet.dns {
            let kind = message.question.and_then(|question| question.kind);
            return match (message.opcode(), kind) {
                _ if message.is_response() && !self.is_answer => key(RESPONSE, &[]),
                (Opcode::QUERY, Some(kind)) => key(QUERY, &kind.0.to_be_bytes()),
                (Opcode::QUERY, None) => key(CUT_QUERY, &[]),
                (opcode, _) => key(OTHER_REQUEST, &[opcode.0]),
            };
        }
        let ports = packet.source_port.zip(packet.destination_port);
        match (packet.protocol, ports) {
            (Some(protocol), Some((source, destination))) => {
                let [high, low] = source.min(destination).to_be_bytes();
                key(PORT, &[protocol.0, high, low])
            }
            (Some(protocol), None) => key(PROTOCOL, &[protocol.0]),
            (None, _) => key(ETHERTYPE, &ethertype(packet)),
        }
    }
}

fn key(first: u8, rest: &[u8]) -> Key {
    let mut key = Key::new();
    // Cannot fail: an address has at most 16 bytes.
    let _ = key.push(first);
    let _ = key.extend_from_slice(rest);
    key
}

fn ethertype(packet: &Packet<'_>) -> [u8; 2] {
    packet.ethertype.map_or(0, |kind| kind.0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::level::{KeyText, Level};
    use crate::object::LinkHeader;

    /// The texts of source, name and type of an IPv4 packet with this protocol, payload and verdict.
    fn keys(protocol: u8, rest: &[u8], verdict: u16) -> [String; 3] {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 53]);
        packet.extend(rest);
        let length = u16::try_from(packet.len()).unwrap();
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        texts(&packet, LinkHeader::Ip, verdict)
    }

    fn texts(packet: &[u8], link: LinkHeader, verdict: u16) -> [String; 3] {
        let packet = Packet::parse(packet, link);
        let sampled = Sampled::new(&packet, verdict);
        let name = sampled.name();
        let name = name.map(|name| KeyText(Level::Name, &name).to_string());
        [
            KeyText(Level::Source, &sampled.source()).to_string(),
            name.unwrap_or_default(),
            KeyText(Level::Type, &sampled.kind()).to_string(),
        ]
    }

    #[test]
    fn packets_have_keys() {
        let dns = |flags: u8, question: &[u8], verdict: u16| {
            let mut datagram = vec![0x9c, 0x40, 0, 53, 0, 0, 0, 0];
            datagram.extend([1, 2, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            datagram.extend(question);
            keys(17, &datagram, verdict)
        };
        let question = b"\x03wWw\x03Org\0\x00\xff\0\x01";
        let cut = &question[..6];
        for (keys, expected) in [
            (dns(1, question, 2), ["192.0.2.1", "www.org", "ANY"]),
            (dns(0x81, question, 2), ["192.0.2.1", "", "response"]),
            (dns(0x83, question, TX), ["192.0.2.53", "www.org", "ANY"]),
            (dns(1, question, TX), ["192.0.2.1", "www.org", "ANY"]),
            (dns(0x28, question, 2), ["192.0.2.1", "www.org", "UPDATE"]),
            (
                dns(1, cut, 2),
                ["192.0.2.1", "(long or malformed)", "query"],
            ),
            (
                keys(17, &[0x9c, 0x40, 0, 123, 0, 8, 0, 0], TX),
                ["192.0.2.1", "", "UDP/123"],
            ),
            (
                keys(6, &[1, 0xbb, 0x9c, 0x40], 2),
                ["192.0.2.1", "", "TCP/443"],
            ),
            (keys(1, &[8, 0, 0, 0], 2), ["192.0.2.1", "", "ICMP"]),
        ] {
            assert_eq!(keys, expected);
        }
        let arp = [&[2; 12][..], &[8, 6, 0, 1]].concat();
        let texts = texts(&arp, LinkHeader::Ethernet, 2);
        assert_eq!(texts, ["ARP", "", "ARP"]);
    }
}
