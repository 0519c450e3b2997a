//! Real clients beside a forged flood, with rates alone and with proofs of their sources.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use super::clients::{Clients, Outcome};
use super::forged::flooded_from;
use super::served::{OUTSIDE_CPU, Served};
use super::site::{PAGE, Site};
use super::table::{Aim, Figure, Row, Unit};
use support::net::Response;

/// Queries per second of all clients together, and of the flood.
const RATE: f64 = 12_000.0;
const FLOODS: [f64; 2] = [120_000.0, 1_200_000.0];
/// The clients: one address in each of so many /24 of this /16.
const NETWORK: [u8; 2] = [10, 77];
const CLIENTS: u8 = 200;
/// Time in which the clients ask before the flood.
const CALM: Duration = Duration::from_secs(3);
/// Time of the flood before its last part is measured.
const BEFORE: Duration = Duration::from_mins(1);
const LAST: Duration = Duration::from_secs(10);
const PEER: &str = "rates alone";

pub(crate) const NOTE: &str = "\
proof: knotd behind a veth with guard in native mode; 200 clients of a /16, each in a /24 of its own, that ask 12,000 queries
per second together and retry over TCP after a truncated response; after 3 s of these, a flood of valid queries from forged
sources: random ones, or addresses of the clients' /16. Both filters have source_rate=1000 for each /24 and truncate=true, as a
guard of strangers. With proofs: also site_rate=1000 new_rate=1000 proven_rate=200 answer_rate=20000. Lost: without an answer
within 2 s, over UDP and TCP, in 70 s of the flood. Over TCP: share of the truncated responses in the last 10 s. Forged: queries
that passed to the server in a second, less those of the clients. The flood has what the clients leave of their CPU, and the
network what it needs of both, so that the greatest flood leaves knotd little of the server's.";

/// Figures of one flood.
struct Flooded {
    lost: f64,
    over_tcp: f64,
    /// Forged queries per second, sent and passed.
    sent: f64,
    passed: f64,
}

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let served = Served::start(site);
    served.add_clients(addresses());
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bpf/guard.o");
    fs::copy(built, site.file("guard.o")).unwrap();
    site.write("rates", &corefile(&served.interface, "", ""));
    let proofs = corefile(
        &served.interface,
        "new_rate=1000 proven_rate=200 answer_rate=20000",
        "site_rate=1000",
    );
    site.write("proofs", &proofs);
    let mut rows = Vec::new();
    for flood in FLOODS {
        for (sources, network) in [("random", None), ("the clients' /16", Some(NETWORK))] {
            let [alone, proven] =
                ["rates", "proofs"].map(|name| flood_with(site, &served, name, network, flood));
            let what = format!("{flood}/s from {sources}");
            rows.extend(compare(&what, &proven, &alone));
        }
    }
    rows
}

/// The addresses of the clients.
fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    let [a, b] = NETWORK;
    (1..=CLIENTS).map(move |c| Ipv4Addr::new(a, b, c, 255 - c))
}

fn corefile(interface: &str, settings: &str, rates: &str) -> String {
    format!(
        ". {{\nprometheus {PAGE}\nebpf {{\nelf guard.o\nif {interface}\nmode native\n\
        entry @settings 0 truncate=true {settings}\n\
        entry @limits 0.0.0.0/0 source_rate=1000 {rates}\n\
        counter passed @totals 0 passed \"Passed.\"\n}}\n}}\n"
    )
}

fn flood_with(
    site: &Site,
    served: &Served,
    name: &str,
    network: Option<[u8; 2]>,
    rate: f64,
) -> Flooded {
    let daemon = site.start(name).attached(1);
    let sender = served.sender();
    let mut clients = served.inside(|| Clients::new(addresses()));
    // They are known when the flood begins.
    clients.ask(RATE, CALM);
    let act = || {
        let first = clients.ask(RATE, BEFORE);
        let before = passed();
        let last = clients.ask(RATE, LAST);
        (first, last, passed() - before)
    };
    let ((first, last, passed), sent) = flooded_from(network, &sender, rate, OUTSIDE_CPU, act);
    daemon.stop();
    let asked = f64::from(first.asked + last.asked);
    let real = f64::from(last.asked - last.over_tcp);
    Flooded {
        lost: f64::from(first.lost + last.lost) / asked,
        over_tcp: share(last),
        sent,
        passed: ((passed - real) / LAST.as_secs_f64()).max(0.0),
    }
}

fn share(outcome: Outcome) -> f64 {
    f64::from(outcome.over_tcp) / f64::from(outcome.asked)
}

/// The program's counter of passed packets.
fn passed() -> f64 {
    let page = Response::here(PAGE, "GET /metrics HTTP/1.1");
    let line = page.metric("coredns_ebpf_passed");
    line.expect("the page has the counter").parse().unwrap()
}

fn compare(what: &str, ours: &Flooded, theirs: &Flooded) -> [Row; 4] {
    let row = |name: &str, unit, ours, theirs, aim| Row {
        what: format!("{what}: {name}"),
        unit,
        ours: Figure::once(ours),
        peer: PEER,
        theirs: Figure::once(theirs),
        aim,
    };
    [
        row("sent", Unit::PerSecond, ours.sent, theirs.sent, Aim::None),
        row(
            "lost",
            Unit::Percent,
            ours.lost,
            theirs.lost,
            Aim::Most(0.001),
        ),
        row(
            "over TCP",
            Unit::Percent,
            ours.over_tcp,
            theirs.over_tcp,
            Aim::Most(0.02),
        ),
        row(
            "forged passed",
            Unit::PerSecond,
            ours.passed,
            theirs.passed,
            Aim::None,
        ),
    ]
}
