//! Levels of detail by which packets are counted, and their keys.
//!
//! A key of a coarser level is a part of the finer key: the first bytes of an address, or the last labels of a name.
//! Only queries have names: a response repeats the name of a query, often one of this box.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::sketch::Key;
use crate::object::frame::sample::verdict_name;
use crate::packet::{EtherType, Name, Opcode, Packet, Protocol, RecordType};

/// A level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The source address; of a packet without IP header, the protocol of its frame.
    Source,
    /// The /24 or /56 of the source address.
    Network,
    /// The name of a query.
    Name,
    /// The last three labels of the name.
    ThreeLabels,
    /// The last two labels of the name.
    TwoLabels,
    /// The type of a query; of other packets, their protocol.
    Type,
    Verdict,
    /// All keys without a row.
    Other,
}

/// First byte of the key of a source or network.
const IPV4: u8 = 4;
const IPV6: u8 = 6;
const NOT_IP: u8 = 0;
/// The key of names that a sample does not have whole, because they are long or malformed. Their last labels are unknown.
const CUT_NAME: u8 = 0xff;
/// First byte of the key of a type.
const QUERY: u8 = 0;
const OTHER_REQUEST: u8 = 1;
const CUT_QUERY: u8 = 2;
const RESPONSE: u8 = 3;
const PORT: u8 = 4;
const PROTOCOL: u8 = 5;
const ETHERTYPE: u8 = 6;

impl Level {
    /// The key of this level for a key of a finer level.
    pub(super) fn of(self, finer: &[u8]) -> &[u8] {
        let coarser = match (self, finer.first()) {
            (Self::Network, Some(&IPV4)) => finer.get(..1 + 24 / 8),
            (Self::Network, Some(&IPV6)) => finer.get(..1 + 56 / 8),
            (Self::ThreeLabels, _) => last_labels(finer, 3),
            (Self::TwoLabels, _) => last_labels(finer, 2),
            _ => None,
        };
        coarser.unwrap_or(finer)
    }
}

/// The key of a packet's source.
pub(super) fn source(packet: &Packet<'_>) -> Key {
    match packet.source {
        Some(IpAddr::V4(address)) => key(IPV4, &address.octets()),
        Some(IpAddr::V6(address)) => key(IPV6, &address.octets()),
        None => key(NOT_IP, &ethertype(packet)),
    }
}

/// The key of a query's name, in wire format and in lower case: resolvers mix cases at random against forged
/// responses. `None` for any other packet.
pub(super) fn name(packet: &Packet<'_>) -> Option<Key> {
    let message = packet.dns.filter(|message| !message.is_response())?;
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

/// The key of a packet's type. A port is the lower of the two, which is usually that of the service.
pub(super) fn kind(packet: &Packet<'_>) -> Key {
    if let Some(message) = packet.dns {
        let kind = message.question.and_then(|question| question.kind);
        return match (message.is_response(), message.opcode(), kind) {
            (true, ..) => key(RESPONSE, &[]),
            (_, Opcode::QUERY, Some(kind)) => key(QUERY, &kind.0.to_be_bytes()),
            (_, Opcode::QUERY, None) => key(CUT_QUERY, &[]),
            (_, opcode, _) => key(OTHER_REQUEST, &[opcode.0]),
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

/// The last `count` labels of a name in wire format, or the whole name if it has no more.
fn last_labels(key: &[u8], count: usize) -> Option<&[u8]> {
    let (name, _) = Name::parse(key)?;
    let more = name.labels().count().saturating_sub(count);
    let skipped = name.labels().take(more).map(|label| 1 + label.len());
    key.get(skipped.sum()..)
}

/// A key as text, in ASCII. A suffix begins with `*.`.
pub(super) struct KeyText<'a>(pub(super) Level, pub(super) &'a [u8]);

impl Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(level, key) = *self;
        let (first, rest) = key.split_first().unwrap_or((&0, &[]));
        match level {
            Level::Source => show_source(*first, rest, ["", ""], f),
            Level::Network => show_source(*first, rest, ["/24", "/56"], f),
            Level::Type => match (*first, rest) {
                (QUERY, _) => RecordType(number(rest)).fmt(f),
                (OTHER_REQUEST, [opcode]) => Opcode(*opcode).fmt(f),
                (CUT_QUERY, _) => f.write_str("query"),
                (RESPONSE, _) => f.write_str("response"),
                (PORT, [protocol, high, low]) => {
                    let port = u16::from_be_bytes([*high, *low]);
                    write!(f, "{}/{port}", Protocol(*protocol))
                }
                (PROTOCOL, [protocol]) => Protocol(*protocol).fmt(f),
                _ => EtherType(number(rest)).fmt(f),
            },
            Level::Verdict => f.write_str(verdict_name((*first).into())),
            Level::Other => f.write_str("(other)"),
            Level::Name | Level::ThreeLabels | Level::TwoLabels => match Name::parse(key) {
                Some((name, _)) if !name.is_cut() => {
                    let is_suffix = level != Level::Name && key != [0];
                    write!(f, "{}{name}", if is_suffix { "*." } else { "" })
                }
                _ => f.write_str("(long or malformed)"),
            },
        }
    }
}

/// Writes an address, or a network with the length of its version. The missing bytes of a network are 0.
fn show_source(
    first: u8,
    bytes: &[u8],
    [length4, length6]: [&str; 2],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut octets = [0; 16];
    for (octet, byte) in octets.iter_mut().zip(bytes) {
        *octet = *byte;
    }
    match (first, octets.first_chunk::<4>()) {
        (IPV4, Some(octets)) => write!(f, "{}{length4}", Ipv4Addr::from(*octets)),
        (IPV6, _) => write!(f, "{}{length6}", Ipv6Addr::from(octets)),
        _ => EtherType(number(bytes)).fmt(f),
    }
}

/// The big-endian number in the last two bytes.
fn number(bytes: &[u8]) -> u16 {
    let digits = bytes.iter();
    digits.fold(0, |number, byte| number << 8 | u16::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::LinkHeader;

    /// The texts of a key at a level and at the coarser levels.
    fn shown(key: &[u8], levels: &[Level]) -> Vec<String> {
        let texts = levels.iter().map(|level| KeyText(*level, level.of(key)));
        texts.map(|text| text.to_string()).collect()
    }

    #[test]
    fn sources_belong_to_networks() {
        for (key, expected) in [
            (&[4, 192, 0, 2, 9][..], ["192.0.2.9", "192.0.2.0/24"]),
            (
                &[6, 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
                ["2001:db8:102:304:506:708:90a:b0c", "2001:db8:102:300::/56"],
            ),
            (&[0, 8, 6], ["ARP", "ARP"]),
        ] {
            assert_eq!(shown(key, &[Level::Source, Level::Network]), expected);
        }
    }

    #[test]
    fn names_belong_to_suffixes() {
        let levels = [Level::Name, Level::ThreeLabels, Level::TwoLabels];
        for (key, expected) in [
            (
                &b"\x01a\x03www\x07example\x03org\0"[..],
                ["a.www.example.org", "*.www.example.org", "*.example.org"],
            ),
            (
                b"\x07example\x03org\0",
                ["example.org", "*.example.org", "*.example.org"],
            ),
            (b"\x03org\0", ["org", "*.org", "*.org"]),
            (b"\0", [".", ".", "."]),
            (b"\xff", ["(long or malformed)"; 3]),
            (b"\x04\x1b[2J\0", ["\\027[2j", "*.\\027[2j", "*.\\027[2j"]),
        ] {
            let key = key.to_ascii_lowercase();
            assert_eq!(shown(&key, &levels), expected);
        }
    }

    /// A packet with these ports and payload, after the IPv4 header.
    fn keys(protocol: u8, rest: &[u8]) -> [String; 3] {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 53]);
        packet.extend(rest);
        let length = u16::try_from(packet.len()).unwrap();
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        let packet = Packet::parse(&packet, LinkHeader::Ip);
        let name = name(&packet).map(|name| KeyText(Level::Name, &name).to_string());
        [
            KeyText(Level::Source, &source(&packet)).to_string(),
            name.unwrap_or_default(),
            KeyText(Level::Type, &kind(&packet)).to_string(),
        ]
    }

    #[test]
    fn packets_have_keys() {
        let dns = |flags: u8, question: &[u8]| {
            let mut datagram = vec![0x9c, 0x40, 0, 53, 0, 0, 0, 0];
            datagram.extend([1, 2, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            datagram.extend(question);
            keys(17, &datagram)
        };
        let question = b"\x03wWw\x03Org\0\x00\xff\0\x01";
        for (keys, name, kind) in [
            (dns(1, question), "www.org", "ANY"),
            (dns(0x81, question), "", "response"),
            (dns(0x28, question), "www.org", "UPDATE"),
            (dns(1, &question[..6]), "(long or malformed)", "query"),
            (keys(17, &[0x9c, 0x40, 0, 123, 0, 8, 0, 0]), "", "UDP/123"),
            (keys(6, &[1, 0xbb, 0x9c, 0x40]), "", "TCP/443"),
            (keys(1, &[8, 0, 0, 0]), "", "ICMP"),
        ] {
            assert_eq!(keys, ["192.0.2.1", name, kind]);
        }
        let arp = [&[2; 12][..], &[8, 6, 0, 1]].concat();
        let packet = Packet::parse(&arp, LinkHeader::Ethernet);
        let source = source(&packet);
        assert_eq!(KeyText(Level::Source, &source).to_string(), "ARP");
        assert_eq!(
            KeyText(Level::Type, &super::kind(&packet)).to_string(),
            "ARP"
        );
        assert_eq!(name(&packet), None);
    }
}
