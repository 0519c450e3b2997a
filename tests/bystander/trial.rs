//! Trials: the traffics that arrive at one interface, behind one filter after the other.

use std::collections::BTreeMap;
use std::thread;

use support::net::Daemon;

use super::filter::Filter;
use super::router::Router;
use super::table::Row;
use super::throughput::{Throughput, compare};
use super::traffic::{Carried, Traffic};

/// A busy machine loses packets by itself. A filter that is at fault does so in each of these tries.
const TRIES: usize = 5;

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
        let lossless = runs.iter().all(Run::is_perfect);
        let pass = Filter::pass();
        let pair = match filter {
            Some(filter) if filter.is_measured && lossless => Some([Some(filter), Some(&pass)]),
            Some(filter) if filter.passes_everything() => Some([Some(filter), None]),
            _ => None,
        };
        let throughput = pair.map(|pair| compare(self.router, self.interface, pair, &traffics));
        let throughput = throughput.unwrap_or_else(|| vec![None; runs.len()]);
        for ((traffic, run), throughput) in traffics.iter().zip(&runs).zip(throughput) {
            self.judge(filter, *traffic, run, throughput);
        }
    }

    /// Adds a row to the table, and a fault if the filter harms the traffic.
    fn judge(
        &mut self,
        filter: Option<&Filter>,
        traffic: &dyn Traffic,
        run: &Run,
        throughput: Option<Throughput>,
    ) {
        let (interface, traffic) = (self.interface, traffic.name());
        let name = filter.map_or("none".to_owned(), Filter::name);
        let is_measured = filter.is_some_and(|filter| filter.is_measured);
        let is_slow = is_measured && throughput.is_some_and(|one| one.is_small());
        if !run.is_perfect() || is_slow {
            self.faults.push(format!(
                "{interface}: {name}: {traffic}: {run:?}, {throughput:?}"
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
            ratio: throughput.map(|one| one.ratio()),
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

    /// Carries traffics behind a filter: at the same time, except for those that run alone.
    fn carry(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let corefile = filter.map(|filter| filter.corefile(self.interface));
        let daemon = corefile.map(|corefile| self.router.filter(&corefile));
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..traffics.len()).partition(|&index| traffics[index].runs_alone());
        let mut runs = BTreeMap::new();
        for index in alone {
            let mut run = self.carry_at_once(filter, &[traffics[index]]);
            runs.insert(index, run.remove(0));
        }
        let picked: Vec<_> = together.iter().map(|&index| traffics[index]).collect();
        runs.extend(
            together
                .into_iter()
                .zip(self.carry_at_once(filter, &picked)),
        );
        daemon.map(Daemon::stop);
        runs.into_values().collect()
    }

    /// Carries traffics at the same time. If the filter dropped packets, each traffic is tried again alone. If none of them
    /// is at fault, all are tried together again: a late packet of an earlier traffic does not come twice.
    fn carry_at_once(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let runs = self.carry_once(filter, traffics);
        if traffics.len() < 2 || runs.iter().all(|run| run.dropped == 0) {
            return runs;
        }
        let each: Vec<_> = traffics
            .iter()
            .map(|&traffic| self.carry_once(filter, &[traffic]).remove(0))
            .collect();
        if each.iter().any(|run| run.dropped > 0) {
            return each;
        }
        self.carry_once(filter, traffics)
    }

    /// The filter's account is that of all these traffics together.
    fn carry_once(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
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
        carried
            .into_iter()
            .map(|carried| Run { carried, dropped })
            .collect()
    }
}
