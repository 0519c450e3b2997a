//! Levels of detail by which packets are counted, and their keys.
//!
//! A key of a coarser level is a part of the finer key: the first bytes of an address, or the last labels of a name.

use std::fmt::{self, Display};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::object::frame::sample::verdict_name;
use crate::packet::{EtherType, Name, Opcode, Protocol, RecordType};

/// A level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The source address; of a packet without IP header, the protocol of its frame.
    Source,
    /// The /24 or /56 of the source address.
    Network,
    /// The name of a query.
    Name,
    /// The name without its first label, but at least the last two labels: otherwise `example.com` counted for `com`.
    Parent,
    /// The last two labels of the name.
    TwoLabels,
    /// The type of a query; of other packets, their protocol.
    Type,
    Verdict,
    /// All keys without a row.
    Other,
}

/// First byte of the key of a source or network.
pub(super) const IPV4: u8 = 4;
pub(super) const IPV6: u8 = 6;
pub(super) const NOT_IP: u8 = 0;
/// The key of names that a sample does not have whole, because they are long or malformed. Their last labels are unknown.
pub(super) const CUT_NAME: u8 = 0xff;
/// First byte of the key of a type.
pub(super) const QUERY: u8 = 0;
pub(super) const OTHER_REQUEST: u8 = 1;
pub(super) const CUT_QUERY: u8 = 2;
pub(super) const RESPONSE: u8 = 3;
pub(super) const PORT: u8 = 4;
pub(super) const PROTOCOL: u8 = 5;
pub(super) const ETHERTYPE: u8 = 6;

impl Level {
    /// The key of this level for a key of a finer level.
    pub(super) fn of(self, finer: &[u8]) -> &[u8] {
        let coarser = match (self, finer.first()) {
            (Self::Network, Some(&IPV4)) => finer.get(..1 + 24 / 8),
            (Self::Network, Some(&IPV6)) => finer.get(..1 + 56 / 8),
            (Self::Parent, _) => parent(finer),
            (Self::TwoLabels, _) => last_labels(finer, 2),
            _ => None,
        };
        coarser.unwrap_or(finer)
    }
}

/// A name in wire format without its first label, or the whole name if it has at most two labels.
fn parent(key: &[u8]) -> Option<&[u8]> {
    let (name, _) = Name::parse(key)?;
    last_labels(key, name.labels().count().saturating_sub(1).max(2))
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
            Level::Name | Level::Parent | Level::TwoLabels => match Name::parse(key) {
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
        let levels = [Level::Name, Level::Parent, Level::TwoLabels];
        for (key, expected) in [
            (
                &b"\x01b\x01a\x03www\x07example\x03org\0"[..],
                [
                    "b.a.www.example.org",
                    "*.a.www.example.org",
                    "*.example.org",
                ],
            ),
            (
                b"\x01a\x03www\x07example\x03org\0",
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
}
