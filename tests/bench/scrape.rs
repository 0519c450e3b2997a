//! The duration of a scrape.

use std::time::Duration;

use super::http::Scraper;
use super::process::{EXPORTER_PAGE, Exporter};
use super::sample::Sample;
use super::site::{METRICS, PAGE, Site, block_list, corefile, metrics};
use super::table::{Aim, Figure, Row, Unit};
use support::net::pause;

const ROUNDS: usize = 10;
const REQUESTS: usize = 250;
/// The number of scrapes with pauses in between, as Prometheus makes them.
const SPACED: usize = 20;
const SPACE_MILLISECONDS: u64 = 8_000;

pub(crate) const NOTE: &str = "\
scrape: GET /metrics over one kept-alive connection, 2,500 requests in 10 turns; the spread of p50 is the middle half of
them, that of p99 the lowest and highest p99 of a turn. The node exporter reads /proc for its numbers where corexdp asks
the kernel for map entries; its collectors were chosen for about as many series. `of a full list`: the map is a hash
with 100,000 entries, and the 20 scrapes are 8 s apart; corexdp_map_entries is counted anew once a minute, since the
program itself adds and deletes nothing.";

/// The durations of each turn.
type Turns = Vec<Vec<Duration>>;

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    // Two numbers in each of the 128 rules of an array.
    let rules = metrics(|number| ((number / 2).swap_bytes(), number % 2 * 40));
    site.write("rules", &corefile("ordered.o", true, &rules));
    let blocked = metrics(|number| (0x0a00_0000 + number, 0));
    let list = block_list(100_000) + &blocked;
    site.write("list", &corefile("big.o", true, &list));
    let (ours, theirs) = compare(site, "rules", ROUNDS, turn);
    let spaced = compare(site, "list", SPACED, |scraper| {
        pause(SPACE_MILLISECONDS / 2);
        vec![scraper.scrape()]
    });
    vec![
        row("an array, p50", middle(&ours), middle(&theirs), Aim::None),
        row(
            "an array, p99",
            tail(&ours),
            tail(&theirs),
            Aim::Fraction(5),
        ),
        row(
            "a full list, p50",
            middle(&spaced.0),
            middle(&spaced.1),
            Aim::None,
        ),
    ]
}

fn row(of: &str, ours: Figure, theirs: Figure, aim: Aim) -> Row {
    Row {
        what: format!("scrape {METRICS} metrics of {of}"),
        unit: Unit::Seconds,
        ours,
        peer: "node exporter",
        theirs,
        aim,
    }
}

/// Scrapes corexdp with this Corefile and the node exporter in turn.
fn compare(
    site: &Site,
    corefile: &str,
    rounds: usize,
    turn: impl Fn(&mut Scraper) -> Vec<Duration>,
) -> (Turns, Turns) {
    let daemon = site.start(corefile);
    daemon.line("page: http");
    let exporter = Exporter::start();
    let (mut ours, mut theirs) = (Scraper::connect(PAGE), Scraper::connect(EXPORTER_PAGE));
    // The first turn fills the caches of both.
    turn(&mut ours);
    turn(&mut theirs);
    let turns = (0..rounds).map(|_| (turn(&mut ours), turn(&mut theirs)));
    let turns = turns.unzip();
    let (our_series, their_series) = (ours.series(), theirs.series());
    eprintln!("series: corexdp {our_series}, node exporter {their_series}");
    drop((ours, theirs, exporter));
    daemon.stop();
    turns
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
