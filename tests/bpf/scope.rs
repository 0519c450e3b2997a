//! The packets that each scope judges. Limits and default actions here drop every packet that they apply to.

use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

use super::dns::total;

/// A limit that admits nothing.
const FULL: &str = "rate=1 bucket.full=9000000000000000000";

/// A program that drops every packet that it judges under `settings`.
pub(super) fn strict(program: &str, settings: &str) -> Filter {
    let limit = format!("::/0 {FULL}");
    let limits = format!("@limits {limit}");
    let unlisted = format!("@settings 0 unlisted=ACL_DROP {settings}");
    let limited = format!("@settings 0 {settings}");
    match program {
        "acl" => Filter::load(program, &[&unlisted]),
        "limit" => Filter::load(program, &[&limit, &limited]),
        "guard" => Filter::load(program, &[&limits, &unlisted]),
        // Without an access list, the limits of `guard` decide.
        "guard's limits" => Filter::load("guard", &[&limits, &limited]),
        _ => Filter::load(program, &[&limited]),
    }
}

pub(super) const PROGRAMS: [&str; 4] = ["acl", "limit", "guard", "guard's limits"];

/// The packet over IPv4 and over IPv6, each with its name.
pub(super) fn both(name: &'static str, of: impl Fn(Packet) -> Frame) -> Vec<(&'static str, Frame)> {
    vec![
        (name, of(ip4("203.0.113.9"))),
        (name, of(ip6("2001:db8::9"))),
    ]
}

/// Ordinary packets that are not to the DNS server.
fn other_packets() -> Vec<(&'static str, Frame)> {
    let mut frames = Vec::new();
    for (name, protocol, from, to) in [
        ("a download", TCP, 443, 50_000),
        ("a request", TCP, 50_000, 443),
        ("forwarded UDP", UDP, 50_000, 443),
        ("QUIC", UDP, 443, 50_000),
        ("DNS over TLS", TCP, 50_000, 853),
        ("a server that listens on a low port", UDP, 53, 1023),
        ("NTP", UDP, 123, 123),
        ("mDNS", UDP, 5353, 5353),
        ("no ports", UDP, 0, 0),
    ] {
        frames.extend(both(name, |packet| packet.between(protocol, from, to)));
    }
    frames.extend(both("ESP", |packet| packet.carrying(ESP, &[0; 20])));
    frames.push(("ping", ip4("203.0.113.9").carrying(ICMP, &[8; 8])));
    frames.push(("ping", ip6("2001:db8::9").carrying(ICMPV6, &[128; 8])));
    let next = ip4("203.0.113.9").fragment4(0x00b9).udp(53);
    frames.push(("the next fragment", next));
    let next = ip6("2001:db8::9").fragment6(9, true).udp(53);
    frames.push(("the next fragment", next));
    frames
}

/// Packets that pass in every scope.
fn management() -> Vec<(&'static str, Frame)> {
    let mut frames = both("ssh", |packet| packet.between(TCP, 50_000, 22));
    for (from, to) in [(68, 67), (67, 68), (547, 546), (546, 547)] {
        frames.extend(both("DHCP", |packet| packet.between(UDP, from, to)));
    }
    let errors = [3, 11, 12].map(|kind| ip4("203.0.113.9").carrying(ICMP, &[kind; 8]));
    frames.extend(errors.map(|frame| ("an ICMP error", frame)));
    let errors = [1, 2, 3, 4].map(|kind| ip6("2001:db8::9").carrying(ICMPV6, &[kind; 8]));
    frames.extend(errors.map(|frame| ("an ICMPv6 error", frame)));
    let solicit = ip6("2001:db8::9").hops(255).carrying(ICMPV6, &[135; 24]);
    frames.push(("neighbour discovery", solicit));
    let report = ip6("fe80::9").extension(HOP_BY_HOP, 0);
    frames.push((
        "IGMP",
        ip4("203.0.113.9").hops(1).carrying(IGMP, &[0x16; 8]),
    ));
    frames.push(("MLD", report.hops(1).carrying(ICMPV6, &[143; 24])));
    frames
}

/// Answers of upstream servers.
pub(super) fn replies() -> Vec<(&'static str, Frame)> {
    let mut frames = both("over UDP", |packet| packet.between(UDP, 53, 40_000));
    frames.extend(both("over TCP", |packet| packet.between(TCP, 53, 1024)));
    frames
}

/// Packets to the server.
fn queries() -> Vec<(&'static str, Frame)> {
    let asked = query("www.example", 1).bytes;
    let mut frames = both("over UDP", |packet| packet.datagram(53, &asked));
    frames.extend(both("over TCP", |packet| packet.tcp(53)));
    frames.extend(both("behind tags and PPPoE", |packet| {
        packet
            .tag(ETH_P_QINQ1)
            .tag(ETH_P_8021Q)
            .tag(ETH_P_8021Q)
            .pppoe()
            .tcp(53)
    }));
    frames
}

/// Each frame must get `verdict` and add to the total `counted`.
pub(super) fn expect(
    program: &str,
    filter: &Filter,
    frames: &[(&str, Frame)],
    verdict: u32,
    counted: &str,
) {
    let before = total(filter, counted);
    for (name, frame) in frames {
        let got = filter.verdict(&frame.bytes);
        assert_eq!(got, verdict, "{program}: {name}: {:02x?}", frame.bytes);
    }
    let count = total(filter, counted) - before;
    assert_eq!(count, frames.len() as u64, "{program}: {counted}");
}

/// Name of the total of packets that a [`strict`] program drops.
fn dropped(program: &str) -> &'static str {
    match program {
        "guard" => "denied",
        "guard's limits" => "limited",
        _ => "dropped",
    }
}

#[test]
fn by_default_only_packets_to_the_server_are_judged() {
    for program in PROGRAMS {
        for settings in [
            "",
            "scope=SCOPE_DNS",
            "manage=true",
            "replies=REPLIES_JUDGE",
        ] {
            let filter = strict(program, settings);
            expect(program, &filter, &other_packets(), PASS, "other");
            expect(program, &filter, &replies(), PASS, "other");
            expect(program, &filter, &queries(), DROP, dropped(program));
            let counted = if settings == "manage=true" {
                "other"
            } else {
                "management"
            };
            expect(program, &filter, &management(), PASS, counted);
            let arp = [("ARP", Frame::raw(ETH_P_ARP, &[0; 28]))];
            expect(program, &filter, &arp, PASS, "other");
        }
    }
}

#[test]
fn with_scope_all_only_replies_and_management_pass() {
    for program in PROGRAMS {
        let filter = strict(program, "scope=SCOPE_ALL");
        expect(program, &filter, &other_packets(), DROP, dropped(program));
        expect(program, &filter, &queries(), DROP, dropped(program));
        expect(program, &filter, &replies(), PASS, "replies");
        expect(program, &filter, &management(), PASS, "management");
        let filter = strict(program, "scope=SCOPE_ALL replies=REPLIES_JUDGE manage=true");
        expect(program, &filter, &replies(), DROP, dropped(program));
        expect(program, &filter, &management(), DROP, dropped(program));
        let filter = strict(program, "scope=SCOPE_ALL monitor=true");
        expect(program, &filter, &other_packets(), PASS, dropped(program));
    }
}

/// A limit of one packet per second must not drop packets of a download.
#[test]
fn source_limits_apply_only_to_packets_to_the_server() {
    for (program, line) in [
        ("limit", "::/0 source_rate=1"),
        ("guard", "@limits ::/0 source_rate=1"),
        ("dns", "@settings 0 rate=1"),
    ] {
        let asked = query("www.example", 1).bytes;
        let asked = ip4("203.0.113.9").datagram(53, &asked).bytes;
        let verdicts = Filter::before_a_token(program, &[line], |filter| {
            for frames in [other_packets(), replies(), management()] {
                for (name, frame) in frames {
                    assert_eq!(filter.verdict(&frame.bytes), PASS, "{program}: {name}");
                }
            }
            [(); 2].map(|()| filter.run(&asked).verdict)
        });
        assert_eq!(verdicts[0], PASS, "{program}");
        assert_ne!(verdicts[1], PASS, "{program}");
    }
}

/// `dns` and `qname` have no setting `scope`.
#[test]
fn dns_and_qname_judge_only_packets_to_the_server() {
    for (program, line) in [
        ("dns", "1 action=DNS_DROP"),
        ("qname", "example action=QNAME_DROP"),
    ] {
        let filter = Filter::load(program, &[line]);
        let tcp = both("TCP to the server", |packet| packet.tcp(53));
        for frames in [other_packets(), management(), tcp] {
            expect(program, &filter, &frames, PASS, "other");
        }
        expect(program, &filter, &replies(), PASS, "other");
        let queries = [&queries()[0], &queries()[1]].map(Clone::clone);
        expect(program, &filter, &queries, DROP, "dropped");
    }
}

#[test]
fn settings_name_the_ports_of_the_server() {
    for program in PROGRAMS {
        for (port, is_server) in [(5353, true), (8053, true), (53, false), (0, false)] {
            let settings = "port[0]=5353 port[3]=8053";
            let filter = strict(program, settings);
            let frames: Vec<_> = both("", |packet| packet.tcp(port));
            let (verdict, counted) = if is_server {
                (DROP, dropped(program))
            } else {
                (PASS, "other")
            };
            expect(program, &filter, &frames, verdict, counted);
        }
    }
}

/// An entry without protocol and port applies to all packets of its source.
#[test]
fn access_list_applies_in_every_scope() {
    for (program, counted) in [("acl", "dropped"), ("guard", "denied")] {
        for settings in ["@settings 0 scope=SCOPE_DNS", "@settings 0 scope=SCOPE_ALL"] {
            let all = ["203.0.113.9 action=ACL_DROP", "2001:db8::9 action=ACL_DROP"];
            let filter = Filter::load(program, &[settings, all[0], all[1]]);
            for frames in [other_packets(), replies(), queries()] {
                expect(program, &filter, &frames, DROP, counted);
            }
            expect(program, &filter, &management(), PASS, "management");
            let narrow = "203.0.113.9 action=ACL_DROP protocol=ACL_UDP port=443";
            let filter = Filter::load(program, &[settings, narrow]);
            let quic = ip4("203.0.113.9").between(UDP, 50_000, 443);
            expect(program, &filter, &[("the named port", quic)], DROP, counted);
            let download = ip4("203.0.113.9").between(TCP, 443, 50_000);
            assert_eq!(filter.verdict(&download.bytes), PASS);
        }
    }
}
