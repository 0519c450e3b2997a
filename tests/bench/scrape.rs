//! How long Prometheus waits.

use std::time::Duration;

use super::http::Scraper;
use super::process::{EXPORTER_PAGE, Exporter};
use super::sample::Sample;
use super::site::{METRICS, PAGE, Site, block_list, corefile, metrics};
use super::table::{Aim, Figure, Row, Unit};

const ROUNDS: usize = 10;
const REQUESTS: usize = 250;

pub(crate) const NOTE: &str = "\
scrape: GET /metrics over one kept-alive connection, 2,500 requests in 10 turns; the spread of p50 is the middle half of
them, that of p99 the lowest and highest p99 of a turn. The node exporter reads /proc for its numbers where corexdp asks
the kernel for map entries; its collectors were chosen for about as many series. `of a full list`: the map is a hash with
100,000 entries, which corexdp_map_entries counts anew for each scrape.";

/// Each turn's times.
type Turns = Vec<Vec<Duration>>;

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    // Two numbers in each of the 128 rules of an array.
    let rules = metrics(|number| ((number / 2).swap_bytes(), number % 2 * 48));
    site.write("rules", &corefile("acl.o", true, &rules));
    let blocked = metrics(|number| (0x0a00_0000 + number, 0));
    let list = block_list(100_000) + &blocked;
    site.write("list", &corefile("big.o", true, &list));
    let mut rows = compare(site, "rules", "an array");
    rows.extend(compare(site, "list", "a full list"));
    rows
}

fn compare(site: &Site, corefile: &str, of: &str) -> Vec<Row> {
    let daemon = site.start(corefile);
    daemon.line("page: http");
    let exporter = Exporter::start();
    let (mut ours, mut theirs) = (Scraper::connect(PAGE), Scraper::connect(EXPORTER_PAGE));
    let (mut our_turns, mut their_turns) = (Turns::new(), Turns::new());
    // The first turn warms both up.
    for round in 0..=ROUNDS {
        let (our_turn, their_turn) = (turn(&mut ours), turn(&mut theirs));
        if round > 0 {
            our_turns.push(our_turn);
            their_turns.push(their_turn);
        }
    }
    let (our_series, their_series) = (ours.series(), theirs.series());
    eprintln!("series: corexdp {our_series}, node exporter {their_series}");
    drop((ours, theirs, exporter));
    daemon.stop();
    let row = |name: &str, figure: fn(&Turns) -> Figure, aim| Row {
        what: format!("scrape {METRICS} metrics of {of}, {name}"),
        unit: Unit::Seconds,
        ours: figure(&our_turns),
        peer: "node exporter",
        theirs: figure(&their_turns),
        aim,
    };
    vec![
        row("p50", middle, Aim::None),
        row("p99", tail, Aim::Fraction(5)),
    ]
}

fn turn(scraper: &mut Scraper) -> Vec<Duration> {
    (0..REQUESTS).map(|_| scraper.scrape()).collect()
}

fn all(turns: &Turns) -> Sample {
    turns.iter().flatten().copied().collect()
}

fn middle(turns: &Turns) -> Figure {
    Figure::from(&all(turns))
}

fn tail(turns: &Turns) -> Figure {
    let p99 = |turn: &Vec<Duration>| turn.iter().copied().collect::<Sample>().percentile(99);
    Figure {
        middle: all(turns).percentile(99),
        spread: Some(turns.iter().map(p99).collect::<Sample>().range()),
    }
}
