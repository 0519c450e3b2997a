//! IPv6 packets with more extension headers than the programs skip. The kernel delivers them, so they are dropped.

use support::packets::filter::Filter;
use support::packets::frame::{DESTINATION, Packet, ip6};
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

/// A program, its entries without `monitor`, and whether it judges packets.
const PROGRAMS: [(&str, &[&str], bool); 7] = [
    ("acl", &["::/0 action=ACL_PASS"], true),
    ("limit", &["::/0 rate=1000000"], true),
    ("guard", &["@limits ::/0 rate=1000000"], true),
    ("dns", &["@settings 0 rate=1000000"], true),
    ("qname", &["other.example action=QNAME_DROP"], true),
    ("count", &[], false),
    ("ordered", &[], false),
];

fn with_headers(count: u8) -> Packet {
    (0..count).fold(ip6("2001:db8::1"), |packet, _| {
        packet.extension(DESTINATION, 0)
    })
}

#[test]
fn packets_behind_too_many_headers_are_dropped() {
    let query = query("www.example", 1).bytes;
    for (program, entries, judges) in PROGRAMS {
        let filter = Filter::load(program, entries);
        for count in [0, 6, 7, 8, 12] {
            for packet in [
                with_headers(count).datagram(53, &query),
                with_headers(count).tcp(53),
                with_headers(count).udp(4000),
            ] {
                let expected = if judges && count > 6 { DROP } else { PASS };
                assert_eq!(
                    filter.verdict(&packet.bytes),
                    expected,
                    "{program}: {count}"
                );
            }
        }
        if judges {
            let counter = if program == "guard" {
                "malformed"
            } else {
                "dropped"
            };
            assert_eq!(
                filter.number(&format!("@totals 0 {counter}")),
                9,
                "{program}"
            );
            filter.entry("@settings 0 monitor=true");
            let packet = with_headers(7).datagram(53, &query);
            assert_eq!(filter.verdict(&packet.bytes), PASS, "{program}");
        }
    }
}

/// Other fragments than the first have no headers of their own.
#[test]
fn later_fragments_pass() {
    for (program, entries, _) in PROGRAMS {
        let filter = Filter::load(program, entries);
        let packet = with_headers(5).fragment6(64, false);
        let frame = packet.extension(DESTINATION, 0).udp(53);
        assert_eq!(filter.verdict(&frame.bytes), PASS, "{program}");
    }
}
