//! Responses that `dns` sends for the server, and each of its verdicts against a model.

use super::random;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::kernel::Ran;
use support::packets::message::{Asked, answer, cookie, query};
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS, TX};

use super::dns::{ask, good, total};

const POLICY: [&str; 4] = [
    "255 action=DNS_TRUNCATE",
    "10 action=DNS_DROP",
    "16 action=DNS_REFUSE",
    "@settings 0 only_in=true",
];

#[test]
fn answers_are_whole_packets_with_right_checksums() {
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
}

#[test]
fn clients_over_the_rate_are_sent_to_tcp() {
    let known = good().edns(1232, &cookie(24));
    let lines = ["@settings 0 rate=1 burst=3"];
    let (verdicts, totals) = Filter::before_a_token("dns", &lines, |filter| {
        let verdicts = [
            (&good(), "10.0.0.1"),
            (&good(), "10.0.0.2"),
            (&good(), "10.0.1.1"),
            (&known, "10.0.0.1"),
        ]
        .map(|(message, source)| {
            let frame = ip4(source).datagram(53, &message.bytes).bytes;
            [(); 5].map(|()| filter.run(&frame).verdict)
        });
        (
            verdicts,
            (total(filter, "limited"), total(filter, "truncated")),
        )
    });
    assert_eq!(verdicts[0], [PASS, PASS, PASS, TX, TX]);
    assert_eq!(verdicts[1], [TX; 5]);
    assert_eq!(verdicts[2], [PASS, PASS, PASS, TX, TX]);
    // A flood of the neighbours takes nothing from a client with a cookie.
    assert_eq!(verdicts[3], [PASS, PASS, PASS, TX, TX]);
    assert_eq!(totals, (11, 11));
}

#[test]
fn cookies_may_have_a_rate_of_their_own() {
    let known = ask(&good().edns(1232, &cookie(24)));
    let lines = ["@settings 0 rate=1 cookie_rate=1 cookie_burst=4"];
    let passed = Filter::before_a_token("dns", &lines, |filter| {
        let verdicts = (0..9).map(|_| filter.run(&known).verdict);
        verdicts.filter(|verdict| *verdict == PASS).count()
    });
    assert_eq!(passed, 4);
}

#[test]
fn flood_is_answered_at_the_slip_rate() {
    let filter = Filter::load("dns", &["@settings 0 rate=1 slip=4"]);
    for _ in 0..4000 {
        filter.run(&ask(&good()));
    }
    let (truncated, dropped) = (total(&filter, "truncated"), total(&filter, "dropped"));
    assert!((800..1200).contains(&truncated), "{truncated}");
    assert_eq!(truncated + dropped, total(&filter, "limited"));
}

/// The verdict and frame of the model, with [`POLICY`].
fn expected_of(frame: &[u8]) -> Ran {
    let same = |verdict| Ran {
        verdict,
        frame: frame.to_vec(),
    };
    let facts = Facts::of(frame).filter(|facts| facts.protocol == UDP && facts.port() == 53);
    let Some(facts) = facts else {
        return same(PASS);
    };
    let Ok(asked) = Asked::of(frame, &facts) else {
        return same(DROP);
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
fn no_packet_contradicts_the_model() {
    let filter = Filter::load("dns", &POLICY);
    random::compare(&filter, 0xd115, expected_of);
}
