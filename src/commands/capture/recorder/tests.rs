//! Tests of lines and blocks.

use super::*;
use crate::object::LinkHeader;

/// A query for `name`, whose labels are separated by dots, from a documentation address to port 53.
fn query(name: &str, kind: u16) -> Vec<u8> {
    let mut message = vec![0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    let mut udp = vec![0x9c, 0x40, 0, 53, 0, 0, 0, 0];
    udp.extend(message);
    ipv4(17, &udp)
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(20 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0, 0, length, 0, 0, 0, 0];
    packet.extend([64, protocol, 0, 0]);
    packet.extend([203, 0, 113, 7, 192, 0, 2, 53]);
    packet.extend(payload);
    packet
}

fn in_ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

fn stage(interface: &str, program: &str, link: LinkHeader) -> Stage {
    Stage {
        number: 0,
        index: 2,
        link,
        interface: interface.into(),
        program: program.into(),
    }
}

fn ethernet() -> Stage {
    stage("eth0", "acl", LinkHeader::Ethernet)
}

fn tunnel() -> Stage {
    stage("wg0", "dns", LinkHeader::Ip)
}

/// 2026-11-29T23:31:14.007Z.
const TIME: Duration = Duration::new(1_795_995_074, 7_000_001);

fn sample(verdict: u16, head: &[u8]) -> Sample<'_> {
    Sample {
        time: Duration::ZERO,
        weight: 8,
        stage: 0,
        interface: 2,
        length: 1400,
        verdict,
        head,
    }
}

fn line(sample: &Sample<'_>, stage: &Stage) -> String {
    let mut recorder = Recorder::text();
    recorder.add(sample, stage, TIME);
    String::from_utf8(recorder.bytes).unwrap()
}

#[test]
fn lines_name_verdict_stage_addresses_and_content() {
    let four = |packet: &[u8]| in_ethernet(0x0800, packet);
    let mut response = query("www.example", 1);
    // Flags of the message: QR, AA, TC, RD, RA and NXDOMAIN.
    response.splice(30..32, [0x87, 0x83]);
    let mut update = query("example", 6);
    update.splice(30..32, [0x28, 0]);
    let mut chaos = query("version.bind", 16);
    chaos.pop();
    chaos.push(3);
    let long = query("a.very.long.name.example", 28);
    let mut fragment = ipv4(17, &[0; 32]);
    fragment.splice(6..8, [0, 3]);
    let mut six = vec![0x60, 0, 0, 0, 0, 8, 58, 64];
    six.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    six.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]);
    six.extend([128, 0, 0, 0, 0, 0, 0, 0]);
    let tcp = [0x9c, 0x40, 1, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x12];
    let vlan = [&[0, 10, 8, 0][..], &ipv4(50, &[0; 8])].concat();
    let dns = "203.0.113.7:40000 > 192.0.2.53:53";
    for (verdict, head, expected) in [
        (
            1,
            four(&query("wWw.Example", 28)),
            format!("drop eth0/acl {dns} www.example AAAA rd"),
        ),
        (
            3,
            four(&response),
            format!("tx   eth0/acl {dns} www.example A NXDOMAIN qr aa tc rd ra"),
        ),
        (
            2,
            four(&update),
            format!("pass eth0/acl {dns} example SOA UPDATE"),
        ),
        (
            2,
            four(&chaos),
            format!("pass eth0/acl {dns} version.bind CH TXT rd"),
        ),
        (
            0,
            four(&long[..52]),
            format!("aborted eth0/acl {dns} a.very.long... rd"),
        ),
        (
            4,
            four(&query("\u{1b}[2J.\u{9b}", 65280)),
            format!("redirect eth0/acl {dns} \\027[2j.\\194\\155 TYPE65280 rd"),
        ),
        (
            1,
            four(&query("a", 1)[..40]),
            format!("drop eth0/acl {dns} DNS rd"),
        ),
        (
            1,
            four(&ipv4(6, &tcp)),
            "drop eth0/acl 203.0.113.7:40000 > 192.0.2.53:443 TCP SYN,ACK 1400 bytes".into(),
        ),
        (
            1,
            four(&fragment),
            "drop eth0/acl 203.0.113.7 > 192.0.2.53 UDP 1400 bytes fragment".into(),
        ),
        (
            2,
            in_ethernet(0x86dd, &six),
            "pass eth0/acl 2001:db8::7 > 2001:db8::53 ICMPv6 type 128 1400 bytes".into(),
        ),
        (
            2,
            in_ethernet(0x8100, &vlan),
            "pass eth0/acl 203.0.113.7 > 192.0.2.53 ESP 1400 bytes vlan 10".into(),
        ),
        (
            5,
            in_ethernet(0x0806, &[0; 28]),
            "aborted eth0/acl ARP 1400 bytes".into(),
        ),
        (2, vec![0; 4], "pass eth0/acl unknown 1400 bytes".into()),
    ] {
        let expected = format!("23:31:14.007 {expected}\n");
        assert_eq!(line(&sample(verdict, &head), &ethernet()), expected);
    }
    let expected = format!("23:31:14.007 drop wg0/dns {dns} a NS rd\n");
    assert_eq!(line(&sample(1, &query("a", 2)), &tunnel()), expected);
}

#[test]
fn usual_query_fits_80_columns() {
    let head = in_ethernet(0x0800, &query("www.example", 28));
    let line = line(&sample(1, &head), &ethernet());
    assert!(line.trim_end().len() <= 80, "{line}");
}

#[test]
fn names_of_stages_are_escaped() {
    let stage = stage("e\u{1b}0", "\u{202e}acl", LinkHeader::Ip);
    let line = line(&sample(1, &[]), &stage);
    assert!(line.contains("e\\u{1b}0/\\u{202e}acl"), "{line}");
}

/// A block: type and body.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let number = |bytes: &[u8]| u32::from_ne_bytes(*bytes.first_chunk().unwrap());
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let length = number(&bytes[4..]) as usize;
        assert_eq!(length % 4, 0);
        let (block, rest) = bytes.split_at(length);
        assert_eq!(number(&block[length - 4..]) as usize, length);
        blocks.push((number(block), &block[8..length - 4]));
        bytes = rest;
    }
    blocks
}

/// Codes and values of the options.
fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let number = |at: usize, bytes: &[u8]| u16::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    let mut options = Vec::new();
    loop {
        let (code, length) = (number(0, bytes), usize::from(number(2, bytes)));
        if code == 0 {
            assert_eq!(bytes.len(), 4);
            return options;
        }
        options.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
}

fn ne<const N: usize>(numbers: [u32; N]) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_ne_bytes).collect()
}

#[test]
fn blocks_are_those_of_pcapng() {
    let mut recorder = Recorder::pcapng();
    let head = in_ethernet(0x0800, &query("www", 1));
    recorder.add(&sample(1, &head), &ethernet(), TIME);
    recorder.add(&sample(3, &head[14..]), &tunnel(), TIME);
    recorder.add(&sample(5, &head), &ethernet(), TIME);
    recorder.end(9, TIME);
    let blocks = blocks(&recorder.bytes);
    let kinds: Vec<_> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 1, 6, 6, 5, 5]);

    let section = blocks[0].1;
    assert_eq!(section[..4], 0x1a2b_3c4d_u32.to_ne_bytes());
    assert_eq!(section[4..6], 1_u16.to_ne_bytes());
    assert_eq!(section[8..16], [0xff; 8]);
    assert!(options(&section[16..])[0].1.starts_with(b"corexdp "));

    for (block, link, name) in [(1, 1_u16, &b"eth0"[..]), (3, 101, b"wg0")] {
        let body = blocks[block].1;
        assert_eq!(body[..2], link.to_ne_bytes());
        assert_eq!(body[4..8], 192_u32.to_ne_bytes());
        assert_eq!(options(&body[8..]), [(2, name.to_vec()), (9, vec![9])]);
    }

    let nanoseconds = u64::try_from(TIME.as_nanos()).unwrap();
    let time = [nanoseconds >> 32, nanoseconds & 0xffff_ffff];
    let time = time.map(|half| u32::try_from(half).unwrap());
    for (block, id, head, comment, verdict) in [
        (2, 0, &head[..], "eth0/acl, 1 of 8 packets", 1),
        (4, 1, &head[14..], "wg0/dns, 1 of 8 packets", 3),
        (5, 0, &head, "eth0/acl, 1 of 8 packets", 0),
    ] {
        let body = blocks[block].1;
        let captured = u32::try_from(head.len()).unwrap();
        assert_eq!(body[..20], ne([id, time[0], time[1], captured, 1400]));
        assert_eq!(&body[20..20 + head.len()], head);
        let mut value = vec![2];
        value.extend(u64::to_ne_bytes(verdict));
        let expected = [(1, comment.as_bytes().to_vec()), (7, value)];
        let end = 20 + head.len().next_multiple_of(4);
        assert_eq!(options(&body[end..]), expected);
    }

    for (block, id, captured) in [(6, 0, 2_u64), (7, 1, 1)] {
        let body = blocks[block].1;
        assert_eq!(body[..12], ne([id, time[0], time[1]]));
        let counts = [(4, 8 * captured), (7, 9), (8, captured)];
        let expected = counts.map(|(code, count)| (code, count.to_ne_bytes().to_vec()));
        assert_eq!(options(&body[12..]), expected);
    }
}

#[test]
fn summary_has_the_mean_weight() {
    let mut recorder = Recorder::text();
    assert_eq!(recorder.summary(3).to_string(), "0 packets, 3 lost");
    for weight in [1, 2, 5] {
        let sample = Sample {
            weight,
            ..sample(1, &[])
        };
        recorder.add(&sample, &ethernet(), TIME);
    }
    let expected = "3 packets, 0 lost, sampled 1 in about 3";
    assert_eq!(recorder.summary(0).to_string(), expected);
}
