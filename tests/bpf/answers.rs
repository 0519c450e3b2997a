//! `dns` and `guard`: the limit of all responses that the program sends.

use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS, TX};

use super::dns::{ask, good, total};

fn refused() -> Vec<u8> {
    ask(&query("www.example", 255))
}

/// Verdicts on `times` queries of this type, and of the first type in between.
fn verdicts(filter: &Filter, frames: [&[u8]; 2], times: u32) -> Vec<u32> {
    (0..times)
        .flat_map(|_| frames.map(|frame| filter.run(frame).verdict))
        .collect()
}

fn count(verdicts: &[u32], verdict: u32) -> usize {
    verdicts.iter().filter(|&&seen| seen == verdict).count()
}

/// REFUSED and truncated responses together. A query that gets no response is dropped.
#[test]
fn responses_of_dns_have_a_rate_in_all() {
    let lines = [
        "255 action=DNS_REFUSE",
        "@settings 0 rate=1 answer_rate=1 answer_burst=6",
    ];
    let (seen, totals) = Filter::before_a_token("dns", &lines, |filter| {
        let seen = verdicts(filter, [&ask(&good()), &refused()], 10);
        let names = [
            "passed",
            "truncated",
            "refused",
            "dropped",
            "answers_limited",
        ];
        (seen, names.map(|name| total(filter, name)))
    });
    // The first query is within its rate.
    assert_eq!(seen[..8], [PASS, TX, TX, TX, TX, TX, TX, DROP]);
    assert_eq!(
        [PASS, TX, DROP].map(|verdict| count(&seen, verdict)),
        [1, 6, 13]
    );
    assert_eq!(totals, [1, 3, 3, 13, 13]);
}

#[test]
fn responses_of_guard_have_a_rate_in_all() {
    let lines = [
        "@limits ::/0 source_rate=1",
        "@settings 0 truncate=true answer_rate=1 answer_burst=6",
    ];
    let (seen, totals) = Filter::before_a_token("guard", &lines, |filter| {
        let elsewhere = ip4("192.0.2.9").datagram(53, &good().bytes).bytes;
        let seen = verdicts(filter, [&ask(&good()), &elsewhere], 10);
        let names = ["passed", "truncated", "limited", "answers_limited"];
        (seen, names.map(|name| total(filter, name)))
    });
    assert_eq!(
        [PASS, TX, DROP].map(|verdict| count(&seen, verdict)),
        [2, 6, 12]
    );
    assert_eq!(totals, [2, 6, 12, 12]);
}

/// A query that may get no response takes no token: one of a martian source, or from a port that answers anything.
#[test]
fn query_without_a_response_takes_no_token_of_responses() {
    let lines = [
        "255 action=DNS_REFUSE",
        "@settings 0 answer_rate=1 answer_burst=2",
    ];
    let seen = Filter::before_a_token("dns", &lines, |filter| {
        let any = query("www.example", 255).bytes;
        let martian = ip4("127.0.0.1").datagram(53, &any).bytes;
        let mut reflecting = refused();
        reflecting[34..36].copy_from_slice(&19_u16.to_be_bytes());
        let seen = [martian, reflecting, refused(), refused(), refused()]
            .map(|frame| filter.run(&frame).verdict);
        (seen, total(filter, "answers_limited"))
    });
    assert_eq!(seen, ([DROP, DROP, TX, TX, DROP], 1));
}

#[test]
fn responses_without_a_rate_have_no_limit() {
    let filter = Filter::load("dns", &["255 action=DNS_REFUSE"]);
    let seen = verdicts(&filter, [&refused(), &refused()], 500);
    assert_eq!(count(&seen, TX), 1000);
    assert_eq!(total(&filter, "answers_limited"), 0);
}

#[test]
fn monitor_counts_limited_responses() {
    let lines = [
        "255 action=DNS_REFUSE",
        "@settings 0 answer_rate=1 answer_burst=2 monitor=true",
    ];
    let totals = Filter::before_a_token("dns", &lines, |filter| {
        let seen = verdicts(filter, [&refused(), &refused()], 2);
        assert_eq!(seen, [PASS; 4]);
        ["refused", "dropped", "answers_limited"].map(|name| total(filter, name))
    });
    assert_eq!(totals, [2, 2, 2]);
}
