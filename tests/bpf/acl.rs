//! `acl`: the rule with the longest prefix decides.

use std::net::Ipv6Addr;

use super::random::{self, packets};
use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS};

const RULES: [&str; 7] = [
    "10.0.0.0/8 action=ACL_DROP",
    "10.1.0.0/16 action=ACL_PASS",
    "10.1.2.0/24 action=ACL_DROP protocol=ACL_UDP port=53",
    "2001:db8::/32 action=ACL_DROP protocol=ACL_TCP otherwise=ACL_PASS",
    "2001:db8:bad::/48 action=ACL_DROP",
    "198.51.100.7 action=ACL_DROP protocol=ACL_TCP",
    "2001:db8:bad:1::5 action=ACL_PASS",
];

fn totals(filter: &Filter) -> [u64; 5] {
    ["passed", "dropped", "unlisted", "management", "other"]
        .map(|name| filter.number(&format!("@totals 0 {name}")))
}

#[test]
fn longest_prefix_decides_for_its_protocol_and_port() {
    let filter = Filter::load("acl", &RULES);
    let tagged = ip4("10.1.2.3")
        .options(3)
        .tag(ETH_P_8021AD)
        .tag(ETH_P_8021Q);
    for (frame, verdict, counted) in [
        (ip4("10.9.9.9").udp(53), DROP, "10.0.0.0/8 packets"),
        (ip4("10.9.9.9").tcp(443), DROP, "10.0.0.0/8 packets"),
        (ip4("10.1.3.3").udp(53), PASS, "10.1.0.0/16 packets"),
        (ip4("10.1.2.3").udp(53), DROP, "10.1.2.0/24 packets"),
        (tagged.udp(53), DROP, "10.1.2.0/24 packets"),
        (ip4("10.1.2.3").udp(54), PASS, "10.1.2.0/24 others"),
        (ip4("10.1.2.3").tcp(53), PASS, "10.1.2.0/24 others"),
        (
            ip4("10.1.2.3").fragment4(0x00b9).udp(53),
            PASS,
            "10.1.2.0/24 others",
        ),
        (ip4("198.51.100.7").tcp(53), DROP, "198.51.100.7 packets"),
        (ip4("198.51.100.7").udp(53), PASS, "198.51.100.7 others"),
        (
            ip6("2001:db8:bad:1::5").udp(53),
            PASS,
            "2001:db8:bad:1::5 packets",
        ),
        (ip6("2001:db8::1").tcp(53), DROP, "2001:db8::/32 packets"),
        (
            ip6("2001:db8::1").extension(DESTINATION, 1).tcp(53),
            DROP,
            "2001:db8::/32 packets",
        ),
        (ip6("2001:db8::1").udp(53), PASS, "2001:db8::/32 others"),
        (
            ip6("2001:db8:bad::1").udp(53),
            DROP,
            "2001:db8:bad::/48 packets",
        ),
        (ip6("::ffff:10.9.9.9").udp(53), DROP, "10.0.0.0/8 packets"),
        (ip4("192.0.2.1").udp(53), PASS, "@totals 0 unlisted"),
        (ip6("fe80::1").udp(53), PASS, "@totals 0 unlisted"),
    ] {
        let before = filter.number(counted);
        assert_eq!(filter.verdict(&frame.bytes), verdict, "{counted}");
        assert_eq!(filter.number(counted), before + 1, "{counted}");
    }
    // A light entry counts packets alone.
    assert_eq!(filter.number("10.0.0.0/8 bytes"), 0);
    assert_eq!(filter.number("10.1.2.0/24 bytes"), 42 + 62);
    assert_eq!(totals(&filter), [7, 9, 4, 0, 2]);
}

#[test]
fn management_passes_unless_manage_is_set() {
    let all = "::/0 action=ACL_DROP";
    let solicit = |hops| ip6("fe80::1").hops(hops).carrying(ICMPV6, &[135; 24]);
    let (kept, filtered) = (
        Filter::load("acl", &[all]),
        Filter::load("acl", &[all, "@settings 0 manage=true"]),
    );
    for (frame, is_management) in [
        (ip4("10.0.0.1").tcp(22), true),
        (ip4("10.0.0.1").udp(22), false),
        (ip4("10.0.0.1").udp(67), true),
        (ip4("10.0.0.1").udp(68), true),
        (ip4("10.0.0.1").tcp(68), false),
        (ip6("fe80::1").udp(546), true),
        (ip6("fe80::1").udp(547), true),
        (solicit(255), true),
        (solicit(254), false),
        (ip6("fe80::1").hops(255).carrying(ICMPV6, &[128; 24]), false),
        (
            ip4("10.0.0.1").hops(255).carrying(ICMPV6, &[135; 24]),
            false,
        ),
    ] {
        let verdict = if is_management { PASS } else { DROP };
        assert_eq!(kept.verdict(&frame.bytes), verdict, "{:02x?}", frame.bytes);
        assert_eq!(filtered.verdict(&frame.bytes), DROP);
    }
    let arp = Frame::raw(ETH_P_ARP, &[0; 28]);
    assert_eq!(filtered.verdict(&arp.bytes), PASS);
    assert_eq!(totals(&kept), [0, 5, 0, 6, 0]);
    assert_eq!(totals(&filtered), [0, 11, 0, 0, 1]);
}

/// ICMP and IGMP messages, each with its verdict by a list that drops all sources.
pub(super) fn ip_control() -> Vec<(Frame, u32)> {
    let message = |source: &str, hops, kind, code| {
        let mut payload = [0; 24];
        payload[..2].copy_from_slice(&[kind, code]);
        if source.contains(':') {
            ip6(source).hops(hops).carrying(ICMPV6, &payload)
        } else {
            ip4(source).hops(hops).carrying(ICMP, &payload)
        }
    };
    // MLD messages follow a hop-by-hop header with a router alert (RFC 3810 section 5).
    let mld = |source: &str, kind| {
        ip6(source)
            .extension(HOP_BY_HOP, 0)
            .hops(1)
            .carrying(ICMPV6, &[kind; 24])
    };
    // A router sends a query from any of its addresses, or from 0.0.0.0 if it has none.
    let igmp = |source: &str, hops| ip4(source).hops(hops).carrying(IGMP, &[0x11; 8]);
    let mut frames = vec![
        (igmp("203.0.113.1", 1), PASS),
        (igmp("0.0.0.0", 1), PASS),
        (igmp("203.0.113.1", 2), DROP),
        (message("2001:db8::1", 64, 2, 0), PASS),
        (message("203.0.113.1", 64, 3, 4), PASS),
        (message("203.0.113.1", 64, 3, 3), PASS),
        (message("203.0.113.1", 64, 11, 0), PASS),
        (message("203.0.113.1", 64, 12, 0), PASS),
        (message("203.0.113.1", 64, 4, 0), DROP),
        (message("203.0.113.1", 64, 5, 0), DROP),
        (message("203.0.113.1", 64, 8, 4), DROP),
        (message("203.0.113.1", 64, 2, 0), DROP),
        (message("203.0.113.1", 255, 135, 0), DROP),
        (message("2001:db8::1", 64, 128, 0), DROP),
        (message("2001:db8::1", 64, 1, 4), PASS),
        (message("2001:db8::1", 64, 3, 0), PASS),
        (message("2001:db8::1", 64, 4, 1), PASS),
        (message("2001:db8::1", 64, 0, 0), DROP),
        (message("2001:db8::1", 64, 5, 0), DROP),
        (message("2001:db8::1", 255, 138, 0), DROP),
        (message("fe80::1", 1, 130, 0), PASS),
        (message("fe80::1", 1, 129, 0), DROP),
        (message("fe80::1", 1, 142, 0), DROP),
        (mld("2001:db8::1", 130), DROP),
        (mld("fec0::1", 130), DROP),
    ];
    for kind in [130, 131, 132, 143] {
        for source in ["fe80::1", "febf::1", "::"] {
            frames.push((mld(source, kind), PASS));
        }
    }
    for kind in 133..=137 {
        frames.push((message("2001:db8::1", 255, kind, 0), PASS));
        frames.push((message("fe80::1", 254, kind, 0), DROP));
    }
    frames
}

#[test]
fn ip_control_packets_pass_unless_manage_is_set() {
    let all = "::/0 action=ACL_DROP";
    let kept = Filter::load("acl", &[all]);
    let filtered = Filter::load("acl", &[all, "@settings 0 manage=true"]);
    let mut passed = 0;
    for (frame, verdict) in ip_control() {
        assert_eq!(kept.verdict(&frame.bytes), verdict, "{:02x?}", frame.bytes);
        assert_eq!(filtered.verdict(&frame.bytes), DROP);
        passed += u64::from(verdict == PASS);
    }
    assert_eq!(totals(&kept)[3], passed);
}

#[test]
fn unlisted_setting_drops_other_sources() {
    let filter = Filter::load(
        "acl",
        &[
            "@settings 0 unlisted=ACL_DROP",
            "192.0.2.0/24 action=ACL_PASS",
            "192.0.2.66 action=ACL_UNLISTED",
        ],
    );
    assert_eq!(filter.verdict(&ip4("192.0.2.1").udp(53).bytes), PASS);
    assert_eq!(filter.verdict(&ip4("192.0.2.66").udp(53).bytes), DROP);
    assert_eq!(filter.verdict(&ip4("203.0.113.1").udp(53).bytes), DROP);
    assert_eq!(filter.verdict(&ip4("203.0.113.1").tcp(22).bytes), PASS);
    assert_eq!(totals(&filter), [1, 2, 2, 1, 0]);
}

#[test]
fn monitor_counts_but_drops_nothing() {
    let filter = Filter::load(
        "acl",
        &["@settings 0 monitor=true", "10.0.0.0/8 action=ACL_DROP"],
    );
    assert_eq!(filter.verdict(&ip4("10.0.0.1").udp(53).bytes), PASS);
    assert_eq!(filter.number("10.0.0.0/8 packets"), 1);
    assert_eq!(totals(&filter), [0, 1, 0, 0, 0]);
}

#[test]
fn acl_corefile_filters_as_documented() {
    let filter = Filter::shipped("acl");
    for (frame, verdict) in [
        (ip4("198.51.100.7").udp(53), PASS),
        (ip4("198.51.100.8").udp(53), DROP),
        (ip4("198.51.100.8").tcp(22), PASS),
        (ip4("192.0.2.66").udp(53), DROP),
        (ip4("203.0.113.1").udp(53), DROP),
        (ip4("203.0.113.1").tcp(53), PASS),
        (ip6("2001:db8:bad:ffff::1").udp(53), DROP),
        (ip6("2001:db8:bae::1").udp(53), PASS),
        (ip4("192.0.2.1").udp(53), PASS),
    ] {
        assert_eq!(
            filter.verdict(&frame.bytes),
            verdict,
            "{:02x?}",
            frame.bytes
        );
    }
}

/// A rule of the model: network, bits, action by protocol and port, action otherwise; `None` is unlisted.
type Rule = (&'static str, u32, Option<u32>, (u8, u16), Option<u32>);

const MODEL: [Rule; 7] = [
    ("::ffff:10.0.0.0", 104, Some(DROP), (0, 0), None),
    ("::ffff:10.1.0.0", 112, Some(PASS), (0, 0), None),
    ("::ffff:10.1.2.0", 120, Some(DROP), (UDP, 53), None),
    ("2001:db8::", 32, Some(DROP), (TCP, 0), Some(PASS)),
    ("2001:db8:bad::", 48, Some(DROP), (0, 0), None),
    ("::ffff:198.51.100.7", 128, Some(DROP), (TCP, 0), None),
    ("2001:db8:bad:1::5", 128, Some(PASS), (0, 0), None),
];

fn expected(frame: &[u8]) -> u32 {
    let Some(facts) = Facts::of(frame) else {
        return PASS;
    };
    if facts.hidden {
        return DROP;
    }
    if facts.is_management() {
        return PASS;
    }
    let matches = |&(network, bits, ..): &&Rule| {
        let network = u128::from(network.parse::<Ipv6Addr>().unwrap());
        (u128::from(facts.source) ^ network) >> (128 - bits) == 0
    };
    let longest = MODEL.iter().filter(matches).max_by_key(|rule| rule.1);
    let action = longest.and_then(|&(_, _, action, (protocol, port), otherwise)| {
        let applies =
            (protocol == 0 || protocol == facts.protocol) && (port == 0 || port == facts.port());
        if applies { action } else { otherwise }
    });
    action.unwrap_or(PASS)
}

#[test]
fn verdicts_match_the_model() {
    let filter = Filter::load("acl", &RULES);
    let mut random = Random(0x0ac1);
    let mut dropped = 0;
    for _ in 0..packets() {
        let frame = random::frame(&mut random, b"payload");
        let verdict = filter.verdict(&frame);
        assert_eq!(verdict, expected(&frame), "{frame:02x?}");
        dropped += u32::from(verdict == DROP);
    }
    assert!((1..packets()).contains(&dropped), "{dropped}");
    let [passed, drops, _, management, other] = totals(&filter);
    assert_eq!(drops, u64::from(dropped));
    assert_eq!(passed + drops + management + other, u64::from(packets()));
}
