//! Tests of keys, and of maps without types.

use super::*;

/// A map whose object has no BTF.
fn map(kind: MapKind, key_size: u32, value_size: u32) -> MapDef {
    MapDef {
        kind,
        key_size,
        value_size,
        max_entries: 8,
        ..MapDef::new("m")
    }
}

#[test]
fn untyped_keys_take_numbers_addresses_and_bytes() {
    for (size, word, expected) in [
        (1, "7", &[7][..]),
        (2, "258", &[2, 1]),
        (4, "1", &[1, 0, 0, 0]),
        (4, "0x01020304", &[1, 2, 3, 4]),
        (4, "192.0.2.66", &[192, 0, 2, 66]),
        (6, "02:00:5e:10:20:30", &[2, 0, 0x5e, 0x10, 0x20, 0x30]),
        (8, "1", &[1, 0, 0, 0, 0, 0, 0, 0]),
        (3, "0x010203", &[1, 2, 3]),
        (
            16,
            "2001:db8::1",
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ),
        (
            16,
            "192.0.2.66",
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 66],
        ),
    ] {
        let map = map(MapKind::HASH, size, 4);
        let mut out = [0xaa; MAX_KEY];
        let length = Encoder::new(&map, None).key(word, &mut out).unwrap();
        assert_eq!(&out[..length], expected, "{word}");
    }
}

#[test]
fn key_errors_name_the_accepted_words() {
    for (size, word, expected) in [
        (
            2,
            "65536",
            "KEY is of no known type, 2 bytes; it takes a number from 0 to 65535 or 0x and 4 digits, not \"65536\"",
        ),
        (
            2,
            "0x010203",
            "KEY is of no known type, 2 bytes; it takes a number from 0 to 65535 or 0x and 4 digits, not \"0x010203\"",
        ),
        (
            4,
            "2001:db8::1",
            "KEY is of no known type, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"2001:db8::1\", an IPv6 address",
        ),
        (
            6,
            "12",
            "KEY is of no known type, 6 bytes; it takes 0x and 12 digits or a MAC address, not \"12\"",
        ),
        (
            16,
            "192.0.2",
            "KEY is of no known type, 16 bytes; it takes 0x and 32 digits or an IPv6 address or an IPv4 address, not \"192.0.2\"",
        ),
        (
            257,
            "1",
            "a key of the map has 257 bytes, more than 256; build with a larger COREXDP_MAX_KEY",
        ),
    ] {
        let map = map(MapKind::HASH, size, 4);
        let refused = Encoder::new(&map, None).key(word, &mut [0; MAX_KEY]);
        assert_eq!(refused, Err(expected.to_owned()), "{word}");
    }
}

/// Size of the key of a trie for IPv4 addresses.
const FOUR: u32 = 8;
/// Size of the key of a trie for IPv6 addresses.
const SIX: u32 = 20;

/// The key of `2001:db8::/32`.
fn wide() -> Vec<u8> {
    let mut wide = vec![32, 0, 0, 0, 0x20, 1, 0xd, 0xb8];
    wide.resize(20, 0);
    wide
}

/// The key of an IPv4 prefix in a trie for IPv6 addresses.
fn mapped(bits: u8, address: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![96 + bits, 0, 0, 0];
    bytes.resize(14, 0);
    bytes.extend([0xff, 0xff]);
    bytes.extend(address);
    bytes
}

#[test]
fn trie_keys_are_prefixes() {
    for (size, word, expected) in [
        (FOUR, "10.0.0.0/8", &[8, 0, 0, 0, 10, 0, 0, 0][..]),
        (FOUR, "10.1.2.3", &[32, 0, 0, 0, 10, 1, 2, 3]),
        (FOUR, "0.0.0.0/0", &[0; 8]),
        (FOUR, "0x0800000001020304", &[8, 0, 0, 0, 1, 2, 3, 4]),
        (SIX, "2001:db8::/32", &wide()),
        // IPv4 prefixes in a trie for IPv6 addresses.
        (SIX, "10.0.0.0/8", &mapped(8, [10, 0, 0, 0])),
        (SIX, "0.0.0.0/0", &mapped(0, [0; 4])),
        (SIX, "192.0.2.66", &mapped(32, [192, 0, 2, 66])),
        (SIX, "::ffff:10.0.0.0/104", &mapped(8, [10, 0, 0, 0])),
    ] {
        let map = map(MapKind::LPM_TRIE, size, 4);
        let mut out = [0xaa; MAX_KEY];
        let length = Encoder::new(&map, None).key(word, &mut out).unwrap();
        assert_eq!(&out[..length], expected, "{word}");
    }
    for (key, word) in [
        (mapped(8, [10, 0, 0, 0]), "10.0.0.0/8"),
        (mapped(32, [192, 0, 2, 66]), "192.0.2.66/32"),
        (wide(), "2001:db8::/32"),
        (vec![0; 20], "::/0"),
    ] {
        let map = map(MapKind::LPM_TRIE, SIX, 4);
        assert_eq!(
            Encoder::new(&map, None).key_word(&key).as_deref(),
            Some(word)
        );
    }
}

#[test]
fn words_that_are_no_prefixes_are_refused() {
    let four_takes = "KEY is a prefix, 8 bytes; it takes an IPv4 address/BITS with BITS up to 32, or 0x and 16 digits, not";
    for (size, word, expected) in [
        (FOUR, "10.0.0.0/33", format!("{four_takes} \"10.0.0.0/33\"")),
        (FOUR, "10.0.0.0/", format!("{four_takes} \"10.0.0.0/\"")),
        (FOUR, "10.0.0.0/+8", format!("{four_takes} \"10.0.0.0/+8\"")),
        (FOUR, "10.0.0.0/08", format!("{four_takes} \"10.0.0.0/08\"")),
        (FOUR, "0.0.0.0/00", format!("{four_takes} \"0.0.0.0/00\"")),
        (FOUR, "2001:db8::/32", format!("{four_takes} \"2001:db8::/32\"")),
        (
            SIX,
            "10.0.0.0/33",
            "KEY is a prefix, 20 bytes; it takes an IPv4 address/BITS with BITS up to 32, an IPv6 address/BITS with BITS up to 128, or 0x and 40 digits, not \"10.0.0.0/33\"".into(),
        ),
        (
            SIX,
            "10.0.0.1/8",
            "KEY \"10.0.0.1/8\" has bits set after the first 8; write the network's first address, or a longer prefix".into(),
        ),
        (FOUR, "7", format!("{four_takes} \"7\"")),
        (
            FOUR,
            "10.0.0.1/8",
            "KEY \"10.0.0.1/8\" has bits set after the first 8; write the network's first address, or a longer prefix".into(),
        ),
        (
            9,
            "10.0.0.0/8",
            "KEY is a prefix, 9 bytes; it takes 0x and 18 digits, not \"10.0.0.0/8\"".into(),
        ),
    ] {
        let map = map(MapKind::LPM_TRIE, size, 4);
        let refused = Encoder::new(&map, None).key(word, &mut [0; MAX_KEY]);
        assert_eq!(refused, Err(expected), "{word}");
    }
}

#[test]
fn untyped_values_have_no_fields() {
    let map = map(MapKind::HASH, 4, 4);
    let mut encoder = Encoder::new(&map, None);
    let message = "the object has no type for the values of this map; compile it with -g, or write `map` and `metric`";
    let refused = encoder.value(["a=1"].into_iter(), &mut [0; MAX_VALUE]);
    let message = message.to_owned();
    assert_eq!(
        refused,
        Err(FieldError {
            field: 0,
            message: message.clone()
        })
    );
    assert_eq!(encoder.number("a"), Err(message));
}
