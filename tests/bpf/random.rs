//! Random packets: valid frames of every shape, some with changed or missing bytes. The same seed gives the same packets.

use support::objects::random::Random;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::kernel::Ran;
use support::packets::message::{cookie, query};
use support::packets::number;

/// Number of packets for each program.
pub(crate) fn packets() -> u32 {
    number(100_000)
}

/// Compares the program with its model for random queries and responses. Each verdict must occur often.
pub(crate) fn compare(filter: &Filter, seed: u64, expected_of: impl Fn(&[u8]) -> Ran) {
    let mut random = Random(seed);
    let mut counts = [0; 4];
    for _ in 0..packets() {
        let message = message(&mut random);
        let frame = frame(&mut random, &message);
        let ran = filter.run(&frame);
        assert_eq!(ran, expected_of(&frame), "{frame:02x?}");
        counts[ran.verdict as usize] += 1;
    }
    assert!(counts[1..].iter().all(|count| *count > 1000), "{counts:?}");
}

/// Source addresses of random packets.
pub(crate) const SOURCES4: [&str; 6] = [
    "10.0.0.1",
    "10.1.2.3",
    "198.51.100.7",
    "198.51.100.200",
    "203.0.113.9",
    "255.255.255.255",
];
pub(crate) const SOURCES6: [&str; 5] = [
    "2001:db8::1",
    "2001:db8:bad:1::5",
    "fe80::1",
    "::",
    "::ffff:10.0.0.1",
];
const PORTS: [u16; 8] = [53, 53, 53, 22, 67, 547, 443, 0];

/// A UDP packet with `payload`, or a packet of another protocol; some frames have changed or missing bytes.
pub(crate) fn frame(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let mut bytes = valid(random, payload).bytes;
    for _ in 0..[0, 0, 0, 1, 1, 3][random.below(6)] {
        let at = random.below(bytes.len());
        bytes[at] = damaged(random, bytes[at]);
    }
    if random.below(8) == 0 {
        bytes.truncate(14 + random.below(bytes.len() - 13));
    }
    bytes
}

fn damaged(random: &mut Random, byte: u8) -> u8 {
    let any = u8::try_from(random.below(256)).unwrap();
    match random.below(4) {
        0 => byte ^ (1 << (any & 7)),
        1 => 0,
        2 => 0xff,
        _ => any,
    }
}

fn valid(random: &mut Random, payload: &[u8]) -> Frame {
    let mut packet = if random.below(2) == 0 {
        let mut packet = ip4(SOURCES4[random.below(SOURCES4.len())]);
        if random.below(6) == 0 {
            packet = packet.options(u8::try_from(random.below(11)).unwrap());
        }
        if random.below(8) == 0 {
            packet = packet.fragment4([0x2000, 0x4000, 0x2001, 0x00b9, 0x8000][random.below(5)]);
        }
        packet
    } else {
        let packet = ip6(SOURCES6[random.below(SOURCES6.len())]);
        let count = [0, 0, 0, 0, 1, 2, 6, 7][random.below(8)];
        (0..count).fold(packet, |packet, _| extended(random, packet))
    };
    for _ in 0..[0, 0, 0, 1, 2, 3, 4][random.below(7)] {
        packet = packet.tag([ETH_P_8021Q, ETH_P_8021AD, ETH_P_QINQ1][random.below(3)]);
    }
    if random.below(6) == 0 {
        packet = packet.pppoe();
    }
    let port = PORTS[random.below(PORTS.len())];
    let kind = 130 + u8::try_from(random.below(10)).unwrap();
    match random.below(9) {
        0 => packet.tcp(port),
        1 => packet
            .hops([64, 255][random.below(2)])
            .carrying(ICMPV6, &[kind; 24]),
        2 => packet
            .hops([1, 2][random.below(2)])
            .carrying(IGMP, &[0x11; 8]),
        3 => packet.udp(port),
        _ => packet.datagram(port, payload),
    }
}

fn extended(random: &mut Random, packet: Packet) -> Packet {
    let more = u8::try_from(random.below(3)).unwrap();
    match random.below(5) {
        0 => packet.extension(HOP_BY_HOP, more),
        1 => packet.extension(ROUTING, more),
        2 => packet.fragment6([0, 0, 1][random.below(3)], random.below(2) == 0),
        3 => packet.authentication(1 + 2 * more),
        _ => packet.extension(DESTINATION, more),
    }
}

/// Names of queries; some share a suffix.
pub(crate) const NAMES: [&str; 15] = [
    "www.example",
    "ads.example",
    "x.y.ADS.Example",
    "example",
    "badads.example",
    "www.gone.example",
    "very.good.ads.example",
    "flood.example",
    "empty.example",
    "x.tcp.example",
    "wild.example",
    "x.old.wild.example",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.ads.example",
    "an-unusually-long-label-of-a-name-that-is-fifty-letters.of.ads.example",
    "",
];

/// A DNS query, or a message that differs from a query in a few bytes.
pub(crate) fn message(random: &mut Random) -> Vec<u8> {
    let kind = [1, 28, 255, 255, 16, 16, 10, 65, 251, 4096][random.below(10)];
    let mut message = query(NAMES[random.below(NAMES.len())], kind);
    if random.below(8) == 0 {
        message = message.class([3, 255, 4][random.below(3)]);
    }
    if kind == 251 && random.below(2) == 0 {
        let owner = [&[0xc0, 0x0c][..], &[0], &[7]][random.below(3)];
        message = message.with(9, 1).followed_by(owner);
        message = message.followed_by(&[0, 6, 0, 1, 0, 0, 14, 16, 0, 6, 1, 2, 3, 4, 5, 6]);
    }
    if random.below(2) == 0 {
        let size = u8::try_from(random.below(48)).unwrap();
        let options = if random.below(2) == 0 {
            cookie(size)
        } else {
            Vec::new()
        };
        message = message.edns([0, 512, 1232, 4096, 65535][random.below(5)], &options);
    }
    let mut bytes = message.bytes;
    if random.below(3) == 0 {
        let at = random.below(bytes.len());
        bytes[at] = damaged(random, bytes[at]);
    }
    if random.below(16) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}
