//! Link headers: responses behind VLAN tags and in `PPPoE` sessions, and frames that begin with the IP header.

use support::objects::compile::compile_text;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::{cookie, query};
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS, TX};

/// The response has the link header of the query, with swapped MAC addresses.
#[test]
fn response_keeps_the_link_header() {
    let filter = Filter::load("dns", &["1 action=DNS_TRUNCATE"]);
    let asked = query("a.example", 1).edns(1232, &cookie(24));
    let packet = ip4("10.0.0.1").tag(ETH_P_8021Q).pppoe();
    let ran = filter.run(&packet.datagram(53, &asked.bytes).bytes);
    assert_eq!(ran.verdict, TX);
    let link = "02 00 00 00 00 02 02 00 00 00 00 01 81 00 00 0a 88 64 \
        11 00 12 34 00 44 00 21";
    let bytes: Vec<String> = ran.frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes[..26].join(" "), link);
    // IP header, UDP header, DNS header, question, OPT; the length field adds the PPP protocol.
    assert_eq!(ran.frame[26..].len(), 20 + 8 + 12 + 15 + 11);
    assert_eq!(0x44, 20 + 8 + 12 + 15 + 11 + 2);
}

/// Covers each program that responds, 0 to 3 VLAN tags, both families, and queries with and without EDNS.
#[test]
fn pppoe_length_is_that_of_the_response() {
    let limit = "@limits ::/0 rate=1 bucket.full=9000000000000000000";
    for filter in [
        Filter::load("dns", &["1 action=DNS_REFUSE"]),
        Filter::load("qname", &["example action=QNAME_REFUSE"]),
        Filter::load("guard", &["@settings 0 truncate=true", limit]),
    ] {
        for tags in 0..4 {
            for asked in [
                query("www.example", 1),
                query("www.example", 1).edns(4096, &cookie(16)),
            ] {
                for packet in [ip4("203.0.113.9"), ip6("2001:db8::9")] {
                    let packet = (0..tags).fold(packet, |packet, _| packet.tag(ETH_P_QINQ1));
                    let frame = packet.pppoe().datagram(53, &asked.bytes).bytes;
                    let ran = filter.run(&frame);
                    assert_eq!(ran.verdict, TX, "{frame:02x?}");
                    let (before, after) = (Facts::of(&frame), Facts::of(&ran.frame));
                    let (before, after) = (before.unwrap(), after.unwrap());
                    assert_eq!(after.ip, 14 + 4 * tags + 8);
                    assert_eq!(after.source, before.destination);
                    let field = after.ip - 4;
                    let length = [ran.frame[field], ran.frame[field + 1]];
                    let ppp = u16::try_from(ran.frame.len() - field - 2).unwrap();
                    assert_eq!(u16::from_be_bytes(length), ppp);
                    assert_eq!(ran.frame[12..field], frame[12..field]);
                }
            }
        }
    }
}

/// PPP control protocols and `PPPoE` discovery have no IP packet.
#[test]
fn ppp_control_frames_pass() {
    for (program, lines) in [
        (
            "acl",
            &["::/0 action=ACL_DROP", "@settings 0 manage=true"][..],
        ),
        (
            "guard",
            &["::/0 action=ACL_DROP", "@settings 0 manage=true"],
        ),
        ("limit", &["::/0 rate=1"]),
    ] {
        let filter = Filter::load(program, lines);
        let mut frames = vec![
            Frame::raw(0x8863, &[0x11; 24]),
            Frame::raw(0x8847, &[0x45; 60]),
        ];
        for protocol in [
            [0xc0, 0x21],
            [0x80, 0x21],
            [0x80, 0x57],
            [0xc2, 0x23],
            [0, 0x2d],
        ] {
            let payload = [&[0x11, 0, 0, 1, 0, 20], &protocol[..], &[0x45; 20]].concat();
            frames.push(Frame::raw(ETH_P_PPP_SES, &payload));
        }
        for frame in &frames {
            assert_eq!(filter.verdict(&frame.bytes), PASS, "{:02x?}", frame.bytes);
        }
        assert_eq!(filter.number("@totals 0 other"), frames.len() as u64);
    }
}

/// Frames of tun and ppp interfaces have no Ethernet header, and get no responses.
#[test]
fn frames_may_begin_with_the_ip_header() {
    let folder = support::scratch().join(format!("link-ip-{}", std::process::id()));
    let load = |program: &str, lines: &[&str]| {
        let source = format!(
            "#define LINK_HEADER LINK_IP\n#include \"{}/bpf/{program}.bpf.c\"\n",
            env!("CARGO_MANIFEST_DIR")
        );
        let filter = Filter::of(&compile_text(&source, program, &folder, &["-mcpu=v2"]));
        for line in lines {
            filter.entry(line);
        }
        filter
    };
    let asked = query("www.example", 1).bytes;
    for (program, lines) in [
        ("acl", &["::/0 action=ACL_DROP"][..]),
        ("dns", &["1 action=DNS_REFUSE"]),
        ("qname", &["example action=QNAME_REFUSE"]),
        ("limit", &["::/0 rate=1 bucket.full=9000000000000000000"]),
        ("guard", &["::/0 action=ACL_DROP"]),
    ] {
        let filter = load(program, lines);
        let packets = [
            ip4("203.0.113.9"),
            ip4("203.0.113.9").options(10),
            ip6("2001:db8::9"),
            ip6("2001:db8::9").extension(DESTINATION, 1),
        ];
        let frames = packets.map(|packet| packet.datagram(53, &asked).bytes);
        for frame in &frames {
            assert_eq!(
                filter.verdict(&frame[14..]),
                DROP,
                "{program}: {frame:02x?}"
            );
            // The first byte of a MAC address is not a valid IP version.
            assert_eq!(filter.verdict(frame), PASS, "{program}: {frame:02x?}");
        }
        assert_eq!(filter.number("@totals 0 other"), 4, "{program}");
        for version in [0, 0x35, 0x55, 0x75, 0xff] {
            let mut frame = frames[0][14..].to_vec();
            frame[0] = version;
            assert_eq!(filter.verdict(&frame), PASS, "{program}: {version:02x}");
        }
        for end in 14..34 {
            assert_eq!(
                filter.verdict(&frames[2][14..14 + end]),
                PASS,
                "{program}: {end}"
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
