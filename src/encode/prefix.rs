//! Keys of an LPM trie (`struct bpf_lpm_trie_key`): the prefix length in bits as a `u32` in host byte order, then an
//! address. Also IPv4-mapped IPv6 addresses in keys of any map.

use std::net::Ipv4Addr;

use super::KEY;
use super::address::{self, Address, family};
use super::word::Digits;
use crate::base::escape::{Plain, Quoted};
use crate::base::hex::Count;
use crate::object::MapKind;

/// Size of the prefix length in bytes.
pub(super) const LENGTH: usize = size_of::<u32>();
/// Number of bits before the address in an IPv4-mapped IPv6 address.
pub(super) const MAPPED_BITS: u32 = 96;
/// Prefix of an IPv4-mapped IPv6 address, `::ffff:0:0/96` (RFC 4291, section 2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// Writes `ADDRESS/BITS`, or `ADDRESS` as a full-length prefix. In a key for IPv6 addresses, an IPv4 address is written
/// as its mapped address. Returns false if `word` is not a prefix, or its address does not have the key's size.
///
/// # Errors
/// When host bits are set.
pub(super) fn write(word: &str, out: &mut [u8]) -> Result<bool, String> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (word, None),
    };
    let Some((length, data)) = out.split_first_chunk_mut::<LENGTH>() else {
        return Ok(false);
    };
    let Some(address) = Address::parse(address) else {
        return Ok(false);
    };
    let mapped = match (data.len(), address.octets().len()) {
        (16, 4) => MAPPED.as_slice(),
        (wanted, given) if wanted == given => &[],
        _ => return Ok(false),
    };
    let bits_of = |bytes: &[u8]| u32::try_from(bytes.len() * 8).unwrap_or(0);
    let max = bits_of(address.octets());
    let bits = match bits {
        None => max,
        // As in an address, a number that begins with 0 may be octal.
        Some(bits) if bits.starts_with('+') || bits.len() > 1 && bits.starts_with('0') => {
            return Ok(false);
        }
        Some(bits) => match bits.parse() {
            Ok(bits) if bits <= max => bits,
            _ => return Ok(false),
        },
    };
    if address.has_host_bits(bits) {
        let word = Quoted(word);
        return Err(format!(
            "{KEY} {word} has bits set after the first {bits}; write the network's first address, or a longer prefix"
        ));
    }
    *length = (bits + bits_of(mapped)).to_ne_bytes();
    let octets = mapped.iter().chain(address.octets());
    data.iter_mut()
        .zip(octets)
        .for_each(|(byte, octet)| *byte = *octet);
    Ok(true)
}

/// Writes an IPv4 address as its mapped IPv6 address. Returns false if `word` is not an IPv4 address, or `out` does not
/// have 16 bytes.
pub(super) fn write_mapped(word: &str, out: &mut [u8]) -> bool {
    let Ok(ipv4) = word.parse::<Ipv4Addr>() else {
        return false;
    };
    let ipv6 = ipv4.to_ipv6_mapped().octets();
    if out.len() != ipv6.len() {
        return false;
    }
    out.copy_from_slice(&ipv6);
    true
}

/// The IPv4 address in an IPv4-mapped IPv6 address; `None` for any other address.
pub(super) fn mapped_ipv4(address: &[u8]) -> Option<&[u8]> {
    let ipv4 = address.strip_prefix(&MAPPED)?;
    (ipv4.len() == 4).then_some(ipv4)
}

/// The word for a key, `ADDRESS/BITS`; `None` if its data does not have the size of an address.
pub(super) fn format(key: &[u8]) -> Option<String> {
    let (length, bytes) = key.split_first_chunk::<LENGTH>()?;
    let bits = u32::from_ne_bytes(*length);
    if let Some((ipv4, bits)) = mapped_ipv4(bytes).zip(bits.checked_sub(MAPPED_BITS)) {
        return Some(format!("{}/{bits}", address::format(ipv4)?));
    }
    Some(format!("{}/{bits}", address::format(bytes)?))
}

/// The message for a `word` that is not a key of `size` bytes.
pub(super) fn refuse(word: &str, size: usize) -> String {
    let data = size.saturating_sub(LENGTH);
    let ipv4 = if data == 16 {
        "an IPv4 address/BITS with BITS up to 32, "
    } else {
        ""
    };
    let takes = match family(data) {
        "" => String::new(),
        address => format!("{ipv4}{address}/BITS with BITS up to {}, or ", data * 8),
    };
    let (digits, size, word) = (Digits(size), Count(size), Quoted(word));
    format!("{KEY} is a prefix, {size}; it takes {takes}{digits}, not {word}")
}

/// Checks that the length of a trie's key is at most the length of its address, as the kernel requires.
///
/// # Errors
/// The fault and its remedy, for a key of the map `name`.
pub fn check_length(name: &str, key: &[u8]) -> Result<(), String> {
    let Some((bits, data)) = key.split_first_chunk() else {
        return Ok(());
    };
    let (bits, max) = (u32::from_ne_bytes(*bits), data.len() * 8);
    if bits as usize <= max {
        return Ok(());
    }
    let (name, hint) = (
        Plain(name),
        byte_order_hint(bits.swap_bytes() as usize <= max),
    );
    Err(format!(
        "{KEY} is a prefix of {bits} bits; a key of {name} has at most {max}{hint}"
    ))
}

/// Remedy for the most frequent mistake in a number: big-endian byte order. Empty unless `is_right_swapped`: the number
/// would be valid in the other byte order.
pub const fn byte_order_hint(is_right_swapped: bool) -> &'static str {
    if is_right_swapped {
        "; a key is written as in memory, lowest byte first"
    } else {
        ""
    }
}

/// Clears the host bits of a trie's key: the kernel takes keys that differ only in host bits as the same key
/// (`longest_prefix_match`). Keys of other maps are left unchanged.
pub fn clear_host_bits(kind: MapKind, key: &mut [u8]) {
    let Some((length, address)) = key.split_first_chunk_mut::<LENGTH>() else {
        return;
    };
    if kind != MapKind::LPM_TRIE {
        return;
    }
    let length = u32::from_ne_bytes(*length);
    for (first_bit, byte) in (0u32..).step_by(8).zip(address) {
        let kept = length.saturating_sub(first_bit);
        // No bit of a byte is cleared that is inside the prefix as a whole.
        *byte &= !u8::MAX.checked_shr(kept).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_of_a_trie_are_cleared() {
        for (length, expected) in [
            (0, [0, 0, 0, 0]),
            (1, [0x80, 0, 0, 0]),
            (12, [0xff, 0xf0, 0, 0]),
            (24, [0xff, 0xff, 0xff, 0]),
            (31, [0xff, 0xff, 0xff, 0xfe]),
            (32, [0xff; 4]),
            // Lengths above the size of the key, which the kernel refuses.
            (33, [0xff; 4]),
            (u32::MAX, [0xff; 4]),
        ] {
            let mut key = [length.to_ne_bytes(), [0xff; 4]].concat();
            clear_host_bits(MapKind::HASH, &mut key);
            assert_eq!(key.get(4..), Some(&[0xff; 4][..]));
            clear_host_bits(MapKind::LPM_TRIE, &mut key);
            assert_eq!(key.get(4..), Some(&expected[..]), "/{length}");
        }
    }
}
