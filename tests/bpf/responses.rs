//! Responses of `dns`, `qname` and `guard`, and verdicts of `dns` compared with a model.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::random;
use support::objects::compile::compile_text;
use support::packets::answer::answer;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::kernel::Ran;
use support::packets::message::{Asked, UNPARSED, cookie, query};
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS, TX};

use super::dns::{good, total};

const POLICY: [&str; 4] = [
    "255 action=DNS_TRUNCATE",
    "10 action=DNS_DROP",
    "16 action=DNS_REFUSE",
    "@settings 0 only_in=true",
];

#[test]
fn responses_are_complete_packets_with_valid_checksums() {
    let filter = Filter::load("dns", &POLICY);
    let any = query("www.example", 255).bytes;
    let ran = filter.run(&ip4("10.0.0.1").datagram(53, &any).bytes);
    assert_eq!(ran.verdict, TX);
    let expected = "02 00 00 00 00 02 02 00 00 00 00 01 08 00 \
        45 00 00 39 12 34 00 00 40 11 9c 4a c0 00 02 35 0a 00 00 01 \
        00 35 9c 40 00 25 80 7b \
        be ef 83 00 00 01 00 00 00 00 00 00 03 77 77 77 07 65 78 61 6d 70 6c 65 00 00 ff 00 01";
    let bytes: Vec<String> = ran.frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes.join(" "), expected);
    let txt = query("www.example", 16).edns(4096, &cookie(24)).bytes;
    for packet in [
        ip4("10.0.0.1"),
        ip6("2001:db8::1").tag(ETH_P_8021AD).tag(ETH_P_8021Q),
    ] {
        let frame = packet.datagram(53, &txt).bytes;
        assert_eq!(filter.run(&frame), expected_of(&frame));
        assert_eq!(expected_of(&frame).verdict, TX);
    }
    assert_eq!(
        (total(&filter, "truncated"), total(&filter, "refused")),
        (1, 2)
    );
}

#[test]
fn unanswerable_queries_are_dropped() {
    let filter = Filter::load("dns", &POLICY);
    let any = query("www.example", 255).bytes;
    for frame in [
        ip4("10.0.0.1").options(1).datagram(53, &any),
        ip6("fe80::1").extension(DESTINATION, 0).datagram(53, &any),
        ip4("10.0.0.1").datagram(53, &any).with(0, 0x01),
        ip4("10.0.0.1").datagram(53, &any).with(34, 0).with(35, 0),
    ] {
        assert_eq!(filter.verdict(&frame.bytes), DROP);
    }
    let counted = ["dropped", "truncated"].map(|name| total(&filter, name));
    assert_eq!(counted, [4, 0]);
}

/// Programs that send responses, each with a rule that makes it respond to every query.
fn responders() -> [Filter; 3] {
    let full = "bucket.full=9000000000000000000";
    let limit = format!("@limits ::/0 rate=1 {full}");
    [
        Filter::load("dns", &["1 action=DNS_REFUSE"]),
        Filter::load("qname", &["example action=QNAME_REFUSE"]),
        Filter::load("guard", &["@settings 0 truncate=true", &limit]),
    ]
}

/// A frame with a query; `bytes` replace those at offset `at`.
fn patched(packet: Packet, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = packet.datagram(53, &good().bytes).bytes;
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// IPv4 addresses that no host on the Internet has.
const MARTIANS4: &[&str] = &[
    "0.0.0.0",
    "0.255.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
];

/// IPv6 addresses that no host on the Internet has.
const MARTIANS6: &[&str] = &[
    "::",
    "::1",
    "::203.0.113.9",
    "::ffff:203.0.113.9",
    "ff00::",
    "ff02::1",
    "ffff::1",
];

#[test]
fn martians_get_no_response() {
    let (source4, destination4, source6, destination6) = (26, 30, 22, 38);
    let four = |at, address: &str| {
        let octets = address.parse::<Ipv4Addr>().unwrap().octets();
        patched(ip4("203.0.113.9"), at, &octets)
    };
    let six = |at, address: &str| {
        let octets = address.parse::<Ipv6Addr>().unwrap().octets();
        patched(ip6("2001:db8::9"), at, &octets)
    };
    let mut frames = vec![
        // The source equals the destination.
        four(source4, "192.0.2.53"),
        six(source6, "2001:db8::53"),
        // Multicast MAC addresses as destination and as source.
        patched(ip4("203.0.113.9"), 0, &[0xff; 6]),
        patched(ip6("2001:db8::9"), 0, &[0x33, 0x33]),
        patched(ip4("203.0.113.9"), 6, &[0x03]),
    ];
    for address in MARTIANS4 {
        frames.extend([four(source4, address), four(destination4, address)]);
    }
    for address in MARTIANS6 {
        frames.extend([six(source6, address), six(destination6, address)]);
    }
    let answered = [
        four(source4, "1.0.0.0"),
        four(source4, "126.255.255.255"),
        four(source4, "128.0.0.0"),
        four(source4, "169.254.1.1"),
        four(source4, "223.255.255.255"),
        six(source6, "0:0:1::"),
        six(source6, "64:ff9b::203.0.113.9"),
        six(source6, "fe80::1"),
        six(source6, "fd00::1"),
    ];
    for filter in responders() {
        for frame in &frames {
            assert_eq!(filter.verdict(frame), DROP, "{frame:02x?}");
        }
        for frame in &answered {
            assert_eq!(filter.run(frame).verdict, TX, "{frame:02x?}");
        }
    }
}

/// Services such as echo answer any datagram, so a response would start an endless exchange.
#[test]
fn reflecting_services_get_no_response() {
    let from = |packet, port: u16| {
        let at = if matches!(packet, 4) { 34 } else { 54 };
        let packet = if matches!(packet, 4) {
            ip4("203.0.113.9")
        } else {
            ip6("2001:db8::9")
        };
        patched(packet, at, &port.to_be_bytes())
    };
    for filter in responders() {
        for version in [4, 6] {
            for port in [0, 7, 13, 17, 19, 37] {
                assert_eq!(filter.verdict(&from(version, port)), DROP, "{port}");
            }
            for port in [1, 53, 64, 71, 101, 1024, 65535] {
                assert_eq!(filter.run(&from(version, port)).verdict, TX, "{port}");
            }
        }
    }
}

/// Two servers with the program must not answer each other endlessly.
#[test]
fn responses_get_no_response() {
    for filter in responders() {
        let ran = filter.run(&patched(ip4("203.0.113.9"), 34, &53_u16.to_be_bytes()));
        assert_eq!(ran.verdict, TX);
        assert_ne!(filter.verdict(&ran.frame), TX);
    }
}

/// If the driver cannot shorten a frame, padding follows the IP packet.
#[test]
fn response_is_padded_if_the_frame_cannot_be_shortened() {
    let folder = support::scratch().join(format!("no-tail-{}", std::process::id()));
    for (program, line) in [
        ("dns", "1 action=DNS_TRUNCATE"),
        ("qname", "example action=QNAME_REFUSE"),
    ] {
        let source = format!(
            "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n\
             #define bpf_xdp_adjust_tail(ctx, delta) (-22)\n\
             #include \"{}/bpf/{program}.bpf.c\"\n",
            env!("CARGO_MANIFEST_DIR")
        );
        let options = ["-mcpu=v2", "-Wno-unused-value"];
        let object = compile_text(&source, program, &folder, &options);
        let (padding_filter, filter) = (Filter::of(&object), Filter::load(program, &[line]));
        padding_filter.entry(line);
        for packet in [
            ip4("203.0.113.9").pppoe(),
            ip6("2001:db8::9").tag(ETH_P_8021Q),
        ] {
            // The response omits the cookie, and is shorter than the query.
            let query = good().edns(1232, &cookie(24));
            let frame = packet.datagram(53, &query.bytes).bytes;
            let (sent, expected) = (padding_filter.run(&frame), filter.run(&frame));
            assert_eq!((sent.verdict, expected.verdict), (TX, TX));
            assert_eq!(sent.frame.len(), frame.len());
            let (response, padding) = sent.frame.split_at(expected.frame.len());
            assert_eq!(response, expected.frame);
            assert_eq!(padding.len(), 28);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Verdict and frame of the model under [`POLICY`].
fn expected_of(frame: &[u8]) -> Ran {
    let same = |verdict| Ran {
        verdict,
        frame: frame.to_vec(),
    };
    let facts = Facts::of(frame);
    if facts.as_ref().is_some_and(|facts| facts.hidden) {
        return same(DROP);
    }
    let facts = facts.filter(|facts| facts.protocol == UDP && facts.port() == 53);
    let Some(facts) = facts else {
        return same(PASS);
    };
    let asked = match Asked::of(frame, &facts) {
        Ok(asked) => asked,
        Err(counter) => {
            return same(if UNPARSED.contains(&counter) {
                PASS
            } else {
                DROP
            });
        }
    };
    let sent = match (asked.class, asked.kind) {
        (1, 255) => answer(frame, &facts, &asked, true, 0),
        (1, 16) => answer(frame, &facts, &asked, false, 5),
        (1, 10) => None,
        (1, _) => return same(PASS),
        _ => None,
    };
    sent.map_or_else(|| same(DROP), |frame| Ran { verdict: TX, frame })
}

#[test]
fn verdicts_match_the_model() {
    let filter = Filter::load("dns", &POLICY);
    random::compare(&filter, 0xd115, expected_of);
}
