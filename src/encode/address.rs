//! IPv4, IPv6 and MAC addresses, as they stand in packets.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address, highest byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    bytes: [u8; 16],
    length: usize,
}

impl Address {
    /// Reads an address; `None` when the word is none.
    pub(super) fn read(word: &str) -> Option<Self> {
        if let Ok(four) = word.parse::<Ipv4Addr>() {
            return Some(Self::of(&four.octets()));
        }
        // Nearly all words are none; this tells them apart at once.
        if !word.contains(':') {
            return None;
        }
        match word.parse::<Ipv6Addr>() {
            Ok(six) => Some(Self::of(&six.octets())),
            Err(_) => Some(Self::of(&hardware(word)?)),
        }
    }

    fn of(octets: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (byte, octet) in bytes.iter_mut().zip(octets) {
            *byte = *octet;
        }
        let length = octets.len();
        Self { bytes, length }
    }

    pub(super) fn octets(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What kind of address it is, in words.
    pub(super) const fn kind(&self) -> &'static str {
        kind(self.length)
    }

    /// Whether a bit is set behind the first `prefix` ones.
    pub(super) fn reaches_past(&self, prefix: u32) -> bool {
        let value = u128::from_be_bytes(self.bytes);
        value.checked_shl(prefix).unwrap_or(0) != 0
    }
}

/// What kind of address has so many bytes; nothing for none.
pub(super) const fn kind(bytes: usize) -> &'static str {
    match bytes {
        4 => "an IPv4 address",
        6 => "a MAC address",
        16 => "an IPv6 address",
        _ => "",
    }
}

/// Six bytes of two digits each, by colons.
fn hardware(word: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = word.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| digits)?;
    }
    parts.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_the_order_of_packets() {
        let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for (word, expected) in [
            ("192.0.2.66", &[192, 0, 2, 66][..]),
            ("2001:db8::1", &six),
            ("::", &[0; 16]),
            ("02:00:5e:10:AF:ff", &[2, 0, 0x5e, 0x10, 0xaf, 0xff]),
        ] {
            let address = Address::read(word).unwrap();
            assert_eq!(address.octets(), expected, "{word}");
        }
        for word in [
            "",
            ":",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4/8",
            "fe80::1%eth0",
            "[::1]",
            "02:00:5e:10:af",
            "02:00:5e:10:af:ff:00",
            "2:0:5e:10:af:ff",
            "02:00:5e:10:af:+f",
            "02-00-5e-10-af-ff",
        ] {
            assert_eq!(Address::read(word), None, "{word}");
        }
    }

    #[test]
    fn bits_behind_a_prefix_are_seen() {
        for (word, prefix, expected) in [
            ("10.0.0.0", 8, false),
            ("10.0.0.0", 6, true),
            ("10.0.0.1", 31, true),
            ("10.0.0.1", 32, false),
            ("0.0.0.0", 0, false),
            ("2001:db8::", 32, false),
            ("2001:db8::1", 127, true),
            ("2001:db8::1", 128, false),
        ] {
            let address = Address::read(word).unwrap();
            assert_eq!(address.reaches_past(prefix), expected, "{word}/{prefix}");
        }
    }
}
