//! Answers of upstream servers: recognized by their ports, with their own limit.

use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

use super::dns::{first_fragments, total};
use super::scope::{PROGRAMS, both, expect, replies, strict};

#[test]
fn replies_have_their_own_limit() {
    for program in PROGRAMS {
        let lines = "scope=SCOPE_ALL replies=REPLIES_LIMIT reply_rate=1 reply_burst=3";
        support::wait::wait_until("an attempt takes less than a second", || {
            let filter = strict(program, lines);
            let begin = std::time::Instant::now();
            let verdicts = ["203.0.113.9", "203.0.113.200", "198.51.100.1"].map(|source| {
                let frame = ip4(source).between(UDP, 53, 40_000).bytes;
                [(); 3].map(|()| filter.verdict(&frame))
            });
            if begin.elapsed() > std::time::Duration::from_millis(900) {
                return Err(begin.elapsed());
            }
            // The first two sources share a /24.
            assert_eq!(verdicts, [[PASS; 3], [DROP; 3], [PASS; 3]], "{program}");
            assert_eq!(total(&filter, "replies"), 6, "{program}");
            assert_eq!(total(&filter, "replies_limited"), 3, "{program}");
            Ok(())
        });
        let free = strict(program, "scope=SCOPE_ALL replies=REPLIES_LIMIT");
        expect(program, &free, &replies(), PASS, "replies");
    }
}

#[test]
fn settings_name_the_ports_of_upstream_servers() {
    for program in PROGRAMS {
        for (settings, from, is_reply) in [
            ("", 853, false),
            ("upstream[0]=853", 853, true),
            ("upstream[0]=853", 53, false),
            ("upstream[0]=853", 0, false),
            ("upstream[1]=853", 853, true),
            ("upstream[0]=853 upstream[1]=53", 53, true),
            // A packet to the port of the server is a query from any source port.
            ("port[0]=5300", 53, false),
        ] {
            let filter = strict(program, &format!("scope=SCOPE_ALL {settings}"));
            let frames = both("", |packet| packet.between(UDP, from, 5300));
            let verdict = if is_reply { PASS } else { DROP };
            for (_, frame) in &frames {
                // The payload is too short for a query to the server.
                assert_eq!(
                    filter.verdict(&frame.bytes),
                    verdict,
                    "{program}: {settings}"
                );
            }
        }
    }
}

/// A resolver may send its queries from the port of its own server.
#[test]
fn responses_to_the_server_port_pass_from_upstream_ports() {
    let response = query("www.example", 1).with(2, 0x81).with(3, 0x80);
    let response = |from: u16| {
        let mut frame = ip4("203.0.113.9").datagram(53, &response.bytes).bytes;
        frame[34..36].copy_from_slice(&from.to_be_bytes());
        frame
    };
    for program in ["dns", "guard"] {
        let filter = Filter::load(program, &[]);
        assert_eq!(filter.verdict(&response(53)), PASS, "{program}");
        assert_eq!(filter.verdict(&response(54)), DROP, "{program}");
        assert_eq!(filter.verdict(&response(853)), DROP, "{program}");
        assert_eq!(total(&filter, "replies"), 1, "{program}");
        assert_eq!(total(&filter, "malformed"), 2, "{program}");
        filter.entry("@settings 0 replies=REPLIES_JUDGE");
        assert_eq!(filter.verdict(&response(53)), DROP, "{program}");
        filter.entry("@settings 0 upstream[0]=853");
        assert_eq!(filter.verdict(&response(853)), PASS, "{program}");
        let lines = ["@settings 0 replies=REPLIES_LIMIT reply_rate=1 reply_burst=2"];
        let verdicts = Filter::before_a_token(program, &lines, |filter| {
            [(); 3].map(|()| filter.verdict(&response(53)))
        });
        assert_eq!(verdicts, [PASS, PASS, DROP], "{program}");
    }
}

/// A large response arrives in fragments. The first fragment gets the verdict of the whole response.
#[test]
fn first_fragments_of_responses_to_the_server_port_are_replies() {
    let response = query("www.example", 1).with(2, 0x81).edns(1232, &[0; 1700]);
    let from = |port| first_fragments(port, &response.bytes, 1464);
    for program in ["dns", "guard"] {
        let filter = Filter::load(program, &[]);
        for (port, verdict) in [(53, PASS), (54, DROP)] {
            for frame in from(port) {
                assert_eq!(filter.verdict(&frame), verdict, "{program}: {port}");
            }
        }
        let totals = ["replies", "malformed"].map(|name| total(&filter, name));
        assert_eq!(totals, [2, 2], "{program}");
        filter.entry("@settings 0 replies=REPLIES_JUDGE");
        for frame in from(53) {
            assert_eq!(filter.verdict(&frame), DROP, "{program}");
        }
        let lines = ["@settings 0 replies=REPLIES_LIMIT reply_rate=1 reply_burst=1"];
        let verdicts = Filter::before_a_token(program, &lines, |filter| {
            let [frame, _] = from(53);
            [(); 2].map(|()| filter.verdict(&frame))
        });
        assert_eq!(verdicts, [PASS, DROP], "{program}");
    }
}
