//! IPv4, IPv6 and MAC addresses, in network byte order.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    bytes: [u8; 16],
    length: usize,
}

impl Address {
    /// Parses an IPv4, IPv6 or MAC address; `None` for any other word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        if let Ok(ipv4) = word.parse::<Ipv4Addr>() {
            return Some(Self::from_octets(&ipv4.octets()));
        }
        // Fast path: most words have no colon and are not addresses.
        if !word.contains(':') {
            return None;
        }
        match word.parse::<Ipv6Addr>() {
            Ok(ipv6) => Some(Self::from_octets(&ipv6.octets())),
            Err(_) => Some(Self::from_octets(&parse_mac(word)?)),
        }
    }

    fn from_octets(octets: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (byte, octet) in bytes.iter_mut().zip(octets) {
            *byte = *octet;
        }
        let length = octets.len();
        Self { bytes, length }
    }

    /// The address as 4, 6 or 16 bytes.
    pub(super) fn octets(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Name of the address family, with an article.
    pub(super) const fn family(&self) -> &'static str {
        family(self.length)
    }

    /// True if any bit after the first `prefix` bits is set.
    pub(super) fn has_host_bits(&self, prefix: u32) -> bool {
        let value = u128::from_be_bytes(self.bytes);
        value.checked_shl(prefix).unwrap_or(0) != 0
    }
}

/// Name of the family whose addresses have `bytes` bytes, with an article; empty without such a family.
pub(super) const fn family(bytes: usize) -> &'static str {
    match bytes {
        4 => "an IPv4 address",
        6 => "a MAC address",
        16 => "an IPv6 address",
        _ => "",
    }
}

/// The address with these bytes; `None` unless they are 4 (IPv4), 6 (MAC) or 16 (IPv6).
pub(super) fn format(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    // Cannot fail: a String grows.
    let _ = if let Ok(ipv4) = <[u8; 4]>::try_from(bytes) {
        write!(text, "{}", Ipv4Addr::from(ipv4))
    } else if let Ok(ipv6) = <[u8; 16]>::try_from(bytes) {
        write!(text, "{}", Ipv6Addr::from(ipv6))
    } else if bytes.len() == 6 {
        for (index, byte) in bytes.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            let _ = write!(text, "{colon}{byte:02x}");
        }
        Ok(())
    } else {
        return None;
    };
    Some(text)
}

/// Parses six bytes of two hexadecimal digits each, separated by colons.
fn parse_mac(word: &str) -> Option<[u8; 6]> {
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
    fn addresses_parse_to_network_byte_order() {
        let ipv6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for (word, expected) in [
            ("192.0.2.66", &[192, 0, 2, 66][..]),
            ("2001:db8::1", &ipv6),
            ("::", &[0; 16]),
            ("02:00:5e:10:AF:ff", &[2, 0, 0x5e, 0x10, 0xaf, 0xff]),
        ] {
            let address = Address::parse(word).unwrap();
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
            assert_eq!(Address::parse(word), None, "{word}");
        }
    }

    #[test]
    fn host_bits_are_the_bits_after_the_prefix() {
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
            let address = Address::parse(word).unwrap();
            assert_eq!(address.has_host_bits(prefix), expected, "{word}/{prefix}");
        }
    }
}
