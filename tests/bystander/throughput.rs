//! The throughput of traffics behind a filter, as a share of that behind another.

use super::filter::Filter;
use super::router::Router;
use super::traffic::Traffic;

/// The least share that a filter may leave.
const LEAST: f64 = 0.9;
/// Rounds of measurements in turns: of each traffic, and of one whose share is too small. On a busy machine each
/// measurement may be slow, but not that behind the filter in each round.
const ROUNDS: usize = 2;
const MOST_ROUNDS: usize = 12;

/// Throughput of one traffic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throughput {
    /// The best behind the filter, and behind the other.
    own: f64,
    other: f64,
    /// The greatest share of a round.
    share: f64,
}

impl Throughput {
    fn add(&mut self, own: f64, other: f64) {
        self.own = self.own.max(own);
        self.other = self.other.max(other);
        self.share = self.share.max(own / other.max(1.0));
    }

    /// The share for the table.
    pub fn ratio(&self) -> f64 {
        self.own / self.other.max(1.0)
    }

    /// True if no round, nor all of them together, had the least share.
    pub fn is_small(&self) -> bool {
        self.ratio().max(self.share) < LEAST
    }
}

/// Measures those traffics that have a rate, behind a filter and behind another or none.
pub fn compare(
    router: &Router,
    interface: &str,
    [filter, other]: [Option<&Filter>; 2],
    traffics: &[&dyn Traffic],
) -> Vec<Option<Throughput>> {
    let mut all: Vec<Option<Throughput>> = Vec::new();
    all.extend(
        traffics
            .iter()
            .map(|one| one.has_rate().then(Throughput::default)),
    );
    for round in 0..MOST_ROUNDS {
        let mut open: Vec<_> = traffics.iter().zip(&mut all).collect();
        open.retain(|(_, known)| {
            known.is_some_and(|known| round < ROUNDS || other.is_some() && known.is_small())
        });
        let picked: Vec<_> = open.iter().map(|(traffic, _)| **traffic).collect();
        if picked.is_empty() {
            break;
        }
        let rates = rates(router, interface, filter, &picked);
        let others = self::rates(router, interface, other, &picked);
        for ((_, known), (own, other)) in open.into_iter().zip(rates.into_iter().zip(others)) {
            known.get_or_insert_default().add(own, other);
        }
    }
    all
}

/// The rate of each, one after the other; 0: it did not arrive.
fn rates(
    router: &Router,
    interface: &str,
    filter: Option<&Filter>,
    traffics: &[&dyn Traffic],
) -> Vec<f64> {
    let daemon = filter.map(|filter| router.filter(&filter.corefile(interface)));
    let rate = |traffic: &&dyn Traffic| traffic.run(router).ok()?.rate;
    let rates = traffics.iter().map(|traffic| rate(traffic).unwrap_or(0.0));
    let rates = rates.collect();
    daemon.map(support::net::Daemon::stop);
    rates
}
