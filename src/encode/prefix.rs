//! Keys of an LPM trie: how many bits count, as a `u32` in host order, then an address.

use super::KEY;
use super::address::{Address, kind};
use super::back::address;
use super::word::Digits;
use crate::corefile::Quoted;
use crate::hex::Count;

/// Bytes of the prefix length.
const LENGTH: usize = size_of::<u32>();

/// Writes `ADDRESS/BITS`, or an address of which every bit counts; false when it is none, or not as long as the key.
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
    let Some(address) = Address::read(address).filter(|one| one.octets().len() == place.len())
    else {
        return Ok(false);
    };
    let most = u32::try_from(place.len() * 8).unwrap_or(0);
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
    *length = bits.to_ne_bytes();
    place.copy_from_slice(address.octets());
    Ok(true)
}

/// A prefix in a word; `None` where it is none of an address.
pub(super) fn read(key: &[u8]) -> Option<String> {
    let (length, bytes) = key.split_first_chunk::<LENGTH>()?;
    let address = address(bytes)?;
    Some(format!("{address}/{}", u32::from_ne_bytes(*length)))
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
