//! Lines of the formats of addresses, and the items or reasons that they give.

use super::*;

#[test]
fn cidr_has_prefixes_addresses_and_ranges() {
    check(
        Format::Cidr,
        &[
            ("192.0.2.0/24", Ok(&["192.0.2.0/24"])),
            ("192.0.2.0/24 ; SBL123", Ok(&["192.0.2.0/24"])),
            ("192.0.2.1", Ok(&["192.0.2.1/32"])),
            ("  192.0.2.77/24\t# host bits", Ok(&["192.0.2.0/24"])),
            ("2001:DB8::/32", Ok(&["2001:db8::/32"])),
            ("2001:db8::1", Ok(&["2001:db8::1/128"])),
            ("::ffff:192.0.2.0/120", Ok(&["192.0.2.0/24"])),
            ("192.0.2.0-192.0.2.255", Ok(&["192.0.2.0/24"])),
            (
                "192.0.2.1 - 192.0.2.4",
                Ok(&["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]),
            ),
            (
                "192.0.2.0\t192.0.2.255\t24\t9999\tNAME",
                Ok(&["192.0.2.0/24"]),
            ),
            ("192.0.2.7 198.51.100.7", Err(Reason::NotAddress)),
            ("192.0.2.7, 198.51.100.7, home", Err(Reason::NotAddress)),
            ("192.0.2.7\t198.51.100.7\t", Err(Reason::NotAddress)),
            ("192.0.2.7 # 198.51.100.7", Ok(&["192.0.2.7/32"])),
            ("2001:db8::-2001:db8::1", Ok(&["2001:db8::/127"])),
            ("192.0.2.7-192.0.2.7", Ok(&["192.0.2.7/32"])),
            ("192.0.2.0/24,ZZ,Example", Ok(&["192.0.2.0/24"])),
            ("", Ok(&[])),
            ("# comment", Ok(&[])),
            ("; comment", Ok(&[])),
            ("192.0.2.9-192.0.2.1", Err(Reason::NotAddress)),
            ("192.0.2.1-2001:db8::", Err(Reason::NotAddress)),
            ("192.0.2.0/33", Err(Reason::NotAddress)),
            ("192.0.2.0/+8", Err(Reason::NotAddress)),
            ("192.0.2.0/08", Err(Reason::NotAddress)),
            ("2001:db8::/032", Err(Reason::NotAddress)),
            ("192.0.2.0/00", Err(Reason::NotAddress)),
            ("192.0.2.0/", Err(Reason::NotAddress)),
            ("192.0.2", Err(Reason::NotAddress)),
            ("ads.example", Err(Reason::NotAddress)),
        ],
    );
    let (items, report) = read(Some(Format::Cidr), b"192.0.2.9/24\n192.0.2.0/24\n", 4096);
    assert_eq!((items.len(), report.kept, report.masked), (2, 2, 1));
}

#[test]
fn networks_that_are_too_wide_are_skipped() {
    check(
        Format::Cidr,
        &[
            ("0.0.0.0/4", Ok(&["0.0.0.0/4"])),
            ("48.0.0.0-63.255.255.255", Ok(&["48.0.0.0/4"])),
            // Multicast and reserved addresses, which lists of unused networks have.
            ("224.0.0.0/3", Ok(&["224.0.0.0/3"])),
            ("fc00::/7", Ok(&["fc00::/7"])),
            ("::ffff:0:0/100", Ok(&["0.0.0.0/4"])),
        ],
    );
    for text in [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "192.0.0.0/2",
        "32.0.0.0/3",
        "0.0.0.0-255.255.255.255",
        "0.0.0.0-127.255.255.255",
        "1.0.0.0-223.255.255.255",
        "1.2.3.4-17.2.3.4",
        "208.0.0.0-224.0.0.0",
        "::/0",
        "::/1",
        "8000::/1",
        "2000::/3",
        "2000::/6",
        "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "::-ffff::",
        "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
        "2000::-2200::",
        "::ffff:0:0/96",
        "::ffff:0:0/97",
        "::-::ffff:7fff:ffff",
        "::ffff:128.0.0.0-::1:0:0:0",
    ] {
        let (items, report) = read(Some(Format::Cidr), text.as_bytes(), 4096);
        assert!(items.is_empty(), "{text}: {items:?}");
        assert_eq!(report.skipped.count(), 1, "{text}");
    }
}

#[test]
fn ipv6_prefix_does_not_have_the_mapped_ipv4_addresses() {
    let prefixes = |text: &str| {
        let mut prefixes = Vec::new();
        let mut visit = |found: &Found<'_>| {
            if let Item::Prefix { address, length } = found.item {
                prefixes.push((address, u128::MAX.checked_shr(length.into()).unwrap_or(0)));
            }
            Ok(())
        };
        let mut parser = Parser::new(Some(Format::Cidr));
        parser.feed(text.as_bytes(), &mut visit);
        parser.finish(&mut visit);
        prefixes
    };
    let ipv4 = (0xffff << 32, 0xffff_ffff);
    for (text, first, last, count) in [
        ("::/8", 0, u128::MAX >> 8, 88),
        (
            "::1-1ff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
            1,
            (u128::MAX >> 7) - 1,
            254,
        ),
    ] {
        let prefixes = prefixes(text);
        assert_eq!(prefixes.len(), count, "{text}");
        // Prefixes in order, without a gap but that of IPv4.
        let mut next = first;
        for (address, host_bits) in prefixes {
            if next == ipv4.0 {
                next += ipv4.1 + 1;
            }
            assert_eq!((address, address & host_bits), (next, 0), "{text}");
            next = address + host_bits + 1;
        }
        assert_eq!(next, last + 1, "{text}");
    }
}

#[test]
fn ipset_has_the_entries_of_all_sets() {
    check(
        Format::Ipset,
        &[
            ("create block hash:net family inet hashsize 1024", Ok(&[])),
            ("add block 192.0.2.0/24", Ok(&["192.0.2.0/24"])),
            (
                "add block 192.0.2.1 timeout 600 comment \"a b\"",
                Ok(&["192.0.2.1/32"]),
            ),
            (
                "-exist add block 192.0.2.1-192.0.2.2",
                Ok(&["192.0.2.1/32", "192.0.2.2/32"]),
            ),
            ("add block6 2001:db8::/32 -exist", Ok(&["2001:db8::/32"])),
            ("COMMIT", Ok(&[])),
            ("# comment", Ok(&[])),
            ("add block 192.0.2.0/24 nomatch", Err(Reason::Option)),
            ("add block 192.0.2.1,tcp:80", Err(Reason::NotAddress)),
            ("add block", Err(Reason::Malformed)),
            ("del block 192.0.2.1", Err(Reason::Malformed)),
        ],
    );
}

#[test]
fn ipset_entries_have_the_netmask_of_their_set() {
    let text = "create nets hash:ip family inet hashsize 1024 maxelem 65536 netmask 24
create nets6 hash:ip family inet6 netmask 64
create masked hash:ip family inet bitmask 255.255.0.255
create hosts hash:ip family inet
add nets 192.0.2.0
add nets6 2001:db8::
add hosts 192.0.2.1
add nets 198.51.100.0 timeout 60
add nets 203.0.113.0/25
add masked 10.0.0.1
add nets 10.0.0.1,tcp:80
";
    let (items, report) = read(None, text.as_bytes(), 7);
    let expected = [
        "192.0.2.0/24",
        "2001:db8::/64",
        "192.0.2.1/32",
        "198.51.100.0/24",
        "203.0.113.0/25",
    ];
    assert_eq!(items, expected);
    let places = report.skipped.places().iter();
    let places: Vec<_> = places.map(|place| (place.line, place.reason)).collect();
    let expected = [(10, Reason::NotAddress), (11, Reason::NotAddress)];
    assert_eq!(places, expected);
    // The parser keeps the netmasks of a bounded number of sets.
    let mut text = String::new();
    for set in 0..=64 {
        writeln!(text, "create set{set} hash:ip netmask 24").unwrap();
    }
    let (_, report) = read(None, text.as_bytes(), 4096);
    let places = report.skipped.places().iter();
    let places: Vec<_> = places.map(|place| (place.line, place.reason)).collect();
    assert_eq!(places, [(65, Reason::Option)]);
}

#[test]
fn drop_json_has_one_object_on_a_line() {
    check(
        Format::DropJson,
        &[
            (
                r#"{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripencc"}"#,
                Ok(&["192.0.2.0/24"]),
            ),
            (
                r#" { "rir" : "cidr" , "cidr" : "2001:db8::\/32" } ,"#,
                Ok(&["2001:db8::/32"]),
            ),
            (
                r#"[{"cidr":"192.0.2.0/24"},{"cidr":"198.51.100.0/24"}]"#,
                Err(Reason::Malformed),
            ),
            (
                r#"{"cidr":"192.0.2.0/24"} {"cidr":"198.51.100.0/24"}"#,
                Err(Reason::Malformed),
            ),
            (r#"{"type":"metadata","timestamp":1,"records":1}"#, Ok(&[])),
            ("[", Ok(&[])),
            ("", Ok(&[])),
            (r#"{"asn":64496,"rir":"arin"}"#, Err(Reason::Malformed)),
            (r#"{"cidr":192}"#, Err(Reason::Malformed)),
            (r#"{"cidr":"192.0.2.0/24""#, Err(Reason::Malformed)),
            (r#"{"cidr":"none"}"#, Err(Reason::NotAddress)),
        ],
    );
}
