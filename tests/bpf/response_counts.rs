//! Responses to queries with records after the question: IXFR, and those with OPT and TSIG.

use support::packets::answer::answer;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::{Asked, cookie, query, wire};
use support::packets::model::Facts;
use support::packets::sandbox::TX;

/// Records after the question: a SOA record whose name is `owner`.
fn soa(owner: &[u8]) -> Vec<u8> {
    let head = [0, 6, 0, 1, 0, 0, 14, 16, 0, 40];
    [owner, &head, &[0xc0, 0x0c, 0xc0, 0x0c], &[7; 36]].concat()
}

/// The response has no record but OPT, whatever records the query has.
#[test]
fn counts_of_responses_match_their_records() {
    let name = wire("www.example");
    let ixfr = |owner: &[u8]| {
        let query = query("www.example", 251).with(9, 1);
        query.followed_by(&soa(owner))
    };
    let pointer = [0xc0, 0x0c];
    let tsig = [&[0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 16][..], &[9; 16]].concat();
    let options = cookie(24);
    let messages = [
        (query("www.example", 251), false),
        (query("www.example", 251).edns(1232, &options), true),
        (ixfr(&pointer), false),
        (ixfr(&pointer).edns(1232, &[]), true),
        (ixfr(&pointer).edns(4096, &options), true),
        (ixfr(&name).edns(1232, &options), true),
        (ixfr(&[0]).edns(1232, &options), true),
        (ixfr(&pointer).followed_by(&tsig).with(11, 1), false),
        (
            ixfr(&pointer)
                .edns(1232, &[])
                .followed_by(&tsig)
                .with(11, 2),
            true,
        ),
        // The name of the record is neither a pointer nor as long as the question's.
        (ixfr(&wire("example")).edns(1232, &options), false),
        // The OPT record is cut.
        (ixfr(&pointer).edns(1232, &[]).with(81, 1), false),
        (
            query("www.example", 251).followed_by(&tsig).with(11, 1),
            false,
        ),
        (
            query("www.example", 251)
                .edns(1232, &options)
                .followed_by(&tsig)
                .with(11, 2),
            true,
        ),
        (
            query("www.example", 251)
                .followed_by(&tsig)
                .edns(1232, &[])
                .with(11, 2),
            true,
        ),
    ];
    let full = "bucket.full=9000000000000000000";
    let limit = format!("@limits ::/0 rate=1 {full}");
    for (filter, truncated, rcode) in [
        (Filter::load("dns", &["251 action=DNS_REFUSE"]), false, 5),
        (
            Filter::load("qname", &["example action=QNAME_NXDOMAIN"]),
            false,
            3,
        ),
        (
            Filter::load("guard", &["@settings 0 truncate=true", &limit]),
            true,
            0,
        ),
    ] {
        for (message, has_opt) in &messages {
            for packet in [ip4("203.0.113.9"), ip6("2001:db8::9")] {
                let frame = packet.datagram(53, &message.bytes).bytes;
                let facts = Facts::of(&frame).unwrap();
                let asked = Asked::of(&frame, &facts).unwrap();
                let ran = filter.run(&frame);
                let dns = &ran.frame[asked.begin..];
                assert_eq!(ran.verdict, TX, "{message:02x?}");
                let counts = [0, 1, 0, 0, 0, 0, 0, u8::from(*has_opt)];
                assert_eq!(dns[4..12], counts, "{message:02x?}");
                let size = asked.behind - asked.begin + if *has_opt { 11 } else { 0 };
                assert_eq!(dns.len(), size, "{message:02x?}");
                let expected = answer(&frame, &facts, &asked, truncated, rcode);
                assert_eq!(Some(ran.frame), expected, "{message:02x?}");
            }
        }
    }
}
