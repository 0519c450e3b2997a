//! `count`: every frame passes, and adds to the counter of its protocol.

use support::packets::frame::*;
use support::packets::sandbox::{PASS, Sandbox};

/// Keys of `enum traffic` in `bpf/count.bpf.c`.
const OTHER: usize = 0;
const ARP: usize = 1;
const IP4_TCP: usize = 2;
const IP4_UDP: usize = 3;
const IP4_ICMP: usize = 4;
const IP4_OTHER: usize = 5;
const IP6_TCP: usize = 6;
const IP6_UDP: usize = 7;
const IP6_ICMP: usize = 8;
const IP6_OTHER: usize = 9;
const DNS_TCP: usize = 10;
const DNS_UDP: usize = 11;
const KINDS: usize = 12;

struct Case {
    name: &'static str,
    frame: Frame,
    traffic: usize,
    dns: Option<usize>,
}

fn case(name: &'static str, frame: Frame, traffic: usize) -> Case {
    let dns = None;
    Case {
        name,
        frame,
        traffic,
        dns,
    }
}

/// A frame that also adds to a counter of DNS.
fn dns(name: &'static str, frame: Frame, traffic: usize) -> Case {
    let dns = match traffic {
        IP4_TCP | IP6_TCP => DNS_TCP,
        _ => DNS_UDP,
    };
    Case {
        dns: Some(dns),
        ..case(name, frame, traffic)
    }
}

fn over_ip4() -> Vec<Case> {
    let four = || ip4("192.0.2.1");
    let from_53 = four().carrying(UDP, &[0, 53, 0x9c, 0x40, 0, 8, 0, 0]);
    let esp_53 = four().carrying(ESP, &[0, 0, 0, 53, 0, 0, 0, 1]);
    let qinq = || four().tag(ETH_P_8021AD).tag(ETH_P_8021Q);
    let damaged = |byte| four().udp(53).with(14, byte).unseen();
    vec![
        case("UDP", four().udp(5353), IP4_UDP),
        case("TCP", four().tcp(443), IP4_TCP),
        case("ICMP", four().carrying(ICMP, &[8; 8]), IP4_ICMP),
        case("ICMPv6", four().carrying(ICMPV6, &[8; 8]), IP4_OTHER),
        case("ESP like port 53", esp_53, IP4_OTHER),
        dns("DNS over UDP", four().udp(53), IP4_UDP),
        dns("DNS over TCP", four().tcp(53), IP4_TCP),
        case("UDP from port 53", from_53, IP4_UDP),
        dns("an option", four().options(1).udp(53), IP4_UDP),
        dns("most options", four().options(10).tcp(53), IP4_TCP),
        dns("whole", four().fragment4(0x4000).udp(53), IP4_UDP),
        dns("first fragment", four().fragment4(0x2000).udp(53), IP4_UDP),
        case("next fragment", four().fragment4(0x2001).udp(53), IP4_UDP),
        case("last fragment", four().fragment4(0x1000).udp(53), IP4_UDP),
        dns("VLAN", four().tag(ETH_P_8021Q).udp(53), IP4_UDP),
        dns("802.1ad", four().tag(ETH_P_8021AD).tcp(53), IP4_TCP),
        dns("QinQ", qinq().options(3).udp(53), IP4_UDP),
        dns("three tags", qinq().tag(ETH_P_QINQ1).udp(53), IP4_UDP),
        case(
            "four tags",
            qinq().tag(ETH_P_8021Q).tag(ETH_P_8021Q).udp(53).unseen(),
            OTHER,
        ),
        dns("PPPoE", four().pppoe().udp(53), IP4_UDP),
        dns(
            "three tags and PPPoE",
            qinq().tag(ETH_P_8021Q).pppoe().options(10).tcp(53),
            IP4_TCP,
        ),
        case(
            "IPv6 by PPP",
            four().pppoe().udp(53).with(21, 0x57).unseen(),
            OTHER,
        ),
        case("version 5", damaged(0x55), OTHER),
        case("version 6", damaged(0x65), OTHER),
        case("a header of 16 bytes", damaged(0x44), OTHER),
    ]
}

fn over_ip6() -> Vec<Case> {
    let six = || ip6("2001:db8::1");
    let qinq = || six().tag(ETH_P_8021AD).tag(ETH_P_8021Q);
    let five_extensions = || {
        six()
            .extension(HOP_BY_HOP, 0)
            .extension(DESTINATION, 2)
            .extension(ROUTING, 4)
            .fragment6(0, true)
            .authentication(3)
    };
    let six_extensions = || five_extensions().extension(DESTINATION, 1);
    let seven_extensions = || six_extensions().extension(DESTINATION, 0);
    vec![
        case("UDP", six().udp(5353), IP6_UDP),
        case("TCP", six().tcp(443), IP6_TCP),
        case("ICMPv6", six().carrying(ICMPV6, &[135; 24]), IP6_ICMP),
        case("ICMP", six().carrying(ICMP, &[8; 8]), IP6_OTHER),
        case("ESP", six().carrying(ESP, &[0; 16]), IP6_OTHER),
        case("no next header", six().carrying(59, &[]), IP6_OTHER),
        dns("DNS over UDP", six().udp(53), IP6_UDP),
        dns("DNS over TCP", six().tcp(53), IP6_TCP),
        dns(
            "hop by hop",
            six().extension(HOP_BY_HOP, 0).udp(53),
            IP6_UDP,
        ),
        dns(
            "longest",
            six().extension(DESTINATION, 255).tcp(53),
            IP6_TCP,
        ),
        dns("authentication", six().authentication(5).udp(53), IP6_UDP),
        dns("first fragment", six().fragment6(0, true).udp(53), IP6_UDP),
        dns("atomic", six().fragment6(0, false).udp(53), IP6_UDP),
        case("next fragment", six().fragment6(1, true).udp(53), IP6_UDP),
        case("last", six().fragment6(0x1000, false).tcp(53), IP6_TCP),
        dns("five extensions", five_extensions().udp(53), IP6_UDP),
        dns("six extensions", six_extensions().tcp(53), IP6_TCP),
        case(
            "seven extensions",
            seven_extensions().tcp(53).unseen_protocol(),
            IP6_OTHER,
        ),
        dns("VLAN", six().tag(ETH_P_8021Q).udp(53), IP6_UDP),
        dns("QinQ", qinq().authentication(1).udp(53), IP6_UDP),
        dns("PPPoE", six().pppoe().udp(53), IP6_UDP),
        dns(
            "three tags and PPPoE",
            qinq().tag(ETH_P_QINQ1).pppoe().authentication(1).udp(53),
            IP6_UDP,
        ),
        case("version 4", six().udp(53).with(14, 0x40).unseen(), OTHER),
    ]
}

/// An LCP echo request in a `PPPoE` session.
const LCP: [u8; 16] = [0x11, 0, 0, 1, 0, 10, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0];

fn no_ip() -> Vec<Case> {
    vec![
        case("ARP", Frame::raw(ETH_P_ARP, &[0; 28]), ARP),
        case("MPLS", Frame::raw(0x8847, &[0x45; 40]), OTHER),
        case("PPPoE discovery", Frame::raw(0x8863, &[0x11; 40]), OTHER),
        case("LCP", Frame::raw(ETH_P_PPP_SES, &LCP), OTHER),
        case("IEEE 802.3", Frame::raw(38, &[0x45; 38]), OTHER),
        case("no IP header", Frame::raw(ETH_P_IP, &[]), OTHER),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    no_ip().into_iter().chain(over_ip4()).chain(over_ip6())
}

/// Packets and bytes of each counter.
type Counters = [(u64, u64); KINDS];

fn counters(sandbox: &mut Sandbox) -> Counters {
    let values = sandbox.values();
    assert_eq!(values.len(), KINDS);
    std::array::from_fn(|kind| {
        let (packets, bytes) = values[kind].split_at(8);
        (number(packets), number(bytes))
    })
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

/// Adds a frame of `length` bytes to the expected counters.
fn expect(expected: &mut Counters, length: usize, traffic: usize, dns: Option<usize>) {
    for kind in [Some(traffic), dns].into_iter().flatten() {
        expected[kind].0 += 1;
        expected[kind].1 += length as u64;
    }
}

#[test]
fn frames_are_counted_by_protocol() {
    let mut sandbox = Sandbox::load("count");
    let mut expected = Counters::default();
    for case in cases() {
        let bytes = &case.frame.bytes;
        assert_eq!(sandbox.verdict(bytes), PASS, "{}", case.name);
        expect(&mut expected, bytes.len(), case.traffic, case.dns);
        assert_eq!(counters(&mut sandbox), expected, "{}", case.name);
    }
}

/// Counters that the frame of the case adds to when cut to `length` bytes.
fn cut(case: &Case, length: usize) -> (usize, Option<usize>) {
    let traffic = match case.traffic {
        ARP => ARP,
        _ if length < case.frame.ip_end => OTHER,
        IP6_TCP..=IP6_OTHER if length < case.frame.protocol_end => IP6_OTHER,
        whole => whole,
    };
    (traffic, case.dns.filter(|_| length >= case.frame.port_end))
}

#[test]
fn truncated_frames_count_by_their_remaining_headers() {
    let mut sandbox = Sandbox::load("count");
    let mut expected = Counters::default();
    for case in cases() {
        let cuts = case.frame.cuts();
        for bytes in &cuts {
            let (traffic, dns) = cut(&case, bytes.len());
            expect(&mut expected, bytes.len(), traffic, dns);
        }
        let verdicts = sandbox.verdicts(&cuts);
        assert_eq!(verdicts, vec![PASS; cuts.len()], "{}", case.name);
        assert_eq!(counters(&mut sandbox), expected, "{}", case.name);
    }
}

#[test]
fn concurrent_cpus_lose_no_count() {
    let mut sandbox = Sandbox::load("count");
    let frame = ip4("192.0.2.1").udp(53);
    sandbox.flood(&frame.bytes, 1_000_000, 4);
    let mut expected = Counters::default();
    let all = (4_000_000, 4_000_000 * frame.bytes.len() as u64);
    expected[IP4_UDP] = all;
    expected[DNS_UDP] = all;
    assert_eq!(counters(&mut sandbox), expected);
}
