//! The *trials* of an interface: its traffics run behind one filter after the other.

use std::collections::BTreeMap;
use std::thread;

use support::net::Daemon;

use super::filter::Filter;
use super::router::Router;
use super::table::Row;
use super::throughput::{Throughput, compare};
use super::traffic::{Carried, Traffic};

/// A filter is at fault if a traffic loses packets in each of these tries. A busy machine loses packets in some tries.
const TRIES: usize = 5;

/// The trials of one interface of the router, and their results.
pub struct Trials<'a> {
    router: &'a Router,
    interface: &'static str,
    traffics: Vec<&'a dyn Traffic>,
    pub rows: Vec<Row>,
    /// Messages about filters that drop or delay packets.
    pub faults: Vec<String>,
}

/// The result of a run of a traffic, and the drops of the filter during the run.
#[derive(Debug)]
struct Run {
    carried: Result<Carried, String>,
    /// Packets that the filter dropped or answered, or would drop without `monitor`.
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

    /// Runs the traffics without a filter, then behind the baseline, then behind each filter.
    pub fn run(&mut self) {
        self.try_filter(None);
        self.try_filter(Some(&Filter::pass()));
        for filter in Filter::all() {
            self.try_filter(Some(&filter));
        }
    }

    fn try_filter(&mut self, filter: Option<&Filter>) {
        let mut traffics = self.traffics.clone();
        traffics.retain(|traffic| filter.is_none_or(|filter| filter.passes(traffic.kind())));
        let mut runs = self.run_all(filter, &traffics);
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

    /// Adds a row to the table, and adds a fault if the filter drops or delays the traffic.
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
        let is_slow = is_measured && throughput.is_some_and(|throughput| throughput.is_slow());
        if !run.is_perfect() || is_slow {
            self.faults.push(format!(
                "{interface}: {name}: {traffic}: {run:?}, {throughput:?}"
            ));
        }
        let (sent, lost) = run
            .carried
            .as_ref()
            .map_or((0, 0), |carried| (carried.sent, carried.lost));
        self.rows.push(Row {
            interface,
            filter: name,
            traffic,
            sent,
            lost,
            dropped: run.dropped,
            ratio: throughput.map(|throughput| throughput.ratio()),
        });
    }

    /// Runs a traffic again while it loses packets that the filter did not drop.
    fn repeat(&self, filter: Option<&Filter>, traffic: &'a dyn Traffic, run: &mut Run) {
        for _ in 1..TRIES {
            if run.is_perfect() || run.dropped > 0 {
                return;
            }
            *run = self.run_all(filter, &[traffic]).remove(0);
        }
    }

    /// Runs traffics behind a filter: first those that run alone, then all others at the same time.
    fn run_all(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let corefile = filter.map(|filter| filter.corefile(self.interface));
        let daemon = corefile.map(|corefile| self.router.filter(&corefile));
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..traffics.len()).partition(|&index| traffics[index].runs_alone());
        let mut runs = BTreeMap::new();
        for index in alone {
            let mut run = self.run_together(filter, &[traffics[index]]);
            runs.insert(index, run.remove(0));
        }
        let picked: Vec<_> = together.iter().map(|&index| traffics[index]).collect();
        runs.extend(together.into_iter().zip(self.run_together(filter, &picked)));
        daemon.map(Daemon::stop);
        runs.into_values().collect()
    }

    /// Runs traffics at the same time. If the filter dropped packets, runs each traffic alone. If no traffic
    /// alone is affected, runs all together again: a late packet of an earlier run does not arrive twice.
    fn run_together(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let runs = self.run_once(filter, traffics);
        if traffics.len() < 2 || runs.iter().all(|run| run.dropped == 0) {
            return runs;
        }
        let each: Vec<_> = traffics
            .iter()
            .map(|&traffic| self.run_once(filter, &[traffic]).remove(0))
            .collect();
        if each.iter().any(|run| run.dropped > 0) {
            return each;
        }
        self.run_once(filter, traffics)
    }

    /// Runs traffics at the same time, once. [`Run::dropped`] is the number of drops of all these traffics together.
    fn run_once(&self, filter: Option<&Filter>, traffics: &[&'a dyn Traffic]) -> Vec<Run> {
        let drops = || filter.map_or(0, |filter| filter.drops(self.router, self.interface));
        let before = drops();
        let carried = thread::scope(|scope| {
            let start = |traffic: &&'a dyn Traffic| {
                let traffic = *traffic;
                scope.spawn(move || traffic.run(self.router))
            };
            let started: Vec<_> = traffics.iter().map(start).collect();
            let carried = started.into_iter().map(|thread| thread.join().unwrap());
            carried.collect::<Vec<_>>()
        });
        let dropped = drops() - before;
        carried
            .into_iter()
            .map(|carried| Run { carried, dropped })
            .collect()
    }
}
