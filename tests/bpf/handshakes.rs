//! `limit`, `guard` and `dns`: rates of TCP handshakes with the server, in the settings `syn_*`.

use support::packets::filter::Filter;
use support::packets::frame::{TCP, ip4, ip6};
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

use super::dns::total;

const PROGRAMS: [&str; 3] = ["limit", "guard", "dns"];

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
/// Set in the SYN of a client with ECN (RFC 3168).
const ECN: u8 = 0xc0;

/// A segment to port 53 with these flags.
fn segment(source: &str, flags: u8) -> Vec<u8> {
    let packet = if source.contains(':') { ip6 } else { ip4 };
    let mut header = packet(source).between(TCP, 40_000, 53).bytes;
    let end = header.len();
    header[end - 8] = 0x50;
    header[end - 7] = flags;
    header
}

/// Runs an attempt before a bucket with a rate of 1 gains a token. Every source matches a rule.
fn before_a_token<T>(program: &str, settings: &str, attempt: impl Fn(&Filter) -> T) -> T {
    let settings = format!("@settings 0 {settings}");
    let rule = match program {
        "limit" => "::/0 source_rate=1000000",
        "guard" => "@limits ::/0 source_rate=1000000",
        _ => "1 action=DNS_PASS",
    };
    Filter::before_a_token(program, &[&settings, rule], attempt)
}

/// Sends the frame `times` times, and returns the number of frames that pass.
fn passes(filter: &Filter, frame: &[u8], times: u32) -> u32 {
    let verdicts = (0..times).map(|_| filter.verdict(frame));
    verdicts.map(|verdict| u32::from(verdict == PASS)).sum()
}

#[test]
fn handshakes_of_a_source_have_a_rate() {
    let sources = [
        ("10.0.0.1", 3),
        ("10.0.0.2", 0),
        ("10.0.1.1", 3),
        ("2001:db8::1", 3),
        ("2001:db8:0:ff::1", 0),
        ("2001:db8:0:100::1", 3),
    ];
    for program in PROGRAMS {
        for flags in [SYN, SYN | ECN] {
            let (passed, limited) = before_a_token(program, "syn_rate=1 syn_burst=3", |filter| {
                let passed =
                    sources.map(|(source, _)| (source, passes(filter, &segment(source, flags), 9)));
                (passed, total(filter, "syns_limited"))
            });
            assert_eq!((passed, limited), (sources, 54 - 12), "{program}");
        }
    }
}

/// A first fragment may end before the flags: it counts as a handshake.
#[test]
fn first_fragments_of_handshakes_have_the_rate() {
    for program in PROGRAMS {
        for packet in [
            ip4("10.0.0.1").fragment4(0x2000),
            ip6("2001:db8::1").fragment6(0, true),
        ] {
            let mut whole = packet.between(TCP, 40_000, 53).bytes;
            let end = whole.len();
            whole[end - 8] = 0x50;
            whole[end - 7] = SYN;
            for missing in [0, 12] {
                let frame = &whole[..end - missing];
                let passed = before_a_token(program, "syn_rate=1 syn_burst=3", |filter| {
                    passes(filter, frame, 9)
                });
                assert_eq!(passed, 3, "{program}: {missing} bytes missing");
            }
            whole[end - 7] = ACK;
            let passed = before_a_token(program, "syn_rate=1 syn_burst=3", |filter| {
                passes(filter, &whole, 9)
            });
            assert_eq!(passed, 9, "{program}");
        }
    }
}

/// A handshake over the rate of its source takes no token of all.
#[test]
fn all_handshakes_together_have_a_rate() {
    let settings = "syn_rate=1 syn_burst=4 syn_total_rate=1 syn_total_burst=10";
    for program in PROGRAMS {
        let passed = before_a_token(program, settings, |filter| {
            ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"]
                .map(|source| passes(filter, &segment(source, SYN), 9))
        });
        assert_eq!(passed, [4, 4, 2, 0], "{program}");
    }
}

#[test]
fn other_segments_are_no_handshakes() {
    for program in PROGRAMS {
        let settings = "syn_rate=1 syn_total_rate=1";
        let limited = before_a_token(program, settings, |filter| {
            for source in ["10.0.0.1", "2001:db8::1"] {
                for flags in [0, FIN, RST, ACK, FIN | ACK, RST | ACK, SYN | ACK, SYN | RST] {
                    let passed = passes(filter, &segment(source, flags), 3);
                    assert_eq!(passed, 3, "{program}: {flags:#x}");
                }
            }
            let frame = segment("10.0.0.1", SYN);
            for end in frame.len() - 20..frame.len() {
                // A truncated header is no TCP header to the kernel, either.
                assert_eq!(passes(filter, &frame[..end], 3), 3, "{program}: {end}");
            }
            let mut elsewhere = frame.clone();
            elsewhere[37] = 54;
            assert_eq!(passes(filter, &elsewhere, 3), 3, "{program}");
            total(filter, "syns_limited")
        });
        assert_eq!(limited, 0, "{program}");
    }
}

/// Handshakes take no tokens of queries, and queries none of handshakes.
#[test]
fn queries_and_handshakes_have_buckets_of_their_own() {
    for (program, lines) in [
        ("limit", ["@settings 0 syn_rate=1", "::/0 source_rate=1"]),
        (
            "guard",
            ["@settings 0 syn_rate=1", "@limits ::/0 source_rate=1"],
        ),
        (
            "dns",
            ["@settings 0 syn_rate=1 rate=1", "1 action=DNS_PASS"],
        ),
    ] {
        let passed = Filter::before_a_token(program, &lines, |filter| {
            let message = query("www.example", 1).bytes;
            let query = ip4("10.0.0.1").datagram(53, &message).bytes;
            let handshake = segment("10.0.0.1", SYN);
            [&query, &query, &handshake, &handshake].map(|frame| filter.run(frame).verdict == PASS)
        });
        assert_eq!(passed, [true, false, true, false], "{program}");
    }
}

#[test]
fn monitor_counts_handshakes_but_drops_nothing() {
    for program in PROGRAMS {
        let limited = before_a_token(program, "syn_rate=1 monitor=true", |filter| {
            assert_eq!(passes(filter, &segment("10.0.0.1", SYN), 5), 5, "{program}");
            total(filter, "syns_limited")
        });
        assert_eq!(limited, 4, "{program}");
    }
}

#[test]
fn each_segment_is_counted_once() {
    for (program, dropped, passed) in [
        ("limit", "dropped", "passed"),
        ("guard", "limited", "passed"),
    ] {
        let counted = before_a_token(program, "syn_rate=1", |filter| {
            let verdicts = [SYN, SYN, ACK].map(|flags| filter.run(&segment("10.0.0.1", flags)));
            let verdicts = verdicts.map(|ran| ran.verdict);
            (verdicts, [dropped, passed].map(|name| total(filter, name)))
        });
        assert_eq!(counted, ([PASS, DROP, PASS], [1, 2]), "{program}");
    }
}
