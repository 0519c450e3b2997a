//! Throughput of traffics behind a filter, relative to the throughput behind a reference: the baseline or no filter.

use super::filter::Filter;
use super::router::Router;
use super::traffic::Traffic;

/// Least throughput of a filter relative to the reference.
const LEAST: f64 = 0.9;
/// Rounds for each traffic, and most rounds for a traffic that is still too slow. A round measures behind the filter and
/// behind the reference. On a busy machine any measurement may be slow, but not the one behind the filter in every round.
const ROUNDS: usize = 2;
const MOST_ROUNDS: usize = 12;

/// Throughput of one traffic, over all rounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throughput {
    /// The greatest rates behind the filter and behind the reference.
    own: f64,
    reference: f64,
    /// The greatest ratio of a round.
    best_round: f64,
}

impl Throughput {
    fn add(&mut self, own: f64, reference: f64) {
        self.own = self.own.max(own);
        self.reference = self.reference.max(reference);
        self.best_round = self.best_round.max(own / reference.max(1.0));
    }

    /// Ratio of the greatest rates.
    pub fn ratio(&self) -> f64 {
        self.own / self.reference.max(1.0)
    }

    /// True if the ratio is below [`LEAST`] in each round and over all rounds.
    pub fn is_slow(&self) -> bool {
        self.ratio().max(self.best_round) < LEAST
    }
}

/// Measures traffics behind a filter and behind a reference. The result is `None` for a traffic without a rate.
pub fn compare(
    router: &Router,
    interface: &str,
    [filter, reference]: [Option<&Filter>; 2],
    traffics: &[&dyn Traffic],
) -> Vec<Option<Throughput>> {
    let mut all: Vec<Option<Throughput>> = Vec::new();
    all.extend(
        traffics
            .iter()
            .map(|traffic| traffic.has_rate().then(Throughput::default)),
    );
    for round in 0..MOST_ROUNDS {
        let mut open: Vec<_> = traffics.iter().zip(&mut all).collect();
        open.retain(|(_, known)| {
            known.is_some_and(|known| round < ROUNDS || reference.is_some() && known.is_slow())
        });
        let picked: Vec<_> = open.iter().map(|(traffic, _)| **traffic).collect();
        if picked.is_empty() {
            break;
        }
        let rates = rates(router, interface, filter, &picked);
        let references = self::rates(router, interface, reference, &picked);
        for ((_, known), (own, reference)) in
            open.into_iter().zip(rates.into_iter().zip(references))
        {
            known.get_or_insert_default().add(own, reference);
        }
    }
    all
}

/// Runs the traffics one after the other, and returns their rates; 0 if a run fails.
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
