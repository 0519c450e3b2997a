//! `dns`: queries that are none are dropped, others answered from where they come in.

use super::filter::Filter;
use super::kernel::Ran;
use super::message::{Asked, Message, answer, cookie, query};
use super::model::Facts;
use super::random::{self, packets};
use super::sandbox::{DROP, PASS, TX};
use super::*;
use crate::objects::random::Random;

fn total(filter: &Filter, name: &str) -> u64 {
    filter.number(&format!("@totals 0 {name}"))
}

fn ask(message: &Message) -> Vec<u8> {
    ip4("10.0.0.1").datagram(53, &message.bytes).bytes
}

fn good() -> Message {
    query("www.example", 1)
}

/// A name of so many bytes on the wire.
fn name(bytes: usize) -> String {
    let mut name = String::new();
    let mut left = bytes - 1;
    while left > 0 {
        let label = (left - 1).min(63);
        name += &"a".repeat(label);
        name.push('.');
        left -= label + 1;
    }
    name
}

#[test]
fn what_is_no_query_is_dropped_and_counted_by_its_fault() {
    for (message, counted) in [
        (good().with(2, 0x81), "bad_qr"),
        (good().with(2, 0x09), "bad_opcode"),
        (good().with(2, 0x29), "bad_opcode"),
        (good().with(5, 0), "bad_counts"),
        (good().with(5, 2), "bad_counts"),
        (good().with(4, 1), "bad_counts"),
        (good().with(7, 1), "bad_counts"),
        (good().with(9, 1), "bad_counts"),
        (good().with(9, 2), "bad_counts"),
        (good().with(12, 0xc0), "bad_pointer"),
        (good().with(16, 0xff), "bad_pointer"),
        (good().with(12, 0x40), "bad_name"),
        (good().with(12, 0x3f), "bad_name"),
        (query(&name(256), 1), "bad_name"),
        (good().followed_by(&[0]), "bad_length"),
        (good().with(11, 1), "bad_length"),
        (good().with(11, 1).followed_by(&[0; 10]), "bad_length"),
        (good().edns(1232, &[]).followed_by(&[0]), "bad_length"),
        (good().edns(1232, &[]).with(39, 1), "bad_length"),
        (Message { bytes: vec![0; 11] }, "bad_length"),
        (
            Message {
                bytes: good().bytes[..28].to_vec(),
            },
            "bad_length",
        ),
        (
            Message {
                bytes: good().bytes[..24].to_vec(),
            },
            "bad_name",
        ),
    ] {
        let filter = Filter::load("dns", &[]);
        assert_eq!(
            filter.verdict(&ask(&message)),
            DROP,
            "{counted}: {:02x?}",
            message.bytes
        );
        assert_eq!(
            total(&filter, counted),
            1,
            "{counted}: {:02x?}",
            message.bytes
        );
        assert_eq!(
            (total(&filter, "malformed"), total(&filter, "passed")),
            (1, 0)
        );
    }
}

#[test]
fn what_is_a_query_passes() {
    let filter = Filter::load("dns", &[]);
    let soa = [0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut passed = 0;
    for frame in [
        ask(&good()),
        ask(&query("", 2)),
        ask(&query(&name(255), 1)),
        ask(&query(&"a.".repeat(127), 1)),
        ask(&good().edns(1232, &[])),
        ask(&good().edns(1232, &cookie(24))),
        ask(&good().edns(512, &[]).with(11, 2).followed_by(&[0; 30])),
        ask(&good().with(11, 1).followed_by(&[1; 30])),
        ask(&query("www.example", 251).with(9, 1).followed_by(&soa)),
        ip4("10.0.0.1")
            .options(10)
            .datagram(53, &good().bytes)
            .bytes,
        ip4("10.0.0.1")
            .fragment4(0x4000)
            .datagram(53, &good().bytes)
            .bytes,
        ip4("10.0.0.1")
            .tag(ETH_P_8021Q)
            .datagram(53, &good().bytes)
            .bytes,
        ip6("fe80::1").datagram(53, &good().bytes).bytes,
        ip6("fe80::1")
            .tag(ETH_P_8021AD)
            .tag(ETH_P_8021Q)
            .extension(DESTINATION, 1)
            .datagram(53, &good().bytes)
            .bytes,
        // Padded to the least that Ethernet carries.
        [ask(&query("", 2)), vec![0; 20]].concat(),
    ] {
        assert_eq!(filter.verdict(&frame), PASS, "{frame:02x?}");
        passed += 1;
        assert_eq!(total(&filter, "passed"), passed, "{frame:02x?}");
    }
    assert_eq!(total(&filter, "malformed"), 0);
}

#[test]
fn a_query_in_fragments_is_dropped() {
    let filter = Filter::load("dns", &[]);
    for frame in [
        ip4("10.0.0.1")
            .fragment4(0x2000)
            .datagram(53, &good().bytes),
        ip6("fe80::1")
            .fragment6(0, true)
            .datagram(53, &good().bytes),
        ip6("fe80::1")
            .fragment6(0, false)
            .datagram(53, &good().bytes),
    ] {
        assert_eq!(filter.verdict(&frame.bytes), DROP);
    }
    assert_eq!(total(&filter, "fragment"), 3);
}

#[test]
fn what_is_not_for_the_server_passes_unread() {
    let filter = Filter::load("dns", &[]);
    for frame in [
        ip4("10.0.0.1").tcp(53),
        ip4("10.0.0.1").udp(67),
        ip4("10.0.0.1").tcp(22),
        ip4("10.0.0.1").fragment4(0x00b9).udp(53),
        ip6("fe80::1").carrying(ICMPV6, &[135; 24]),
        Frame::raw(ETH_P_ARP, &[0; 28]),
    ] {
        assert_eq!(filter.verdict(&frame.bytes), PASS);
    }
    assert_eq!((total(&filter, "other"), total(&filter, "passed")), (6, 0));
    let filter = Filter::load("dns", &["@settings 0 port[1]=5353"]);
    assert_eq!(filter.verdict(&ip4("10.0.0.1").udp(53).bytes), PASS);
    assert_eq!(filter.verdict(&ip4("10.0.0.1").udp(5353).bytes), DROP);
}

#[test]
fn queries_are_counted_by_what_they_say() {
    let filter = Filter::load("dns", &[]);
    for (message, counted) in [
        (good(), ["class_in", "edns_none"]),
        (good().class(3), ["class_ch", "edns_none"]),
        (good().class(255), ["class_any", "edns_none"]),
        (good().class(4), ["class_other", "edns_none"]),
        (good().edns(0, &[]), ["class_in", "edns_512"]),
        (good().edns(512, &[]), ["class_in", "edns_512"]),
        (good().edns(1232, &[]), ["class_in", "edns_1232"]),
        (good().edns(4096, &[]), ["class_in", "edns_4096"]),
        (good().edns(4097, &[]), ["class_in", "edns_more"]),
        (good().edns(1232, &cookie(16)), ["cookies", "edns_1232"]),
        (good().edns(1232, &cookie(40)), ["cookies", "edns_1232"]),
    ] {
        let before = counted.map(|name| total(&filter, name));
        assert_eq!(filter.verdict(&ask(&message)), PASS);
        assert_eq!(
            counted.map(|name| total(&filter, name)),
            before.map(|count| count + 1),
            "{counted:?}"
        );
    }
    for size in [8, 15, 41] {
        filter.verdict(&ask(&good().edns(1232, &cookie(size))));
    }
    assert_eq!(total(&filter, "cookies"), 2);
    for (kind, key) in [(28, 28), (511, 511), (512, 0), (65535, 0)] {
        let before = filter.number(&format!("{key} packets"));
        filter.verdict(&ask(&query("www.example", kind)));
        assert_eq!(filter.number(&format!("{key} packets")), before + 1);
    }
}

#[test]
fn answers_that_come_in_are_counted_by_their_code() {
    let filter = Filter::load("dns", &[]);
    let mut frame = ip4("10.0.0.1")
        .datagram(40_000, &good().with(2, 0x81).with(3, 0x83).bytes)
        .bytes;
    frame[34..36].copy_from_slice(&53_u16.to_be_bytes());
    assert_eq!(filter.verdict(&frame), PASS);
    assert_eq!(filter.number("@rcodes 3 packets"), 1);
    assert_eq!(total(&filter, "other"), 1);
}

const POLICY: [&str; 4] = [
    "255 action=DNS_TRUNCATE",
    "10 action=DNS_DROP",
    "16 action=DNS_REFUSE",
    "@settings 0 only_in=true",
];

#[test]
fn answers_are_whole_packets_with_right_checksums() {
    let filter = Filter::load("dns", &POLICY);
    let any = query("www.example", 255).bytes;
    let ran = filter.run(&ip4("10.0.0.1").datagram(53, &any).bytes);
    assert_eq!(ran.verdict, TX);
    let expected = "02 00 00 00 00 02 02 00 00 00 00 01 08 00 \
        45 00 00 39 12 34 00 00 40 11 9c 4a c0 00 02 35 0a 00 00 01 \
        00 35 9c 40 00 25 80 7b \
        be ef 83 00 00 01 00 00 00 00 00 00 03 77 77 77 07 65 78 61 6d 70 6c 65 00 00 ff 00 01";
    let bytes: Vec<String> = ran.frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes.join(" "), expected);
    let txt = query("www.example", 16).edns(4096, &cookie(24)).bytes;
    for packet in [
        ip4("10.0.0.1"),
        ip6("2001:db8::1").tag(ETH_P_8021AD).tag(ETH_P_8021Q),
    ] {
        let frame = packet.datagram(53, &txt).bytes;
        assert_eq!(filter.run(&frame), expected_of(&frame));
        assert_eq!(expected_of(&frame).verdict, TX);
    }
    assert_eq!(
        (total(&filter, "truncated"), total(&filter, "refused")),
        (1, 2)
    );
}

#[test]
fn what_can_not_be_answered_is_dropped() {
    let filter = Filter::load("dns", &POLICY);
    let any = query("www.example", 255).bytes;
    for frame in [
        ip4("10.0.0.1").options(1).datagram(53, &any),
        ip6("fe80::1").extension(DESTINATION, 0).datagram(53, &any),
        ip4("10.0.0.1").datagram(53, &any).with(0, 0x01),
        ip4("10.0.0.1").datagram(53, &any).with(34, 0).with(35, 0),
    ] {
        assert_eq!(filter.verdict(&frame.bytes), DROP);
    }
}

#[test]
fn other_opcodes_pass_where_they_may() {
    let filter = Filter::load("dns", &["@settings 0 opcodes=0x10"]);
    assert_eq!(filter.verdict(&ask(&good().with(2, 0x20).with(7, 1))), PASS);
    assert_eq!(filter.verdict(&ask(&good().with(2, 0x28))), DROP);
}

#[test]
fn who_asks_too_often_is_sent_to_tcp() {
    let filter = Filter::load("dns", &["@settings 0 rate=1 burst=3"]);
    let verdicts = |message: &Message, source: &str| -> Vec<u32> {
        let frame = ip4(source).datagram(53, &message.bytes).bytes;
        (0..5).map(|_| filter.run(&frame).verdict).collect()
    };
    assert_eq!(verdicts(&good(), "10.0.0.1"), [PASS, PASS, PASS, TX, TX]);
    assert_eq!(verdicts(&good(), "10.0.0.2"), [TX; 5]);
    assert_eq!(verdicts(&good(), "10.0.1.1"), [PASS, PASS, PASS, TX, TX]);
    // The flood of the neighbours has taken nothing from who has a cookie.
    let known = good().edns(1232, &cookie(24));
    assert_eq!(verdicts(&known, "10.0.0.1"), [PASS, PASS, PASS, TX, TX]);
    assert_eq!(
        (total(&filter, "limited"), total(&filter, "truncated")),
        (11, 11)
    );
}

#[test]
fn cookies_may_have_a_rate_of_their_own() {
    let filter = Filter::load("dns", &["@settings 0 rate=1 cookie_rate=1 cookie_burst=4"]);
    let known = ask(&good().edns(1232, &cookie(24)));
    let passed = (0..9)
        .filter(|_| filter.run(&known).verdict == PASS)
        .count();
    assert_eq!(passed, 4);
}

#[test]
fn of_a_flood_every_so_many_is_answered() {
    let filter = Filter::load("dns", &["@settings 0 rate=1 slip=4"]);
    for _ in 0..4000 {
        filter.run(&ask(&good()));
    }
    let (truncated, dropped) = (total(&filter, "truncated"), total(&filter, "dropped"));
    assert!((800..1200).contains(&truncated), "{truncated}");
    assert_eq!(truncated + dropped, total(&filter, "limited"));
}

#[test]
fn a_monitor_counts_and_drops_nothing() {
    let filter = Filter::load(
        "dns",
        &["255 action=DNS_REFUSE", "@settings 0 monitor=true rate=1"],
    );
    for message in [query("www.example", 255), good(), good(), good().with(5, 2)] {
        assert_eq!(filter.verdict(&ask(&message)), PASS);
    }
    let counted = ["refused", "passed", "truncated", "malformed"].map(|name| total(&filter, name));
    assert_eq!(counted, [1, 1, 1, 1]);
}

/// What the model makes of a frame, with [`POLICY`].
fn expected_of(frame: &[u8]) -> Ran {
    let same = |verdict| Ran {
        verdict,
        frame: frame.to_vec(),
    };
    let facts = Facts::of(frame).filter(|facts| facts.protocol == UDP && facts.port() == 53);
    let Some(facts) = facts else {
        return same(PASS);
    };
    let Ok(asked) = Asked::of(frame, &facts) else {
        return same(DROP);
    };
    let sent = match (asked.class, asked.kind) {
        (1, 255) => answer(frame, &facts, &asked, true, 0),
        (1, 16) => answer(frame, &facts, &asked, false, 5),
        (1, 10) => None,
        (1, _) => return same(PASS),
        _ => None,
    };
    sent.map_or_else(|| same(DROP), |frame| Ran { verdict: TX, frame })
}

#[test]
fn no_packet_contradicts_the_model() {
    let filter = Filter::load("dns", &POLICY);
    let mut random = Random(0xd115);
    let mut seen = [0; 4];
    for _ in 0..packets() {
        let message = random::message(&mut random);
        let frame = random::frame(&mut random, &message);
        let ran = filter.run(&frame);
        assert_eq!(ran, expected_of(&frame), "{frame:02x?}");
        seen[ran.verdict as usize] += 1;
    }
    assert!(seen[1..].iter().all(|count| *count > 1000), "{seen:?}");
}

#[test]
fn the_corefile_of_dns_does_what_it_says() {
    let filter = Filter::shipped("dns");
    for (kind, verdict) in [(255, TX), (10, DROP), (11, DROP), (1, PASS)] {
        assert_eq!(
            filter.run(&ask(&query("www.example", kind))).verdict,
            verdict,
            "{kind}"
        );
    }
    let passed = (0..400)
        .filter(|_| filter.run(&ask(&good())).verdict == PASS)
        .count();
    assert!((199..220).contains(&passed), "{passed}");
}
