//! `dns`: rates of sources, cookies and truncated responses.

use super::dns::{ask, good, total};
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::message::cookie;
use support::packets::sandbox::{PASS, TX};

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
    // Queries without a cookie take no tokens of clients with a cookie.
    assert_eq!(verdicts[3], [PASS, PASS, PASS, TX, TX]);
    assert_eq!(totals, (11, 11));
}

#[test]
fn cookie_queries_have_their_own_rate() {
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
