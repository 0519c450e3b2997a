//! `count` and `ordered` against models, for random packets.

use super::random::{frame, packets};
use std::net::Ipv6Addr;

use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::frame::{ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_QINQ1, ICMP, ICMPV6};
use support::packets::frame::{TCP, UDP};
use support::packets::model::{Facts, wide};
use support::packets::sandbox::{DROP, PASS};

/// Keys of `enum traffic` in `bpf/count.bpf.c`: other frames, ARP, four kinds of IPv4, four of IPv6, and DNS.
const KINDS: usize = 12;

/// The counters that a frame adds to.
fn traffic(frame: &[u8]) -> (usize, Option<usize>) {
    let Some(facts) = Facts::of(frame) else {
        return (usize::from(is_arp(frame)), None);
    };
    let (family, icmp) = if facts.is_ip4 { (2, ICMP) } else { (6, ICMPV6) };
    let protocol = match facts.protocol {
        TCP => 0,
        UDP => 1,
        other if other == icmp => 2,
        _ => 3,
    };
    let dns = facts.is_to_server().then_some(10 + protocol);
    (family + protocol, dns)
}

/// True for ARP behind up to three tags.
fn is_arp(frame: &[u8]) -> bool {
    let is_tag = |at: &usize| {
        let ethertype = wide(frame, *at);
        ethertype.is_some_and(|kind| [ETH_P_8021Q, ETH_P_8021AD, ETH_P_QINQ1].contains(&kind))
    };
    let tags = (12..24).step_by(4).take_while(is_tag).count();
    wide(frame, 12 + 4 * tags) == Some(ETH_P_ARP)
}

#[test]
fn counters_match_the_model() {
    let filter = Filter::load("count", &[]);
    let mut random = Random(0xc0_0417);
    let mut expected = [[0_u64; 2]; KINDS];
    for _ in 0..packets() {
        let frame = frame(&mut random, b"payload");
        assert_eq!(filter.verdict(&frame), PASS);
        let (kind, dns) = traffic(&frame);
        for kind in [Some(kind), dns].into_iter().flatten() {
            expected[kind][0] += 1;
            expected[kind][1] += frame.len() as u64;
        }
    }
    for (kind, expected) in expected.iter().enumerate() {
        let counted = ["packets", "bytes"].map(|name| filter.number(&format!("{kind} {name}")));
        assert_eq!(counted, *expected, "{kind}");
        assert!(kind == 1 || counted[0] > 0, "{kind}");
    }
}

/// Rules in their order, each with its family, network, number of bits and verdict in the model.
type Rule = (&'static str, bool, &'static str, u32, u32);

const RULES: [Rule; 6] = [
    (
        "action=ACL_PASS ip4_net=10.1.2.3 ip4_mask=255.255.255.255",
        true,
        "::ffff:10.1.2.3",
        128,
        PASS,
    ),
    (
        "action=ACL_DROP ip4_net=10.0.0.0 ip4_mask=255.0.0.0",
        true,
        "::ffff:10.0.0.0",
        104,
        DROP,
    ),
    (
        "action=ACL_PASS ip6_net=2001:db8:bad:1::5 ip6_mask=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        false,
        "2001:db8:bad:1::5",
        128,
        PASS,
    ),
    (
        "action=ACL_DROP ip6_net=2001:db8:: ip6_mask=ffff:ffff::",
        false,
        "2001:db8::",
        32,
        DROP,
    ),
    (
        "action=ACL_PASS ip4_net=198.51.100.0 ip4_mask=255.255.255.128",
        true,
        "::ffff:198.51.100.0",
        121,
        PASS,
    ),
    ("action=ACL_DROP family=SUBNET_IPV4", true, "::", 0, DROP),
];

fn first_rule(frame: &[u8]) -> u32 {
    let Some(facts) = Facts::of(frame).filter(|facts| !facts.is_ip_control()) else {
        return PASS;
    };
    let matches = |&(_, is_ip4, network, bits, _): &&Rule| {
        let network = network.parse::<Ipv6Addr>().unwrap().to_bits();
        let differ = (facts.source.to_bits() ^ network).checked_shr(128 - bits);
        facts.is_ip4 == *is_ip4 && differ.unwrap_or(0) == 0
    };
    RULES.iter().find(matches).map_or(PASS, |rule| rule.4)
}

#[test]
fn verdicts_of_ordered_match_the_model() {
    let lines: Vec<_> = (0..)
        .zip(RULES)
        .map(|(key, rule)| format!("{key} {}", rule.0))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let filter = Filter::load("ordered", &lines);
    let mut random = Random(0x0dde);
    let mut dropped = 0;
    for _ in 0..packets() {
        let frame = frame(&mut random, b"payload");
        let verdict = filter.verdict(&frame);
        assert_eq!(verdict, first_rule(&frame), "{frame:02x?}");
        dropped += u32::from(verdict == DROP);
    }
    assert!((1000..packets()).contains(&dropped), "{dropped}");
}
