//! Entries in words, compared with a simple reference encoder.

use std::net::{Ipv4Addr, Ipv6Addr};

use corexdp::base::capacity::{MAX_KEY, MAX_VALUE};
use corexdp::encode::Encoder;
use corexdp::object::MapKind;

use super::{message, types};

/// Checks a word as the value of each type of member, and as a key.
pub(super) fn run(word: &str) {
    let btf = types::types();
    for kind in [MapKind::HASH, MapKind::LPM_TRIE] {
        let map = types::map("xdp_map", kind);
        let mut encoder = Encoder::new(&map, Some(&btf));
        for (path, offset, size) in types::FIELDS {
            check_value(&mut encoder, path, offset..offset + size, word);
        }
        // The word is also tried as a path.
        if let Err(error) = encoder.number(word) {
            message::is_one_line(&error);
        }
        check_key(&encoder, kind, word);
    }
}

fn check_value(encoder: &mut Encoder<'_>, path: &str, place: std::ops::Range<usize>, word: &str) {
    let mut out = [0xaa; MAX_VALUE];
    let line = format!("{path}={word}");
    match encoder.value([line.as_str()].into_iter(), &mut out) {
        Ok(size) => {
            let mut rest = out[..size].to_vec();
            rest.drain(place.clone());
            assert!(
                rest.iter().all(|&byte| byte == 0),
                "{line:?} writes elsewhere"
            );
            assert!(means(path, word, &out[place]), "{line:?}");
        }
        Err(error) => {
            assert_eq!(error.field, 0);
            message::is_one_line(&error.message);
        }
    }
}

/// True if the bytes are the encoded word of a member.
fn means(path: &str, word: &str, bytes: &[u8]) -> bool {
    if path == "label" {
        return bytes
            .strip_prefix(word.as_bytes())
            .is_some_and(|rest| rest.iter().all(|&byte| byte == 0));
    }
    if let Ok(address) = word.parse::<Ipv4Addr>() {
        return bytes == address.octets();
    }
    if let Ok(address) = word.parse::<Ipv6Addr>() {
        return bytes == address.octets();
    }
    if bytes.len() > 8 || path == "net" {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        return word.to_ascii_lowercase() == format!("0x{}", digits.collect::<String>());
    }
    let number = match word {
        "PASS" | "false" => Some(0),
        "true" => Some(1),
        "DROP" => Some(7),
        _ => slow_number(word),
    };
    let mut bytes = bytes.to_vec();
    if path.ends_with("addr") {
        bytes.reverse();
    }
    let bits = bytes
        .iter()
        .rev()
        .fold(0, |sum, &byte| sum << 8 | i128::from(byte));
    number.is_some_and(|number| number == bits || number == bits - (1 << (8 * bytes.len())))
}

fn slow_number(word: &str) -> Option<i128> {
    let (sign, digits) = word
        .strip_prefix('-')
        .map_or((1, word), |digits| (-1, digits));
    let (radix, digits) = digits
        .strip_prefix("0x")
        .map_or((10, digits), |digits| (16, digits));
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    i128::from_str_radix(digits, radix)
        .ok()
        .map(|number| sign * number)
}

fn check_key(encoder: &Encoder<'_>, kind: MapKind, word: &str) {
    let mut out = [0xaa; MAX_KEY];
    match encoder.key(word, &mut out) {
        Err(error) => message::is_one_line(&error),
        Ok(size) if kind == MapKind::LPM_TRIE && !word.starts_with("0x") => {
            assert_eq!(size, 8);
            let bits = u32::from_ne_bytes([out[0], out[1], out[2], out[3]]);
            let address = Ipv4Addr::new(out[4], out[5], out[6], out[7]);
            let parts: Vec<&str> = word.split('/').collect();
            assert_eq!(parts[0].parse(), Ok(address));
            assert_eq!(parts.get(1).map_or(Ok(32), |bits| bits.parse()), Ok(bits));
            assert!(bits <= 32 && (u64::from(address.to_bits()) << bits).trailing_zeros() >= 32);
        }
        Ok(size) => assert!(size == 4 || size == 8),
    }
}
