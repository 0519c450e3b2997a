//! Trials: the traffics that arrive at one interface, behind one filter after the other.

use std::collections::BTreeMap;
use std::thread;

use support::net::Daemon;

use super::filter::Filter;
use super::router::Router;
use super::table::Row;
use super::traffic::{Carried, Traffic};

/// A busy machine loses packets and is slow by itself. A filter that is at fault is so in each of these tries.
const TRIES: usize = 5;
const MEASUREMENTS: usize = 12;
/// Measurements of the price of XDP itself, which has no aim.
const TURNS: usize = 3;
/// The least throughput, as a share of that behind a program that passes everything.
const LEAST: f64 = 0.9;

/// An interface of the router.
pub struct Trials<'a> {
    router: &'a Router,
    interface: &'static str,
    traffics: Vec<&'a dyn Traffic>,
    pub rows: Vec<Row>,
    /// Losses and delays by a filter.
    pub faults: Vec<String>,
}

/// The account of a traffic, and of the filter meanwhile.
#[derive(Debug)]
struct Run {
    carried: Result<Carried, String>,
    /// Packets that the filter dropped or answered; with `monitor`, that it would.
    dropped: u64,
}

impl Run {
    fn is_perfect(&self) -> bool {
        self.dropped == 0 && self.carried.as_ref().is_ok_and(|carried| carried.lost == 0)
    }

    fn rate(&self) -> f64 {
        let carried = self.carried.as_ref().ok();
        carried.and_then(|carried| carried.rate).unwrap_or(0.0)
    }
}

impl<'a> Trials<'a> {
    pub fn new(router: &'a Router, interface: &'static str, all: &'a [Box<dyn Traffic>]) -> Self {
        let mut traffics: Vec<_> = all.iter().map(|traffic| &**traffic).collect();
        traffics.retain(|traffic| traffic.interfaces().contains(&interface));
        Self {
            router,
            interface,
            traffics,
            rows: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Carries the traffics without a filter, then behind a program that passes everything, then behind each filter.
    pub fn run(&mut self) {
        self.try_one(None);
        self.try_one(Some(&Filter::pass()));
        for filter in Filter::all() {
            self.try_one(Some(&filter));
        }
    }

    fn try_one(&mut self, filter: Option<&Filter>) {
        let mut traffics = self.traffics.clone();
        traffics.retain(|traffic| filter.is_none_or(|filter| filter.passes(traffic.kind())));
        let mut runs = self.carry(filter, &traffics);
        for (traffic, run) in traffics.iter().zip(&mut runs) {
            self.repeat(filter, *traffic, run);
        }
        let ratios = match filter {
            Some(filter) if filter.is_measured => self.ratios(filter, &traffics, &runs),
            Some(filter) if filter.passes_everything() => self.price(filter, &traffics, &runs),
            _ => vec![None; runs.len()],
        };
        for ((traffic, run), ratio) in traffics.iter().zip(&runs).zip(ratios) {
            self.judge(filter, *traffic, run, ratio);
        }
    }

    /// Adds a row to the table, and a fault if the filter harms the traffic.
    fn judge(
        &mut self,
        filter: Option<&Filter>,
        traffic: &dyn Traffic,
        run: &Run,
        ratio: Option<f64>,
    ) {
        let (interface, traffic) = (self.interface, traffic.name());
        let name = filter.map_or("none".to_owned(), Filter::name);
        let is_measured = filter.is_some_and(|filter| filter.is_measured);
        let is_slow = is_measured && ratio.is_some_and(|ratio| ratio < LEAST);
        if !run.is_perfect() || is_slow {
            self.faults.push(format!(
                "{interface}: {name}: {traffic}: {run:?}, ratio {ratio:?}"
            ));
        }
        let (sent, lost) = run
            .carried
            .as_ref()
            .map_or((0, 0), |one| (one.sent, one.lost));
        self.rows.push(Row {
            interface,
            filter: name,
            traffic,
            sent,
            lost,
            dropped: run.dropped,
            ratio,
        });
    }

    /// Tries a traffic again that lost packets which the filter did not drop.
    fn repeat(&self, filter: Option<&Filter>, traffic: &'a dyn Traffic, run: &mut Run) {
        for _ in 1..TRIES {
            if run.is_perfect() || run.dropped > 0 {
                return;
            }
            *run = self.carry(filter, &[traffic]).remove(0);
        }
    }

    /// Throughput behind a filter as a share of that behind a program that passes everything, measured right after it.
    /// A share below [`LEAST`] is measured again.
    fn ratios(
        &self,
        filter: &Filter,
        traffics: &[&'a dyn Traffic],
        runs: &[Run],
    ) -> Vec<Option<f64>> {
        let pass = Filter::pass();
        let mut rates: Vec<f64> = runs.iter().map(Run::rate).collect();
        let mut ratios: Vec<Option<f64>> = vec![None; runs.len()];
        for number in 0..MEASUREMENTS {
            let mut open: Vec<usize> = (0..runs.len()).collect();
            open.retain(|&index| {
                rates[index] > 0.0 && ratios[index].is_none_or(|ratio| ratio < LEAST)
            });
            let picked: Vec<_> = open.iter().map(|&index| traffics[index]).collect();
            if picked.is_empty() {
                break;
            }
            if number > 0 {
                for (&index, run) in open.iter().zip(self.carry(Some(filter), &picked)) {
                    rates[index] = run.rate();
                }
            }
            for (&index, run) in open.iter().zip(self.carry(Some(&pass), &picked)) {
                let ratio = rates[index] / run.rate().max(1.0);
                ratios[index] = Some(ratios[index].map_or(ratio, |before| before.max(ratio)));
            }
        }
        ratios
    }

    /// Best throughput behind a program as a share of the best without XDP, in turns.
    fn price(
        &self,
        filter: &Filter,
        traffics: &[&'a dyn Traffic],
        runs: &[Run],
    ) -> Vec<Option<f64>> {
        let mut rated: Vec<usize> = (0..runs.len()).collect();
        rated.retain(|&index| runs[index].rate() > 0.0);
        let picked: Vec<_> = rated.iter().map(|&index| traffics[index]).collect();
        let mut best = vec![(0.0_f64, 0.0_f64); picked.len()];
        for _ in 0..TURNS {
            let runs = self.carry(Some(filter), &picked);
            let without = self.carry(None, &picked);
            for ((best, run), without) in best.iter_mut().zip(runs).zip(without) {
                *best = (best.0.max(run.rate()), best.1.max(without.rate()));
            }
        }
        let mut ratios = vec![None; traffics.len()];
        for (index, (with, without)) in rated.into_iter().zip(best) {
            ratios[index] = (without > 0.0).then(|| with / without);
        }
        ratios
    }

    /// Carries traffics behind a filter: at the same time, except for those that run alone.
    fn carry(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let corefile = filter.map(|filter| filter.corefile(self.interface));
        let daemon = corefile.map(|corefile| self.router.filter(&corefile));
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..traffics.len()).partition(|&index| traffics[index].runs_alone());
        let picked: Vec<_> = together.iter().map(|&index| traffics[index]).collect();
        let mut runs = BTreeMap::new();
        runs.extend(
            together
                .into_iter()
                .zip(self.carry_at_once(filter, &picked)),
        );
        for index in alone {
            runs.insert(
                index,
                self.carry_at_once(filter, &[traffics[index]]).remove(0),
            );
        }
        daemon.map(Daemon::stop);
        runs.into_values().collect()
    }

    /// The filter's account is that of all these traffics together. If it dropped packets, each is tried again alone.
    fn carry_at_once(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let drops = || filter.map_or(0, |filter| filter.drops(self.router, self.interface));
        let before = drops();
        let carried = thread::scope(|scope| {
            let start = |traffic: &&'a dyn Traffic| {
                let traffic = *traffic;
                scope.spawn(move || traffic.run(self.router))
            };
            let started: Vec<_> = traffics.iter().map(start).collect();
            let carried = started.into_iter().map(|one| one.join().unwrap());
            carried.collect::<Vec<_>>()
        });
        let dropped = drops() - before;
        if dropped > 0 && traffics.len() > 1 {
            let each = traffics
                .iter()
                .map(|&traffic| self.carry_at_once(filter, &[traffic]).remove(0));
            let each: Vec<_> = each.collect();
            if each.iter().any(|run| run.dropped > 0) {
                return each;
            }
        }
        carried
            .into_iter()
            .map(|carried| Run { carried, dropped })
            .collect()
    }
}
