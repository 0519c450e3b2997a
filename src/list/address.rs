//! Addresses, prefixes and ranges as text.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Reason;
use super::sink::Sink;

/// Number of bits of an address.
const BITS: u32 = 128;
/// Number of bits before the address in a mapped IPv4 address.
const MAPPED_BITS: u8 = 96;
/// First and last mapped IPv4 address (RFC 4291, section 2.5.5.2).
const MAPPED: (u128, u128) = (0xffff << 32, 0xffff_ffff_ffff);

/// Maximum number of addresses of an IPv4 range, a /4, below the multicast and reserved addresses.
const IPV4_WIDE: u128 = 1 << 28;
const IPV4_MULTICAST: u128 = MAPPED.0 | 224 << 24;
/// Maximum number of addresses of an IPv6 range, a /7.
const IPV6_WIDE: u128 = 1 << 121;

/// An address, and the number of bits before it in its mapped form: 96 for IPv4, else 0.
pub(super) type Address = (u128, u8);

/// The address `text`.
pub(super) fn parse(text: &str) -> Option<Address> {
    if let Ok(ipv4) = text.parse::<Ipv4Addr>() {
        return Some((ipv4.to_ipv6_mapped().to_bits(), MAPPED_BITS));
    }
    // Fast path: names have no colon.
    let ipv6 = text
        .contains(':')
        .then(|| text.parse::<Ipv6Addr>().ok())??;
    Some((ipv6.to_bits(), 0))
}

/// True for an address that lists give to blocked names: `0.0.0.0`, `127.0.0.0/8`, `::` or `::1`.
pub(super) fn is_null((address, mapped_bits): Address) -> bool {
    match mapped_bits {
        0 => address <= 1,
        _ => address >> 24 & 0xff == 127 || address.trailing_zeros() >= 32,
    }
}

/// Passes the prefixes of `text` to `sink`: an address, a prefix `ADDRESS/BITS`, or a range `ADDRESS-ADDRESS`.
///
/// # Errors
/// [`Reason::NotAddress`], or [`Reason::TooWide`].
pub(super) fn put(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    if let Some((first, last)) = text.split_once('-') {
        let first = parse(first.trim_end()).ok_or(Reason::NotAddress)?;
        let last = parse(last.trim_start()).ok_or(Reason::NotAddress)?;
        return put_range(first, last, sink);
    }
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let (address, mapped_bits) = parse(address).ok_or(Reason::NotAddress)?;
    let length = match bits {
        None => BITS,
        Some(bits) => {
            let digits = bits.bytes().all(|digit| digit.is_ascii_digit());
            // As in an address, a number that begins with 0 may be octal.
            let is_plain = digits && (bits == "0" || !bits.starts_with('0'));
            let bits = bits.parse::<u32>().ok().filter(|_| is_plain);
            bits.map(|bits| bits.saturating_add(mapped_bits.into()))
                .filter(|length| *length <= BITS)
                .ok_or(Reason::NotAddress)?
        }
    };
    let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
    if address & host_bits != 0 {
        sink.masked += 1;
    }
    let (first, last) = (address & !host_bits, address | host_bits);
    put_range((first, mapped_bits), (last, mapped_bits), sink)
}

/// Passes the fewest prefixes that have the addresses from `first` to `last`.
///
/// # Errors
/// As [`put`].
pub(super) fn put_range(
    (first, mapped_bits): Address,
    (last, other_bits): Address,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Reason> {
    if mapped_bits != other_bits || first > last {
        return Err(Reason::NotAddress);
    }
    if is_wide(first, last) {
        return Err(Reason::TooWide);
    }
    // Lists of IPv6 networks have prefixes such as ::/8, which do not mean the IPv4 addresses in them.
    if is_around_ipv4(first, last) {
        if first < MAPPED.0 {
            split(first, MAPPED.0 - 1, sink);
        }
        if last > MAPPED.1 {
            split(MAPPED.1 + 1, last, sink);
        }
    } else {
        split(first, last, sink);
    }
    Ok(())
}

/// True for an IPv6 range around all IPv4 addresses.
fn is_around_ipv4(first: u128, last: u128) -> bool {
    first <= MAPPED.0 && last >= MAPPED.1 && (first, last) != MAPPED
}

/// True for a range with so many addresses that it is rather a mistake of the publisher.
fn is_wide(first: u128, last: u128) -> bool {
    let (ipv4_first, ipv4_last) = (first.max(MAPPED.0), last.min(MAPPED.1));
    let ipv4_size = if is_around_ipv4(first, last) || ipv4_first >= IPV4_MULTICAST {
        0
    } else {
        (ipv4_last + 1).saturating_sub(ipv4_first)
    };
    last - first >= IPV6_WIDE || ipv4_size > IPV4_WIDE
}

/// Splits a range into prefixes.
fn split(mut first: u128, last: u128, sink: &mut Sink<'_, '_>) {
    while first <= last {
        // The largest power of two that divides `first` and is at most the number of addresses.
        let room = (last - first).checked_add(1).map_or(BITS, u128::ilog2);
        let bits = first.trailing_zeros().min(room);
        sink.prefix(first, u8::try_from(BITS - bits).unwrap_or(u8::MAX));
        let next = 1u128
            .checked_shl(bits)
            .and_then(|size| first.checked_add(size));
        match next {
            Some(next) => first = next,
            None => return,
        }
    }
}
