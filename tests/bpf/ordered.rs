//! `ordered`: the first rule that matches the source decides.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::subnet::{ANY, IPV4, IPV6, subnet};
use support::packets::frame::*;
use support::packets::sandbox::{DROP, PASS, Sandbox};

const ACL_END: u8 = 0;
const ACL_DROP: u8 = 1;
const ACL_PASS: u8 = 2;

const NET4: &str = "10.11.0.0/255.255.0.0";
const NET6: &str = "fc00:dead:cafe:1::/ffff:ffff:ffff:ffff::";

/// A rule in the layout of `bpf/ordered.bpf.c`.
fn rule(action: u8, family: u8, ip4: &str, ip6: &str) -> Vec<u8> {
    let mut bytes = vec![family, 0, 0, action];
    bytes.extend(subnet(ip4, ip6));
    bytes.extend(0_u32.to_le_bytes());
    bytes
}

fn load(rules: &[Vec<u8>]) -> Sandbox {
    let mut sandbox = Sandbox::load("ordered");
    for (key, rule) in (0..).zip(rules) {
        sandbox.fill(key, rule);
    }
    sandbox
}

fn packets(sandbox: &mut Sandbox, key: u32) -> u32 {
    u32::from_le_bytes(sandbox.value(key)[44..].try_into().unwrap())
}

fn from(source: &str) -> Frame {
    if source.contains(':') {
        ip6(source).udp(53)
    } else {
        ip4(source).udp(53)
    }
}

/// Sends a packet from each source. `expected`: source, verdict, and index of the rule that counts the packet.
pub(super) fn check(rules: &[Vec<u8>], expected: &[(&str, u32, Option<u32>)]) {
    let mut sandbox = load(rules);
    for &(source, verdict, decider) in expected {
        let keys = 0..u32::try_from(rules.len()).unwrap();
        let before: Vec<u32> = keys.clone().map(|key| packets(&mut sandbox, key)).collect();
        assert_eq!(sandbox.verdict(&from(source).bytes), verdict, "{source}");
        for (key, before) in keys.zip(before) {
            let counted = packets(&mut sandbox, key) - before;
            assert_eq!(
                counted,
                u32::from(decider == Some(key)),
                "{source} in rule {key}"
            );
        }
    }
}

#[test]
fn empty_list_passes_everything() {
    check(
        &[],
        &[
            ("10.11.0.1", PASS, None),
            ("fc00::1", PASS, None),
            ("0.0.0.0", PASS, None),
        ],
    );
}

#[test]
fn allow_list_drops_other_sources() {
    let rules = [
        rule(ACL_PASS, ANY, NET4, ""),
        rule(ACL_PASS, ANY, "", NET6),
        rule(ACL_DROP, ANY, "", ""),
    ];
    check(
        &rules,
        &[
            ("10.11.255.255", PASS, Some(0)),
            ("10.12.0.0", DROP, Some(2)),
            ("10.10.255.255", DROP, Some(2)),
            ("fc00:dead:cafe:1:ffff::1", PASS, Some(1)),
            ("fc00:dead:cafe:2::", DROP, Some(2)),
            ("::", DROP, Some(2)),
        ],
    );
    let arp = Frame::raw(ETH_P_ARP, &[0; 28]);
    assert_eq!(load(&rules).verdict(&arp.bytes), PASS);
}

/// Without these packets, IPv6 fails behind switches that snoop MLD, and path MTU discovery fails.
#[test]
fn ip_control_packets_always_pass() {
    let mut sandbox = load(&[rule(ACL_DROP, ANY, "", "")]);
    for (frame, verdict) in super::acl::ip_control() {
        assert_eq!(
            sandbox.verdict(&frame.bytes),
            verdict,
            "{:02x?}",
            frame.bytes
        );
    }
    assert_eq!(sandbox.verdict(&ip4("10.0.0.1").tcp(22).bytes), DROP);
    assert_eq!(sandbox.verdict(&ip4("10.0.0.1").udp(67).bytes), DROP);
}

#[test]
fn first_matching_rule_decides() {
    check(
        &[
            rule(ACL_PASS, ANY, "10.11.0.7/255.255.255.255", ""),
            rule(ACL_DROP, ANY, NET4, ""),
            rule(ACL_PASS, ANY, NET4, ""),
        ],
        &[("10.11.0.7", PASS, Some(0)), ("10.11.0.8", DROP, Some(1))],
    );
}

#[test]
fn list_ends_at_the_first_empty_rule() {
    let list = [rule(ACL_END, ANY, NET4, NET6), rule(ACL_DROP, ANY, "", "")];
    check(&list, &[("10.11.0.1", PASS, None), ("fc00::1", PASS, None)]);
}

#[test]
fn unknown_action_passes() {
    check(&[rule(3, ANY, NET4, "")], &[("10.11.0.1", PASS, Some(0))]);
}

#[test]
fn rule_matches_only_its_families() {
    let four = ("10.11.0.1", DROP, Some(0));
    let six = ("fc00:dead:cafe:1::1", DROP, Some(0));
    let not_four = ("10.11.0.1", PASS, None);
    let not_six = ("fc00:dead:cafe:1::1", PASS, None);
    for (family, ip4, ip6, expected) in [
        (ANY, "", "", [four, six]),
        (ANY, NET4, "", [four, not_six]),
        (ANY, "", NET6, [not_four, six]),
        (ANY, NET4, NET6, [four, six]),
        (IPV4, "", "", [four, not_six]),
        (IPV4, NET4, NET6, [four, not_six]),
        (IPV4, "", NET6, [four, not_six]),
        (IPV6, "", "", [not_four, six]),
        (IPV6, NET4, NET6, [not_four, six]),
        (IPV6, NET4, "", [not_four, six]),
        (5, "", "", [not_four, not_six]),
    ] {
        check(&[rule(ACL_DROP, family, ip4, ip6)], &expected);
    }
}

/// A missing or wrong mask must not block all sources.
#[test]
fn network_bits_outside_the_mask_match_nothing() {
    for (ip4, ip6) in [
        ("10.11.0.1/0.0.0.0", ""),
        ("10.11.0.1/255.255.0.0", ""),
        ("", "fc00:dead:cafe:1::1/::"),
        ("", "fc00:dead:cafe:1::1/ffff:ffff:ffff:ffff::"),
    ] {
        check(
            &[rule(ACL_DROP, ANY, ip4, ip6)],
            &[
                ("10.11.0.1", PASS, None),
                ("10.11.0.0", PASS, None),
                ("fc00:dead:cafe:1::1", PASS, None),
                ("fc00:dead:cafe:1::", PASS, None),
            ],
        );
    }
}

/// Flips the last bit inside and the first bit outside each prefix.
#[test]
fn mask_compares_exactly_its_bits() {
    let mut sandbox = Sandbox::load("ordered");
    let mut check = |rule: &[u8], sources: [String; 3]| {
        sandbox.fill(0, rule);
        let frames = sources.each_ref().map(|source| from(source));
        let verdicts = sandbox.verdicts(&frames.each_ref().map(|frame| &frame.bytes[..]));
        assert_eq!(verdicts, [DROP, PASS, DROP], "{sources:?}");
    };
    for last in (0..32).map(|bit| 1_u32 << bit) {
        let (source, mask) = (0xc633_6407, !(last - 1));
        let addresses = [
            source & mask,
            mask,
            source,
            source ^ last,
            source ^ last >> 1,
        ];
        let [net, mask, sources @ ..] = addresses.map(|bits| Ipv4Addr::from(bits).to_string());
        check(&rule(ACL_DROP, ANY, &format!("{net}/{mask}"), ""), sources);
    }
    for last in (0..128).map(|bit| 1_u128 << bit) {
        let (source, mask) = (0x2001_0db8_89ab_cdef_0123_4567_89ab_cdef, !(last - 1));
        let addresses = [
            source & mask,
            mask,
            source,
            source ^ last,
            source ^ last >> 1,
        ];
        let [net, mask, sources @ ..] = addresses.map(|bits| Ipv6Addr::from(bits).to_string());
        check(&rule(ACL_DROP, ANY, "", &format!("{net}/{mask}")), sources);
    }
}

#[test]
fn all_128_rules_are_tried() {
    let mut rules = vec![rule(ACL_DROP, ANY, "192.0.2.0/255.255.255.0", ""); 127];
    rules.push(rule(ACL_DROP, ANY, NET4, ""));
    let mut sandbox = load(&rules);
    assert_eq!(sandbox.verdict(&from("10.11.0.1").bytes), DROP);
    assert_eq!(packets(&mut sandbox, 127), 1);
    assert_eq!(sandbox.verdict(&from("10.12.0.1").bytes), PASS);
}

/// A frame cut to any length is dropped exactly if its IP header is complete and
/// a rule drops its source. Options, fragments and tags change nothing.
#[test]
fn only_the_ip_header_decides() {
    let mut sandbox = load(&[
        rule(ACL_DROP, ANY, NET4, NET6),
        // Matches the source 0.0.0.0 if the program reads zeros after a cut frame.
        rule(ACL_DROP, ANY, "0.0.0.0/255.255.255.255", ""),
    ]);
    for (source4, source6, dropped) in [
        ("10.11.0.1", "fc00:dead:cafe:1::1", true),
        ("10.12.0.1", "fc00:dead:cafe:2::1", false),
    ] {
        let (four, six) = (|| ip4(source4), || ip6(source6));
        for frame in [
            four().udp(53),
            four().options(10).tcp(53),
            four().fragment4(0x00b9).carrying(UDP, &[0; 8]),
            four().tag(ETH_P_8021Q).udp(53),
            four()
                .tag(ETH_P_8021AD)
                .tag(ETH_P_8021Q)
                .carrying(ICMP, &[8; 8]),
            four()
                .tag(ETH_P_QINQ1)
                .tag(ETH_P_8021Q)
                .tag(ETH_P_8021Q)
                .pppoe()
                .udp(53),
            four()
                .tag(ETH_P_8021Q)
                .tag(ETH_P_8021Q)
                .tag(ETH_P_8021Q)
                .tag(ETH_P_8021Q)
                .udp(53)
                .unseen(),
            four().udp(53).with(14, 0x44).unseen(),
            six().udp(53),
            six()
                .extension(HOP_BY_HOP, 1)
                .fragment6(9, true)
                .carrying(UDP, &[0; 8]),
            six()
                .tag(ETH_P_8021AD)
                .tag(ETH_P_8021Q)
                .carrying(ESP, &[0; 16]),
            six().udp(53).with(14, 0x40).unseen(),
        ] {
            let cuts = frame.cuts();
            let is_dropped = |cut: &&[u8]| dropped && cut.len() >= frame.ip_end;
            let expected: Vec<u32> = cuts
                .iter()
                .map(|cut| if is_dropped(cut) { DROP } else { PASS })
                .collect();
            assert_eq!(sandbox.verdicts(&cuts), expected, "{:02x?}", frame.bytes);
        }
    }
}

#[test]
fn concurrent_cpus_lose_no_count() {
    let mut sandbox = load(&[rule(ACL_DROP, ANY, NET4, "")]);
    sandbox.flood(&from("10.11.0.1").bytes, 1_000_000, 4);
    assert_eq!(packets(&mut sandbox, 0), 4_000_000);
}
