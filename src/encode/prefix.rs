//! Keys of an LPM trie: how many bits count, as a `u32` in host order, then an address. And IPv4 addresses in tables of
//! IPv6 ones, tries or not.

use std::net::Ipv4Addr;

use super::KEY;
use super::address::{Address, kind};
use super::back::address;
use super::word::Digits;
use crate::base::escape::Quoted;
use crate::base::hex::Count;

/// Bytes of the prefix length.
const LENGTH: usize = size_of::<u32>();
/// What an IPv4 address has in front where the table is one of IPv6 addresses: `::ffff:a.b.c.d`.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// Writes `ADDRESS/BITS`, or an address of which every bit counts; false when it is none, or not as long as the key. An
/// IPv4 address is as good as the IPv6 address that it is mapped to.
///
/// # Errors
/// When there are bits set that do not count.
pub(super) fn write(word: &str, out: &mut [u8]) -> Result<bool, String> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (word, None),
    };
    let Some((length, place)) = out.split_first_chunk_mut::<LENGTH>() else {
        return Ok(false);
    };
    let Some(address) = Address::read(address) else {
        return Ok(false);
    };
    let front = match (place.len(), address.octets().len()) {
        (16, 4) => MAPPED.as_slice(),
        (room, size) if room == size => &[],
        _ => return Ok(false),
    };
    let bits_of = |bytes: &[u8]| u32::try_from(bytes.len() * 8).unwrap_or(0);
    let most = bits_of(address.octets());
    let bits = match bits {
        None => most,
        Some(bits) if bits.starts_with('+') => return Ok(false),
        Some(bits) => match bits.parse() {
            Ok(bits) if bits <= most => bits,
            _ => return Ok(false),
        },
    };
    if address.reaches_past(bits) {
        let word = Quoted(word);
        return Err(format!(
            "{KEY} {word} has bits set behind the first {bits}; write the network's first address, or a longer prefix"
        ));
    }
    *length = (bits + bits_of(front)).to_ne_bytes();
    let octets = front.iter().chain(address.octets());
    place
        .iter_mut()
        .zip(octets)
        .for_each(|(byte, octet)| *byte = *octet);
    Ok(true)
}

/// Writes an IPv4 address as the IPv6 address that it is mapped to; false when it is none, or `out` is not as long.
pub(super) fn map(word: &str, out: &mut [u8]) -> bool {
    let Ok(four) = word.parse::<Ipv4Addr>() else {
        return false;
    };
    let six = four.to_ipv6_mapped().octets();
    if out.len() != six.len() {
        return false;
    }
    out.copy_from_slice(&six);
    true
}

/// The IPv4 address that is mapped to an IPv6 one; `None` where none is.
pub(super) fn mapped(address: &[u8]) -> Option<&[u8]> {
    let four = address.strip_prefix(&MAPPED)?;
    (four.len() == 4).then_some(four)
}

/// A prefix in a word; `None` where it is none of an address.
pub(super) fn read(key: &[u8]) -> Option<String> {
    let (length, bytes) = key.split_first_chunk::<LENGTH>()?;
    let bits = u32::from_ne_bytes(*length);
    if let Some((four, bits)) = mapped(bytes).zip(bits.checked_sub(96)) {
        return Some(format!("{}/{bits}", address(four)?));
    }
    Some(format!("{}/{bits}", address(bytes)?))
}

/// Why `word` is no key of so many bytes.
pub(super) fn refuse(word: &str, size: usize) -> String {
    let data = size.saturating_sub(LENGTH);
    let takes = match kind(data) {
        "" => String::new(),
        address => format!("{address}/BITS with BITS up to {}, or ", data * 8),
    };
    let (digits, size, word) = (Digits(size), Count(size), Quoted(word));
    format!("{KEY} is a prefix of an lpm_trie, {size}; it takes {takes}{digits}, not {word}")
}
