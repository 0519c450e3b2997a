//! `dns`: drops malformed queries, and counts valid queries by content.

use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::{Message, cookie, query};
use support::packets::sandbox::{DROP, PASS, TX};

pub(super) fn total(filter: &Filter, name: &str) -> u64 {
    filter.number(&format!("@totals 0 {name}"))
}

pub(super) fn ask(message: &Message) -> Vec<u8> {
    ip4("10.0.0.1").datagram(53, &message.bytes).bytes
}

pub(super) fn good() -> Message {
    query("www.example", 1)
}

/// A query without a question, which requests only a cookie.
pub(super) fn for_cookie() -> Message {
    let mut message = query("", 1).with(5, 0);
    message.bytes.truncate(12);
    message.edns(1232, &cookie(20))
}

fn raw(bytes: &[u8]) -> Message {
    let bytes = bytes.to_vec();
    Message { bytes }
}

/// A name of `bytes` bytes in wire format.
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
fn malformed_queries_are_dropped_and_counted_by_fault() {
    for (message, counted) in [
        (good().with(2, 0x81), "bad_qr"),
        (good().with(5, 0), "bad_counts"),
        (good().with(5, 0).with(11, 1), "bad_counts"),
        (for_cookie().with(14, 1), "bad_counts"),
        (for_cookie().with(9, 1), "bad_counts"),
        (for_cookie().with(7, 1), "bad_counts"),
        (for_cookie().with(22, 25), "bad_length"),
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
        (raw(&[0; 11]), "bad_length"),
        (raw(&[0x28; 11]), "bad_length"),
        (raw(&for_cookie().bytes[..22]), "bad_length"),
        (raw(&good().bytes[..28]), "bad_length"),
        (raw(&good().bytes[..24]), "bad_name"),
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
fn valid_queries_pass() {
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
        // Padded to the minimum size of an Ethernet frame.
        [ask(&query("", 2)), vec![0; 20]].concat(),
    ] {
        assert_eq!(filter.verdict(&frame), PASS, "{frame:02x?}");
        passed += 1;
        assert_eq!(total(&filter, "passed"), passed, "{frame:02x?}");
    }
    assert_eq!(total(&filter, "malformed"), 0);
}

/// The first fragments of a datagram to port 53, over IPv4 and over IPv6, with the first `size` bytes of its payload.
pub(super) fn first_fragments(from: u16, payload: &[u8], size: usize) -> [Vec<u8>; 2] {
    [
        ip4("203.0.113.9").fragment4(0x2000),
        ip6("2001:db8::9").fragment6(0, true),
    ]
    .map(|packet| {
        let whole = packet.datagram(53, payload);
        let udp = whole.port_end - 4;
        let mut frame = whole.bytes;
        frame[udp..udp + 2].copy_from_slice(&from.to_be_bytes());
        frame.truncate(udp + 8 + size);
        frame
    })
}

/// A first fragment has the question, so it gets the verdict of the whole query, but no response.
#[test]
fn first_fragment_is_judged_by_its_question() {
    let padded = good().edns(1232, &[0; 600]).bytes;
    let any = query("www.example", 255).edns(1232, &[0; 600]).bytes;
    let counts = good().with(5, 2).edns(1232, &[0; 600]).bytes;
    let response = good().with(2, 0x81).edns(1232, &[0; 600]).bytes;
    let question = good().bytes.len();
    for (message, size, verdict, counted) in [
        (&padded, 400, PASS, "edns_1232"),
        (&padded, question + 11, PASS, "edns_1232"),
        (&padded, question + 10, PASS, "edns_none"),
        (&padded, question, PASS, "passed"),
        (&padded, question - 1, DROP, "fragment"),
        (&padded, 12, DROP, "fragment"),
        (&padded, 11, DROP, "fragment"),
        (&padded, 0, DROP, "fragment"),
        (&any, 400, DROP, "dropped"),
        (&counts, 400, DROP, "bad_counts"),
        (&response, 400, DROP, "bad_qr"),
    ] {
        let filter = Filter::load("dns", &["255 action=DNS_TRUNCATE"]);
        for frame in first_fragments(40_000, message, size) {
            assert_eq!(filter.verdict(&frame), verdict, "{counted}: {size}");
        }
        assert_eq!(total(&filter, counted), 2, "{counted}: {size}");
    }
}

/// RFC 6946: a fragment header with offset 0 and M=0.
#[test]
fn atomic_fragment_is_a_whole_packet() {
    for (program, lines) in [
        ("dns", &[][..]),
        ("guard", &[]),
        ("qname", &["flood.example action=QNAME_DROP"]),
    ] {
        let filter = Filter::load(program, lines);
        let atomic = |message: &Message| {
            let packet = ip6("2001:db8::1").fragment6(0, false);
            packet.datagram(53, &message.bytes).bytes
        };
        assert_eq!(filter.verdict(&atomic(&good())), PASS, "{program}");
        assert_eq!(total(&filter, "passed"), 1, "{program}");
        let refused = match program {
            "qname" => query("flood.example", 1),
            _ => good().with(5, 2),
        };
        assert_eq!(filter.verdict(&atomic(&refused)), DROP, "{program}");
    }
}

#[test]
fn packets_to_other_ports_pass_unread() {
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
fn queries_are_counted_by_content() {
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
fn responses_are_counted_by_rcode() {
    let filter = Filter::load("dns", &[]);
    let mut frame = ip4("10.0.0.1")
        .datagram(40_000, &good().with(2, 0x81).with(3, 0x83).bytes)
        .bytes;
    frame[34..36].copy_from_slice(&53_u16.to_be_bytes());
    assert_eq!(filter.verdict(&frame), PASS);
    assert_eq!(filter.number("@rcodes 3 packets"), 1);
    assert_eq!(total(&filter, "other"), 1);
}

#[test]
fn monitor_counts_but_drops_nothing() {
    let lines = ["255 action=DNS_REFUSE", "@settings 0 monitor=true rate=1"];
    let counted = Filter::before_a_token("dns", &lines, |filter| {
        for message in [query("www.example", 255), good(), good(), good().with(5, 2)] {
            assert_eq!(filter.verdict(&ask(&message)), PASS);
        }
        ["refused", "passed", "truncated", "malformed"].map(|name| total(filter, name))
    });
    assert_eq!(counted, [1, 1, 1, 1]);
}

#[test]
fn dns_corefile_filters_as_documented() {
    let filter = Filter::shipped("dns");
    for (kind, verdict) in [(255, TX), (10, DROP), (11, DROP), (1, PASS)] {
        assert_eq!(
            filter.run(&ask(&query("www.example", kind))).verdict,
            verdict,
            "{kind}"
        );
    }
    let elsewhere = ip4("203.0.113.1").datagram(53, &good().bytes).bytes;
    filter.admits(&elsewhere, 50, 200);
}
