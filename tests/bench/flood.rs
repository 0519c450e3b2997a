//! A DNS server under a flood, with and without a filter.

use std::fs;
use std::path::Path;

use super::forged::flooded;
use super::sample::Sample;
use super::served::{OUTSIDE_CPU, Served};
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use support::net::Daemon;

const ROUNDS: usize = 3;
/// Seconds of queries in each measurement.
const SECONDS: u32 = 2;
/// The client's rate is the server's highest rate divided by this number.
const SHARE: f64 = 8.0;
/// The flood's rate in multiples of the client's rate.
const TIMES: f64 = 10.0;
/// Upper bound of the client's rate: a tenfold flood of a higher rate would leave the client too little CPU time.
const MOST: f64 = 12_000.0;
const PEER: &str = "no filter";
/// Names of the filters in the table and of their objects.
const FILTERS: [&str; 2] = ["guard", "acl"];

pub(crate) const NOTE: &str = "\
flood: knotd behind a veth, without a filter and with one that corexdp has attached in native mode; 2 s each, 3 times in
turns. `at most`: dnsperf with 100 queries open at a time, as fast as answers come. Else it asks at a rate that the
server can bear, an eighth of that and no more than 12,000/s, and waits 0.5 s for an answer. The flood adds ten times as
many valid queries from random IPv4 addresses, by an AF_PACKET socket. A limit of each source does not help against it,
because hardly a source comes twice; a list of the known clients does. guard: 1,000 packets per second from all sources
together, and a million from 192.0.2.0/24, the resolvers that dnsperf stands for; a query over the limit gets a
truncated response, after which a real client retries over TCP and a forged one cannot. acl: 192.0.2.0/24 alone. CPU 1
runs knotd and the kernel's work for packets that arrive there, the filter included; CPU 0 runs dnsperf, the flood and
the kernel's work for them. The kernel's work precedes the processes, as an interrupt does. If fewer queries were
answered than asked for and none was lost, dnsperf had too little of its CPU. The aims compare with the same flood
without a filter.";

/// Measurements with one filter, or without a filter.
#[derive(Default)]
struct Turns {
    most: Vec<f64>,
    calm: Vec<f64>,
    answered: Vec<f64>,
    lost: Vec<f64>,
    latency: Vec<f64>,
    forged: Vec<f64>,
}

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let served = Served::start(site);
    for name in FILTERS {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bpf");
        let object = format!("{name}.o");
        fs::copy(built.join(&object), site.file(&object)).unwrap();
        site.write(name, &corefile(name, &served.interface));
    }
    let first = at_most(site, &served);
    let rate = ((first / SHARE / 1000.0).round() * 1000.0).clamp(1000.0, MOST);
    let mut turns = [(); 3].map(|()| Turns::default());
    for _ in 0..ROUNDS {
        for (turns, filter) in turns.iter_mut().zip([None, Some("guard"), Some("acl")]) {
            let daemon = filter.map(|name| attached(site, name));
            turns.take(site, &served, rate);
            daemon.map(Daemon::stop);
        }
    }
    drop(served);
    rows(rate, turns)
}

fn corefile(name: &str, interface: &str) -> String {
    let lines = match name {
        "guard" => {
            "entry @settings 0 truncate=true\n\
            entry @limits 0.0.0.0/0 rate=1000\n\
            entry @limits ::/0 rate=1000\n\
            entry @limits 192.0.2.0/24 rate=1000000\n\
            counter cut @totals 0 truncated \"Sent to TCP.\"\n"
        }
        _ => {
            "entry @settings 0 unlisted=ACL_DROP\n\
            entry 192.0.2.0/24 action=ACL_PASS\n\
            counter dropped @totals 0 dropped \"Dropped.\"\n"
        }
    };
    format!(". {{\nprometheus\nebpf {{\nelf {name}.o\nif {interface}\nmode native\n{lines}}}\n}}\n")
}

fn attached(site: &Site, name: &str) -> Daemon {
    site.start(name).attached(1)
}

/// The highest rate of responses per second.
fn at_most(site: &Site, served: &Served) -> f64 {
    let answers = served.ask(site, &["-l", &SECONDS.to_string()]);
    answers.count / f64::from(SECONDS)
}

impl Turns {
    fn take(&mut self, site: &Site, served: &Served, rate: f64) {
        self.most.push(at_most(site, served));
        let (seconds, asked) = (SECONDS.to_string(), rate.to_string());
        // `-q` does not limit the open queries within this time.
        let how = ["-l", &seconds, "-Q", &asked, "-q", "60000", "-t", "0.5"];
        self.calm.push(served.ask(site, &how).latency);
        let sender = served.sender();
        let ask = || served.ask(site, &how);
        let (answers, forged) = flooded(&sender, rate * TIMES, OUTSIDE_CPU, ask);
        self.answered.push(answers.count / f64::from(SECONDS));
        self.lost.push(answers.lost);
        self.latency.push(answers.latency);
        self.forged.push(forged);
    }

    fn figures(self) -> [Figure; 6] {
        let lists = [
            self.most,
            self.calm,
            self.forged,
            self.answered,
            self.lost,
            self.latency,
        ];
        lists.map(|list| Figure::from(&list.into_iter().collect::<Sample>()))
    }
}

fn rows(rate: f64, turns: [Turns; 3]) -> Vec<Row> {
    let [none, guard, acl] = turns.map(Turns::figures);
    let kinds = [
        ("answers at most".to_owned(), Unit::PerSecond, Aim::None),
        (format!("latency at {rate}/s"), Unit::Seconds, Aim::None),
        ("flood: forged".to_owned(), Unit::PerSecond, Aim::None),
        ("flood: answered".to_owned(), Unit::PerSecond, Aim::None),
        ("flood: lost".to_owned(), Unit::Percent, Aim::Fraction(25)),
        ("flood: latency".to_owned(), Unit::Seconds, Aim::Fraction(5)),
    ];
    let mut rows = Vec::new();
    for (name, ours) in FILTERS.into_iter().zip([guard, acl]) {
        for (((what, unit, aim), ours), theirs) in kinds.iter().zip(ours).zip(none) {
            rows.push(Row {
                what: format!("{name}, {what}"),
                unit: *unit,
                ours,
                peer: PEER,
                theirs,
                aim: *aim,
            });
        }
    }
    rows
}
