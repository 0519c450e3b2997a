//! `qname`: the rate of the names below a zone.

use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::message::query;
use support::packets::sandbox::{PASS, TX};

const LINES: [&str; 4] = [
    "zone.example action=QNAME_LIMIT rate=1 burst=3",
    "www.zone.example action=QNAME_PASS",
    "sub.zone.example action=QNAME_LIMIT rate=1 burst=2",
    "free.zone.example action=QNAME_LIMIT",
];

/// Verdicts on queries for these names, each from another source.
fn verdicts(filter: &Filter, names: &[&str]) -> Vec<u32> {
    let queries = (1_u8..).zip(names).map(|(source, name)| {
        let source = format!("10.0.{source}.1");
        ip4(&source).datagram(53, &query(name, 1).bytes).bytes
    });
    queries.map(|query| filter.run(&query).verdict).collect()
}

/// All sources share the rate. A longer zone has its own.
#[test]
fn names_below_a_zone_share_its_rate() {
    let below = [
        "a.zone.example",
        "b.zone.example",
        "a.b.c.zone.example",
        "d.zone.example",
        "e.zone.example",
        "x.sub.zone.example",
        "y.sub.zone.example",
        "z.sub.zone.example",
    ];
    let (seen, counted) = Filter::before_a_token("qname", &LINES, |filter| {
        let seen = verdicts(filter, &below);
        let counted = ["packets", "limited"].map(|field| {
            ["zone.example", "sub.zone.example"]
                .map(|zone| filter.number(&format!("{zone} {field}")))
        });
        let totals = ["passed", "truncated", "limited"]
            .map(|name| filter.number(&format!("@totals 0 {name}")));
        assert_eq!(totals, [5, 3, 3]);
        (seen, counted)
    });
    assert_eq!(seen, [PASS, PASS, PASS, TX, TX, PASS, PASS, TX]);
    assert_eq!(counted, [[5, 3], [2, 1]]);
}

#[test]
fn zone_itself_and_names_that_pass_have_no_limit() {
    let names = [
        "zone.example",
        "ZONE.example",
        "www.zone.example",
        "www.www.zone.example",
        "sub.zone.example",
        "x.free.zone.example",
        "other.example",
        "zone.example.org",
        "",
    ];
    let (seen, limited) = Filter::before_a_token("qname", &LINES, |filter| {
        let seen: Vec<_> = (0..9).map(|_| verdicts(filter, &names)).collect();
        (seen, filter.number("@totals 0 limited"))
    });
    assert_eq!(seen.concat(), [PASS; 81]);
    assert_eq!(limited, 0);
}

#[test]
fn monitor_counts_and_passes() {
    let lines = [
        "zone.example action=QNAME_LIMIT rate=1 burst=1",
        "@settings 0 monitor=true",
    ];
    let (seen, limited) = Filter::before_a_token("qname", &lines, |filter| {
        let seen = verdicts(filter, &["a.zone.example"; 4]);
        (seen, filter.number("@totals 0 limited"))
    });
    assert_eq!((seen, limited), (vec![PASS; 4], 3));
}
