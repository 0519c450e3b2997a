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

/// Without a secret, anybody can make up a cookie: it exempts from no rate but that of the network.
#[test]
fn made_up_cookies_exempt_from_no_other_rate() {
    let known = good().edns(1232, &cookie(24));
    for (settings, sources, expected) in [
        ("rate=1000 new_rate=1 new_burst=10", "10.0", 10),
        ("rate=1000 site_rate=1 site_burst=7", "10.0", 7),
        (
            "cookie_rate=1000 rate=1 address_rate=1 address_burst=1",
            "10.0",
            200,
        ),
    ] {
        let lines = [format!("@settings 0 {settings}")];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let passed = Filter::before_a_token("dns", &lines, |filter| {
            let pass = |number: u8| {
                let packet = ip4(&format!("{sources}.{number}.1"));
                filter.run(&packet.datagram(53, &known.bytes).bytes).verdict == PASS
            };
            (0..200).filter(|number| pass(*number)).count()
        });
        assert_eq!(passed, expected, "{settings}");
    }
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
