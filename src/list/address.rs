//! Addresses, prefixes and ranges as text.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Reason;
use super::sink::Sink;

/// Number of bits of an address.
const BITS: u32 = 128;
/// Number of bits before the address in a mapped IPv4 address.
const MAPPED_BITS: u8 = 96;

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
/// [`Reason::NotAddress`], or [`Reason::Everything`] for a prefix of 0 bits.
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
            let bits = bits.parse::<u32>().ok().filter(|_| digits);
            bits.map(|bits| bits.saturating_add(mapped_bits.into()))
                .filter(|length| *length <= BITS)
                .ok_or(Reason::NotAddress)?
        }
    };
    let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
    if address & host_bits != 0 {
        sink.masked += 1;
    }
    put_prefix(address & !host_bits, length, mapped_bits, sink)
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
    let mut first = first;
    loop {
        let rest = last - first;
        // The largest power of two that divides `first` and is at most `rest + 1`.
        let room = match rest.checked_add(1) {
            Some(count) => count.ilog2(),
            None => BITS,
        };
        let bits = first.trailing_zeros().min(room);
        put_prefix(first, BITS - bits, mapped_bits, sink)?;
        let size = 1u128.checked_shl(bits).unwrap_or(0);
        match first.checked_add(size) {
            Some(next) if size > 0 && next <= last => first = next,
            _ => return Ok(()),
        }
    }
}

fn put_prefix(
    address: u128,
    length: u32,
    mapped_bits: u8,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Reason> {
    let length = u8::try_from(length).unwrap_or(u8::MAX);
    if length <= mapped_bits {
        return Err(Reason::Everything);
    }
    sink.prefix(address, length);
    Ok(())
}
