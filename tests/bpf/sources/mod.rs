//! `limit`, `guard` and `dns`: rates of the networks that a source belongs to, and the pool of new sources.

mod flood;
mod new;

use support::packets::filter::Filter;
use support::packets::frame::{ip4, ip6};
use support::packets::message::query;
use support::packets::sandbox::PASS;

const PROGRAMS: [&str; 3] = ["limit", "guard", "dns"];

/// The entries of a program. `rates` has the rates of `bpf/rates.h` by their names there.
fn entries(program: &str, rates: &str, settings: &str) -> Vec<String> {
    let limited = rates.replace("network_", "source_");
    match program {
        "limit" => vec![format!("::/0 {limited}"), format!("@settings 0 {settings}")],
        "guard" => vec![
            format!("@limits ::/0 {limited}"),
            format!("@settings 0 {settings}"),
        ],
        _ => {
            let rates = rates.replace("network_", "");
            vec![format!("@settings 0 {rates} {settings}")]
        }
    }
}

fn load(program: &str, rates: &str, settings: &str) -> Filter {
    let entries = entries(program, rates, settings);
    Filter::load(
        program,
        &entries.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

/// Runs an attempt before a bucket with a rate of 1 gains a token.
fn before_a_token<T>(
    program: &str,
    rates: &str,
    settings: &str,
    attempt: impl Fn(&Filter) -> T,
) -> T {
    let entries = entries(program, rates, settings);
    let lines: Vec<_> = entries.iter().map(String::as_str).collect();
    Filter::before_a_token(program, &lines, attempt)
}

/// A query from this address.
fn ask(source: &str) -> Vec<u8> {
    let packet = if source.contains(':') { ip6 } else { ip4 };
    packet(source)
        .datagram(53, &query("www.example", 1).bytes)
        .bytes
}

/// Sends the query `times` times, and returns the number of queries that pass.
fn passes(filter: &Filter, query: &[u8], times: u32) -> u32 {
    (0..times)
        .map(|_| u32::from(filter.run(query).verdict == PASS))
        .sum()
}

fn total(filter: &Filter, name: &str) -> u64 {
    filter.number(&format!("@totals 0 {name}"))
}

/// Queries that each source sends.
const SENT: u32 = 9;

/// Rates, and sources in the order in which they send, each with the number of its queries that pass.
type Case = (&'static str, &'static [(&'static str, u32)]);

const LEVELS: &[Case] = &[
    (
        "address_rate=1 address_burst=3",
        &[
            ("10.0.0.1", 3),
            ("10.0.0.2", 3),
            ("2001:db8::1", 3),
            ("2001:db8::2", 3),
        ],
    ),
    (
        "link_rate=1 link_burst=3",
        &[
            ("10.0.0.1", SENT),
            ("2001:db8::1", 3),
            ("2001:db8::ffff:ffff:ffff:ffff", 0),
            ("2001:db8:0:1::1", 3),
        ],
    ),
    (
        "network_rate=1 network_burst=3",
        &[
            ("10.0.0.1", 3),
            ("10.0.0.255", 0),
            ("10.0.1.1", 3),
            ("2001:db8::1", 3),
            ("2001:db8:0:ff::1", 0),
            ("2001:db8:0:100::1", 3),
        ],
    ),
    (
        "network_rate=1 network_burst=3 ip4_bits=20 ip6_bits=100",
        &[
            ("10.0.0.1", 3),
            ("10.0.15.1", 0),
            ("10.0.16.1", 3),
            ("2001:db8::1", 3),
            ("2001:db8::fff:ffff", 0),
            ("2001:db8::1000:1", 3),
            ("2001:db8:0:1::1", 3),
        ],
    ),
    (
        "site_rate=1 site_burst=3",
        &[
            ("10.0.0.1", 3),
            ("10.0.255.1", 0),
            ("10.1.0.1", 3),
            ("2001:db8::1", 3),
            ("2001:db8:0:ffff::1", 0),
            ("2001:db8:1::1", 3),
        ],
    ),
    // A burst of 0 is as long as the rate.
    ("site_rate=1", &[("10.0.0.1", 1), ("10.0.255.1", 0)]),
];

#[test]
fn each_prefix_length_has_its_own_rate() {
    for (rates, sources) in LEVELS {
        check(rates, sources);
    }
}

/// The longest prefix is first, and a query over a rate takes no token of the shorter ones.
#[test]
fn query_over_a_rate_takes_no_token_of_wider_networks() {
    check(
        "address_rate=1 address_burst=2 network_rate=1 network_burst=5 site_rate=1 site_burst=8",
        &[
            ("10.0.0.1", 2),
            ("10.0.0.2", 2),
            ("10.0.0.3", 1),
            ("10.0.0.4", 0),
            ("10.0.1.1", 2),
            ("10.0.1.2", 1),
            ("10.0.2.1", 0),
            ("10.1.0.1", 2),
        ],
    );
    check(
        "address_rate=1 address_burst=2 link_rate=1 link_burst=3 network_rate=1 network_burst=5 \
         site_rate=1 site_burst=6",
        &[
            ("2001:db8::1", 2),
            ("2001:db8::2", 1),
            ("2001:db8::3", 0),
            ("2001:db8:0:1::1", 2),
            ("2001:db8:0:2::1", 0),
            ("2001:db8:0:100::1", 1),
            ("2001:db8:0:200::1", 0),
            ("2001:db8:1::1", 2),
        ],
    );
}

/// An address of another family, or a network with the same bits at another place, is another source.
#[test]
fn addresses_of_both_families_share_no_bucket() {
    check(
        "address_rate=1 address_burst=3",
        &[
            ("10.0.0.1", 3),
            ("::ffff:10.0.0.1", 3),
            ("::10.0.0.1", 3),
            ("0:0:a00:1::", 3),
            ("a00:1::", 3),
            ("::a00:1:0:0", 3),
        ],
    );
    check(
        "network_rate=1 network_burst=3 ip4_bits=8 ip6_bits=8",
        &[("0.0.0.1", 3), ("::1", 3)],
    );
    check(
        "network_rate=1 network_burst=3 ip4_bits=32 ip6_bits=32",
        &[("10.0.0.1", 3), ("a00:1::", 3), ("::10.0.0.1", 3)],
    );
}

fn check(rates: &str, sources: &[(&str, u32)]) {
    for program in PROGRAMS {
        let passed = before_a_token(program, rates, "monitor=false", |filter| {
            let each = sources.iter();
            each.map(|(source, _)| (*source, passes(filter, &ask(source), SENT)))
                .collect::<Vec<_>>()
        });
        assert_eq!(passed, sources, "{program}: {rates}");
    }
}

#[test]
fn rules_with_other_prefix_lengths_share_no_bucket() {
    let rules = [
        "10.0.0.0/8 source_rate=1 source_burst=3 ip4_bits=16",
        "10.0.0.0/24 source_rate=1 source_burst=3 ip4_bits=24",
    ];
    let passed = Filter::before_a_token("limit", &rules, |filter| {
        ["10.0.5.1", "10.0.0.1", "10.0.6.1"].map(|source| passes(filter, &ask(source), SENT))
    });
    assert_eq!(passed, [3, 3, 0]);
}

#[test]
fn query_over_a_rate_takes_no_token_of_the_subnet() {
    let rule = "10.0.0.0/8 rate=1 burst=10 address_rate=1 address_burst=4 site_rate=1 site_burst=6";
    let (passed, counted) = Filter::before_a_token("limit", &[rule], |filter| {
        let sources = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "10.2.0.1"];
        let passed = sources.map(|source| passes(filter, &ask(source), SENT));
        let fields = ["passed", "dropped", "source_dropped"];
        let counted = fields.map(|field| filter.number(&format!("10.0.0.0/8 {field}")));
        (passed, counted)
    });
    assert_eq!(passed, [4, 2, 4, 0]);
    assert_eq!(counted, [10, 14, 12]);
}
