//! `guard`: access list, DNS checks and limits, in this order.

use super::random;
use support::packets::answer::answer;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::kernel::Ran;
use support::packets::message::{Asked, UNPARSED, query};
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS, TX};

/// 10.0.0.0/8 has no tokens for years.
const RULES: [&str; 5] = [
    "198.51.100.0/24 action=ACL_DROP",
    "198.51.100.7 action=ACL_PASS",
    "2001:db8:bad::/48 action=ACL_DROP protocol=ACL_UDP",
    "@limits 0.0.0.0/0 rate=4000000000",
    "@limits 10.0.0.0/8 rate=1 bucket.full=9000000000000000000",
];

const TRUNCATE: &str = "@settings 0 truncate=true";

fn guard(settings: &str) -> Filter {
    let filter = Filter::load("guard", &RULES);
    filter.entry(settings);
    filter
}

fn ask(packet: Packet) -> Vec<u8> {
    packet.datagram(53, &query("www.example", 1).bytes).bytes
}

fn malformed(packet: Packet) -> Vec<u8> {
    packet
        .datagram(53, &query("www.example", 1).with(2, 0x80).bytes)
        .bytes
}

#[test]
fn access_list_checks_and_limits_apply_in_order() {
    let filter = guard(TRUNCATE);
    for (frame, verdict, counted) in [
        (ask(ip4("203.0.113.1")), PASS, "passed"),
        (ask(ip6("2001:db8::1")), PASS, "passed"),
        (malformed(ip4("203.0.113.1")), DROP, "malformed"),
        (ask(ip4("198.51.100.1")), DROP, "denied"),
        (malformed(ip4("198.51.100.1")), DROP, "denied"),
        (ask(ip4("198.51.100.7")), PASS, "passed"),
        (ask(ip6("2001:db8:bad::1")), DROP, "denied"),
        (ip6("2001:db8:bad::1").tcp(53).bytes, PASS, "passed"),
        (ask(ip4("10.0.0.1")), TX, "truncated"),
        (malformed(ip4("10.0.0.1")), DROP, "malformed"),
        (ip4("10.0.0.1").tcp(53).bytes, DROP, "limited"),
        (ip4("10.0.0.1").udp(443).bytes, PASS, "other"),
        (
            ip4("10.0.0.1").fragment4(0x00b9).udp(53).bytes,
            PASS,
            "other",
        ),
        (ip4("10.0.0.1").carrying(ICMP, &[8; 8]).bytes, PASS, "other"),
        (ip4("10.0.0.1").tcp(22).bytes, PASS, "management"),
        (ip4("198.51.100.1").udp(67).bytes, PASS, "management"),
        (
            ip6("2001:db8:bad::1")
                .hops(255)
                .carrying(ICMPV6, &[135; 24])
                .bytes,
            PASS,
            "management",
        ),
        (Frame::raw(ETH_P_ARP, &[0; 28]).bytes, PASS, "other"),
    ] {
        let name = format!("@totals 0 {counted}");
        let before = filter.number(&name);
        assert_eq!(
            filter.run(&frame).verdict,
            verdict,
            "{counted}: {frame:02x?}"
        );
        assert_eq!(filter.number(&name), before + 1, "{counted}: {frame:02x?}");
    }
    assert_eq!(filter.number("198.51.100.0/24 packets"), 2);
    assert_eq!(filter.number("@limits 10.0.0.0/8 dropped"), 2);
}

#[test]
fn settings_change_verdicts() {
    for (settings, frame, verdict) in [
        ("@settings 0 truncate=false", ask(ip4("10.0.0.1")), DROP),
        (
            "@settings 0 unlisted=ACL_DROP",
            ask(ip4("203.0.113.1")),
            DROP,
        ),
        (
            "@settings 0 unlisted=ACL_DROP",
            ask(ip4("198.51.100.7")),
            PASS,
        ),
        (
            "@settings 0 manage=true scope=SCOPE_ALL",
            ip4("10.0.0.1").tcp(22).bytes,
            DROP,
        ),
        (
            "@settings 0 port[0]=5353",
            malformed(ip4("203.0.113.1")),
            PASS,
        ),
        (
            "@settings 0 opcodes=0x10",
            ip4("203.0.113.1")
                .datagram(53, &query("a", 6).with(2, 0x20).bytes)
                .bytes,
            PASS,
        ),
        (
            "@settings 0 monitor=true truncate=true",
            ask(ip4("10.0.0.1")),
            PASS,
        ),
        ("@settings 0 monitor=true", ask(ip4("198.51.100.1")), PASS),
        (
            "@settings 0 monitor=true",
            malformed(ip4("203.0.113.1")),
            PASS,
        ),
    ] {
        assert_eq!(
            guard(settings).verdict(&frame),
            verdict,
            "{settings}: {frame:02x?}"
        );
    }
}

#[test]
fn guard_corefile_filters_as_documented() {
    let filter = Filter::shipped("guard");
    for (frame, verdict) in [
        (ask(ip4("198.51.100.1")), DROP),
        (ask(ip4("198.51.100.7")), PASS),
        (ask(ip6("2001:db8:bad::1")), DROP),
        (malformed(ip4("203.0.113.1")), DROP),
    ] {
        assert_eq!(filter.run(&frame).verdict, verdict);
    }
    filter.admits(&ask(ip4("203.0.113.1")), 200, 500);
    assert_ne!(filter.number("@totals 0 truncated"), 0);
    filter.admits(&ask(ip4("192.0.2.1")), 20_000, 20_000);
}

/// Verdict and frame of the model under [`RULES`] and [`TRUNCATE`].
fn expected_of(frame: &[u8]) -> Ran {
    let same = |verdict| Ran {
        verdict,
        frame: frame.to_vec(),
    };
    let facts = Facts::of(frame).filter(|facts| !facts.is_management());
    let Some(facts) = facts else {
        return same(PASS);
    };
    let octets = facts.source.octets();
    let four = facts
        .source
        .to_ipv4_mapped()
        .map(|address| address.octets());
    let is_denied = matches!(four, Some([198, 51, 100, last]) if last != 7)
        || octets[..6] == [0x20, 1, 0xd, 0xb8, 0xb, 0xad] && facts.protocol == UDP;
    let asked = (facts.protocol == UDP && facts.port() == 53).then(|| Asked::of(frame, &facts));
    let is_malformed =
        facts.hidden || matches!(asked, Some(Err(counter)) if !UNPARSED.contains(&counter));
    if is_denied || is_malformed {
        return same(DROP);
    }
    if !facts.is_to_server() || !matches!(four, Some([10, ..])) {
        return same(PASS);
    }
    let sent = asked.and_then(|asked| answer(frame, &facts, &asked.ok()?, true, 0));
    sent.map_or_else(|| same(DROP), |frame| Ran { verdict: TX, frame })
}

#[test]
fn verdicts_match_the_model() {
    let filter = guard(TRUNCATE);
    random::compare(&filter, 0x9a4d, expected_of);
}
