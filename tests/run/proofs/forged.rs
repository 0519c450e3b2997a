//! Segments with forged sources, which prove nothing.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use support::objects::random::Random;
use support::packets::frame::{TCP, ip4, ip6};
use support::packets::message::checksum;

use super::{Over, PROGRAMS, SERVER4, SERVER6, Stage};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// Forged segments of a test.
const SEGMENTS: u64 = 2000;

/// A segment to port 53 of the server.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub port: u16,
    pub sequence: u32,
    pub acknowledged: u32,
    pub flags: u8,
}

/// The frame of a segment with valid checksums, as the server's TCP takes it.
pub(super) fn frame(stage: &Stage, source: &str, segment: Segment, data: &[u8]) -> Vec<u8> {
    let mut tcp = [&segment.port.to_be_bytes()[..], &53_u16.to_be_bytes()].concat();
    tcp.extend(segment.sequence.to_be_bytes());
    tcp.extend(segment.acknowledged.to_be_bytes());
    tcp.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(data);
    let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
    let is_ip6 = source.contains(':');
    let addresses = if is_ip6 {
        let addresses = [source, SERVER6].map(|text| text.parse::<Ipv6Addr>().unwrap().octets());
        addresses.concat()
    } else {
        let addresses = [source, SERVER4].map(|text| text.parse::<Ipv4Addr>().unwrap().octets());
        addresses.concat()
    };
    let sum = checksum(&[&addresses, &[0, TCP], &length, &tcp]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let packet = if is_ip6 { ip6(source) } else { ip4(source) };
    let mut frame = packet.carrying(TCP, &tcp).bytes;
    if !is_ip6 {
        let sum = checksum(&[&frame[14..34]]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    }
    frame[..6].copy_from_slice(&stage.mac);
    frame
}

fn number(random: &mut Random) -> u32 {
    u32::try_from(random.below(1 << 31)).unwrap() << 1 | u32::from(random.below(2) == 0)
}

/// A client port.
fn port(random: &mut Random) -> u16 {
    u16::try_from(1024 + random.below(60_000)).unwrap()
}

/// Checks that nothing is proven.
fn proves_nothing(stage: &Stage, sources: &[&str]) {
    assert_eq!((stage.number("proofs"), stage.number("proven")), (0, 0));
    for source in sources {
        assert_eq!(stage.ask(source), Over, "{source}");
    }
}

#[test]
fn random_segments_prove_nothing() {
    for program in PROGRAMS {
        let stage = Stage::new(program, "proven_rate=1000000");
        let listener = stage.listen("::");
        // A connection of another source.
        let _connection = stage.accepted(&listener, "192.0.2.3");
        let (sender, mut random) = (stage.site.sender(), Random(0xf0_4ed));
        let sources = ["192.0.2.1", "203.0.113.9", "2001:db8::1", "2001:db8:9::9"];
        stage.segments(SEGMENTS, |_| {
            let segment = Segment {
                port: port(&mut random),
                sequence: number(&mut random),
                acknowledged: number(&mut random),
                flags: u8::try_from(random.below(64)).unwrap() & !SYN,
            };
            let data = &[b'x'; 9][..random.below(9)];
            let source = sources[random.below(sources.len())];
            sender.send(&frame(&stage, source, segment, data), 1);
        });
        proves_nothing(&stage, &["192.0.2.1", "192.0.2.3", "2001:db8::1"]);
        stage.stop();
    }
}

/// Sends a SYN with `data` and guesses ten times the acknowledgement that ends the handshake. The source gets no
/// packet of the server.
fn guess(stage: &Stage, random: &mut Random, source: &str, data: &[u8]) {
    let sender = stage.site.sender();
    let mut segment = Segment {
        port: port(random),
        sequence: number(random),
        acknowledged: 0,
        flags: SYN,
    };
    sender.send(&frame(stage, source, segment, data), 1);
    segment.flags = ACK | PSH;
    segment.sequence = segment.sequence.wrapping_add(1);
    for _ in 0..10 {
        segment.acknowledged = number(random);
        sender.send(&frame(stage, source, segment, b"x"), 1);
    }
}

/// Nobody has these addresses.
const SILENT: [&str; 2] = ["192.0.2.77", "2001:db8::77"];

/// Guesses the end of handshakes under these settings of the kernel.
fn guesses_prove_nothing(settings: &[&str], data: &[u8]) -> Stage {
    let stage = Stage::new("dns", "proven_rate=1000000");
    for setting in settings {
        stage.site.server.run(&format!("sysctl -qw {setting}"));
    }
    let listener = stage.listen("::");
    let mut random = Random(0x9e55);
    stage.segments(SEGMENTS, |count| {
        if count % 11 == 0 {
            let source = SILENT[random.below(SILENT.len())];
            guess(&stage, &mut random, source, data);
        }
    });
    proves_nothing(&stage, &["192.0.2.1", "2001:db8::1"]);
    if !data.is_empty() {
        // The server accepts the data before the end of the handshake.
        listener.accept().unwrap();
    }
    stage
}

#[test]
fn guessed_ends_of_handshakes_prove_nothing() {
    guesses_prove_nothing(&[], b"").stop();
    guesses_prove_nothing(&["net.ipv4.tcp_syncookies=2"], b"").stop();
}

/// TCP Fast Open (RFC 7413) without cookies: each listener accepts the data of a SYN.
#[test]
fn fast_open_proves_nothing() {
    guesses_prove_nothing(&["net.ipv4.tcp_fastopen=0x603"], b"data").stop();
}

#[test]
fn forged_segments_cost_no_more_lookups_than_the_rate() {
    let stage = Stage::new("dns", "proven_rate=1000000 lookup_rate=10");
    let _listener = stage.listen(SERVER4);
    let (sender, mut random) = (stage.site.sender(), Random(0x10_0c));
    let begin = Instant::now();
    stage.segments(SEGMENTS, |_| {
        let segment = Segment {
            port: port(&mut random),
            sequence: number(&mut random),
            acknowledged: number(&mut random),
            flags: ACK,
        };
        sender.send(&frame(&stage, "192.0.2.77", segment, b""), 1);
    });
    let limited = stage.number("lookups_limited");
    // The burst is as long as the rate.
    let looked_up = SEGMENTS - limited;
    let most = 10 + 10 * (begin.elapsed().as_secs() + 1);
    assert!((10..=most).contains(&looked_up), "{looked_up} of {most}");
    proves_nothing(&stage, &["192.0.2.1"]);
    stage.stop();
}

/// Segments with RST or without ACK, and fragments, are of no connection, and cost no lookup.
#[test]
fn other_segments_cost_no_lookup() {
    let stage = Stage::new("dns", "proven_rate=1000000 lookup_rate=1");
    let _listener = stage.listen(SERVER4);
    let sender = stage.site.sender();
    for flags in [0, FIN, PSH, RST, RST | ACK, SYN, SYN | ACK] {
        stage.segments(20, |count| {
            let segment = Segment {
                port: 2000 + u16::try_from(count).unwrap(),
                sequence: 1,
                acknowledged: 1,
                flags,
            };
            sender.send(&frame(&stage, "192.0.2.77", segment, b""), 1);
        });
        assert_eq!(stage.number("lookups_limited"), 0, "{flags:#x}");
    }
    stage.stop();
}
