//! Headers of packets as `corexdp::packet` reads them from the first bytes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use corexdp::object::LinkHeader;
use corexdp::packet::{Class, EtherType, Opcode, Packet, Protocol, Rcode, RecordType, TcpFlags};
use support::packets::frame::{
    self, DESTINATION, ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_PPP_SES, Frame, HOP_BY_HOP,
    ICMP, ICMPV6, ROUTING, TCP, UDP, ip4, ip6,
};
use support::packets::message::query;

const AAAA: u16 = 28;

fn parse(frame: &Frame) -> Packet<'_> {
    Packet::parse(&frame.bytes, LinkHeader::Ethernet)
}

/// Source, destination, protocol and ports in one text.
fn summary(packet: &Packet<'_>) -> String {
    let address = |address: Option<std::net::IpAddr>| address.unwrap().to_string();
    format!(
        "{} {} {} {:?} {:?}",
        address(packet.source),
        address(packet.destination),
        packet.protocol.unwrap(),
        packet.source_port,
        packet.destination_port
    )
}

/// The question in words: name, type and class.
fn question(packet: &Packet<'_>) -> String {
    let question = packet.dns.unwrap().question.unwrap();
    format!("{} {:?} {:?}", question.name, question.kind, question.class)
}

#[test]
fn addresses_and_ports_are_read_behind_every_header() {
    let six = || ip6("2001:db8::7");
    let four = || ip4("203.0.113.7");
    let [from_4, from_6] = [
        "203.0.113.7 192.0.2.53 UDP Some(40000) Some(53)",
        "2001:db8::7 2001:db8::53 UDP Some(40000) Some(53)",
    ];
    for (packet, expected) in [
        (four(), from_4),
        (four().options(10), from_4),
        (four().tag(ETH_P_8021Q), from_4),
        (four().pppoe(), from_4),
        (four().fragment4(0x4000), from_4),
        (six(), from_6),
        (six().tag(ETH_P_8021AD).tag(ETH_P_8021Q).pppoe(), from_6),
        (six().extension(HOP_BY_HOP, 1), from_6),
        (
            six().extension(ROUTING, 0).extension(DESTINATION, 2),
            from_6,
        ),
        (six().authentication(3).fragment6(0, false), from_6),
    ] {
        let frame = packet.datagram(53, &query("www.example", AAAA).bytes);
        let packet = parse(&frame);
        assert_eq!(summary(&packet), expected);
        assert!(!packet.is_fragment);
        let expected = "www.example Some(RecordType(28)) Some(Class(1))";
        assert_eq!(question(&packet), expected);
    }
}

#[test]
fn packets_without_ethernet_header_are_read() {
    for packet in [ip4("203.0.113.7"), ip6("2001:db8::7")] {
        let frame = packet.datagram(53, &query("www.example", AAAA).bytes);
        let whole = parse(&frame);
        assert_eq!(
            Packet::parse(&frame.bytes[14..], LinkHeader::Ip),
            whole.clone()
        );
        // The version must be 4 or 6.
        assert_eq!(
            Packet::parse(&frame.bytes, LinkHeader::Ip),
            Packet::default()
        );
    }
}

#[test]
fn tags_and_other_protocols_are_read() {
    let tagged = ip4("203.0.113.7")
        .tag(ETH_P_8021AD)
        .tag(ETH_P_8021Q)
        .tag(ETH_P_8021Q);
    let fourth = ip4("203.0.113.7")
        .tag(ETH_P_8021Q)
        .tag(ETH_P_8021Q)
        .tag(ETH_P_8021Q)
        .tag(ETH_P_8021Q);
    assert_eq!(parse(&tagged.udp(53)).vlans[..], [10, 11, 12]);
    let frame = fourth.udp(53);
    let packet = parse(&frame);
    assert_eq!(
        (packet.vlans.len(), packet.ethertype, packet.source),
        (3, Some(EtherType(ETH_P_8021Q)), None)
    );
    for ethertype in [ETH_P_ARP, ETH_P_PPP_SES, 0x0800, 0x86dd] {
        let frame = Frame::raw(ethertype, &[0; 40]);
        let expected = Packet {
            ethertype: Some(EtherType(ethertype)),
            ..Packet::default()
        };
        assert_eq!(parse(&frame), expected);
    }
}

#[test]
fn version_must_be_that_of_the_ethertype() {
    let frame = ip4("203.0.113.7").udp(53);
    for (ethertype, is_read) in [(0x0800, true), (0x86dd, false)] {
        let frame = Frame::raw(ethertype, &frame.bytes[14..]);
        assert_eq!(parse(&frame).source.is_some(), is_read);
    }
}

#[test]
fn flags_of_tcp_and_types_of_icmp_are_read() {
    let frame = ip4("203.0.113.7").tcp(443).with(14 + 20 + 13, 0x12);
    assert_eq!(parse(&frame).tcp_flags, Some(TcpFlags(0x12)));
    let frame = ip4("203.0.113.7").carrying(ICMP, &[3, 1, 0, 0]);
    assert_eq!(parse(&frame).icmp_type, Some(3));
    let frame = ip6("2001:db8::7").carrying(ICMPV6, &[128, 0, 0, 0]);
    assert_eq!(parse(&frame).icmp_type, Some(128));
    let frame = ip6("2001:db8::7").carrying(frame::ESP, &[0; 8]);
    let packet = parse(&frame);
    let expected = (Some(Protocol(50)), None);
    assert_eq!((packet.protocol, packet.source_port), expected);
}

#[test]
fn only_the_first_fragment_has_ports() {
    let message = query("www.example", AAAA).bytes;
    for first in [
        ip4("203.0.113.7").fragment4(0x2000),
        ip6("2001:db8::7").fragment6(0, true),
    ] {
        let frame = first.datagram(53, &message);
        let packet = parse(&frame);
        let port = packet.destination_port;
        assert_eq!((packet.is_fragment, port), (true, Some(53)));
        assert!(packet.dns.is_some());
    }
    for later in [
        ip4("203.0.113.7").fragment4(0x0001),
        ip6("2001:db8::7").fragment6(1, false),
    ] {
        let frame = later.datagram(53, &message);
        let packet = parse(&frame);
        assert_eq!((packet.is_fragment, packet.source_port), (true, None));
        assert_eq!(packet.protocol, Some(Protocol::UDP));
        assert_eq!(packet.dns, None);
    }
}

#[test]
fn dns_is_read_at_port_53_only() {
    let message = query("www.example", AAAA).bytes;
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(&message);
    let udp = |from: u16, to: u16| {
        let mut payload = [from.to_be_bytes(), to.to_be_bytes(), [0, 0], [0, 0]].concat();
        payload.extend(&message);
        ip4("203.0.113.7").carrying(UDP, &payload)
    };
    let tcp = |payload: &[u8]| {
        let mut header = vec![0x9c, 0x40, 0, 53, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0x18];
        // A header with an option of 4 bytes.
        header.resize(24, 0);
        header.extend(payload);
        ip4("203.0.113.7").carrying(TCP, &header)
    };
    for frame in [udp(40_000, 53), udp(53, 40_000), tcp(&framed)] {
        assert_eq!(parse(&frame).dns.unwrap().id, 0xbeef);
    }
    for frame in [udp(40_000, 5353), tcp(&[]), tcp(&[0, 4, 1, 2, 3, 4])] {
        assert_eq!(parse(&frame).dns, None);
    }
}

#[test]
fn flags_and_counts_of_dns_are_read() {
    let message = query("www.example", AAAA).with(2, 0xaf).with(3, 0x83);
    let frame = ip4("203.0.113.7").datagram(53, &message.edns(1232, &[]).bytes);
    let dns = parse(&frame).dns.unwrap();
    assert!(dns.is_response() && dns.is_authoritative() && dns.is_truncated());
    assert!(dns.recursion_desired() && dns.recursion_available());
    assert_eq!((dns.opcode(), dns.rcode()), (Opcode(5), Rcode(3)));
    assert_eq!(dns.counts, [1, 0, 0, 1]);

    let plain = query("www.example", AAAA).with(2, 0);
    let frame = ip4("203.0.113.7").datagram(53, &plain.bytes);
    let dns = parse(&frame).dns.unwrap();
    assert!(!dns.is_response() && !dns.is_authoritative() && !dns.is_truncated());
    assert!(!dns.recursion_desired() && !dns.recursion_available());
    assert_eq!((dns.opcode(), dns.rcode()), (Opcode::QUERY, Rcode(0)));

    let none = query("www.example", AAAA).with(5, 0);
    let frame = ip4("203.0.113.7").datagram(53, &none.bytes);
    assert_eq!(parse(&frame).dns.unwrap().question, None);
}

#[test]
fn question_that_ends_early_has_the_parts_before() {
    let message = query("www.example", AAAA).bytes;
    let frame = ip4("203.0.113.7").datagram(53, &message);
    let end = frame.bytes.len();
    let cut = |missing: usize| Packet::parse(&frame.bytes[..end - missing], LinkHeader::Ethernet);
    assert_eq!(question(&cut(1)), "www.example Some(RecordType(28)) None");
    assert_eq!(question(&cut(3)), "www.example None None");
    assert_eq!(question(&cut(6)), "www.exampl None None");
    assert!(cut(6).dns.unwrap().question.unwrap().name.is_cut());
    assert_eq!(cut(17).dns.unwrap().question, None);
    assert_eq!(cut(18).dns, None);
    let whole = cut(0).dns.unwrap().question.unwrap();
    assert_eq!(
        (whole.kind, whole.class),
        (Some(RecordType(AAAA)), Some(Class::IN))
    );
}

#[test]
fn padding_is_not_part_of_the_packet() {
    let mut frame = ip4("203.0.113.7").carrying(
        TCP,
        &[
            0x9c, 0x40, 0, 53, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0,
        ],
    );
    let expected = parse(&frame.clone()).destination_port;
    frame.bytes.extend([0xff; 40]);
    let packet = parse(&frame);
    assert_eq!((packet.destination_port, packet.dns), (expected, None));
}
