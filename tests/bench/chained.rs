//! The cost of a chain of programs, and of loading it.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;
use std::time::{Duration, Instant};

use corexdp::object::frame::{NEXT, Place};

use super::programs::{ROUNDS, empty};
use super::runs::Packets;
use super::sample::Sample;
use super::sampled::Framed;
use super::shipped::NEVER;
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use support::objects::compile::compile;
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::kernel::Program;
use support::packets::message::query;
use support::packets::sandbox::PASS;
use support::shipped_object;

pub(crate) const NOTE: &str = "\
chains: one packet, as for `programs`, of which no program has a reason to drop it. Each program is in its frame, with
counters and the part for samples, as the daemon loads it. `each stage above one`: the difference to the chain of one,
divided by the number of further stages. `alone, together`: the sum of the times of four filters with one program each.
load: link, create the maps, load and verify all programs, link them; shipped programs share the maps of one that runs.
verified: the number of instructions that the verifier examined, of all programs.";

/// Number of loads of a chain.
const LOADS: usize = 5;

/// An object and the filter whose maps its program shares.
type Stage<'a> = (&'a Path, Option<&'a Filter>);

/// Programs in their frames, linked as the daemon links them.
struct Chain {
    stages: Vec<Framed>,
    /// Time of loading and linking all programs.
    loading: Duration,
}

impl Chain {
    fn load(stages: &[Stage<'_>]) -> Self {
        let begin = Instant::now();
        let last = stages.len() - 1;
        let load = |(number, stage): (usize, &Stage<'_>)| {
            let place = if number == last {
                Place::Alone
            } else {
                Place::Chained
            };
            Framed::at(place, stage.0, stage.1)
        };
        let stages: Vec<_> = stages.iter().enumerate().map(load).collect();
        for pair in stages.windows(2) {
            let descriptor = pair[1].program.0.as_raw_fd().to_ne_bytes();
            pair[0].map(NEXT).update(&[0; 4], &descriptor).unwrap();
        }
        Self {
            stages,
            loading: begin.elapsed(),
        }
    }

    /// The program that is attached.
    fn head(&self) -> &Program {
        &self.stages[0].program
    }

    /// Number of instructions that the verifier examined, over all programs (5.16).
    fn verified(&self) -> u32 {
        self.stages
            .iter()
            .map(|stage| verified(&stage.program))
            .sum()
    }
}

/// Number of instructions that the verifier examined.
fn verified(program: &Program) -> u32 {
    let path = format!("/proc/self/fdinfo/{}", program.0.as_fd().as_raw_fd());
    let text = fs::read_to_string(path).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("verified_insns:"));
    line.map_or(0, |number| number.trim().parse().unwrap())
}

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let empty = empty(site, "unchained");
    let mut rows = lengths(site, &empty);
    rows.extend(four(&empty));
    rows
}

/// The time of a packet in seconds.
fn time(packets: &Packets<'_>, program: &Program) -> f64 {
    packets.time(program, PASS, None).nanoseconds / 1e9
}

/// The median and the middle half of the times.
fn figure(times: Vec<f64>) -> Figure {
    Figure::from(&times.into_iter().collect::<Sample>())
}

/// Chains of an empty program.
fn lengths(site: &Site, empty: &Program) -> Vec<Row> {
    let object = compile("pass", &site.file("chained"));
    let packets = Packets::same(ip4("192.0.2.1").udp(53).bytes);
    let load = |length| Chain::load(&vec![(object.as_path(), None); length]);
    let chains = [1, 2, 4, 8].map(load);
    let mut times = [(); 4].map(|()| Vec::new());
    let mut each = [(); 4].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        let base = time(&packets, empty);
        let above = chains
            .each_ref()
            .map(|chain| time(&packets, chain.head()) - base);
        for (number, chain) in chains.iter().enumerate() {
            times[number].push(above[number]);
            let further = u32::try_from(chain.stages.len()).unwrap() - 1;
            each[number].push((above[number] - above[0]) / f64::from(further));
        }
    }
    let mut rows = Vec::new();
    for (chain, (times, each)) in chains.iter().zip(times.into_iter().zip(each)) {
        let length = chain.stages.len();
        let what = format!("chain of {length}, empty programs");
        rows.push(Row::alone(what.clone(), Unit::Nanoseconds, figure(times)));
        if length > 1 {
            let what = format!("{what}, each stage above one");
            rows.push(Row::alone(what, Unit::Nanoseconds, figure(each)));
        }
        rows.extend(loading(&what, chain, || load(length)));
    }
    rows
}

/// Rows of loading a chain.
fn loading(what: &str, chain: &Chain, load: impl Fn() -> Chain) -> [Row; 2] {
    let times = (0..LOADS).map(|_| load().loading);
    let times = Figure::from(&times.collect::<Sample>());
    let verified = Figure::once(f64::from(chain.verified()));
    [
        Row::alone(format!("{what}, load"), Unit::Seconds, times),
        Row::alone(format!("{what}, verified"), Unit::Instructions, verified),
    ]
}

/// A chain of four shipped programs, all of which pass the packet.
fn four(empty: &Program) -> Vec<Row> {
    let rate = format!("rate={NEVER}");
    let acl = Filter::load("acl", &["198.51.100.9 action=ACL_DROP"]);
    let qname = Filter::load("qname", &["blocked.example action=QNAME_DROP"]);
    let dns = Filter::load("dns", &[&format!("@settings 0 {rate}")]);
    let limit = Filter::load("limit", &[&format!("0.0.0.0/0 {rate} source_rate={NEVER}")]);
    let filters = [
        ("acl", &acl),
        ("qname", &qname),
        ("dns", &dns),
        ("limit", &limit),
    ];
    let paths = filters.map(|(name, _)| shipped_object(name));
    let stages: Vec<Stage<'_>> = paths
        .iter()
        .zip(filters)
        .map(|(path, (_, filter))| (path.as_path(), Some(filter)))
        .collect();
    let alone: Vec<_> = stages.iter().map(|stage| Chain::load(&[*stage])).collect();
    let chain = Chain::load(&stages);
    let asked = query("www.some-domain.example", 1).edns(1232, &[]).bytes;
    let packets = Packets::same(ip4("10.0.77.1").datagram(53, &asked).bytes);
    let (mut chained, mut framed, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let empty_time = time(&packets, empty);
        let above = |program| time(&packets, program) - empty_time;
        framed.push(alone.iter().map(|one| above(one.head())).sum());
        bare.push(
            filters
                .iter()
                .map(|(_, filter)| above(&filter.program))
                .sum(),
        );
        chained.push(above(chain.head()));
    }
    let [ours, framed, bare] = [chained, framed, bare].map(figure);
    let what = "chain of acl, qname, dns and limit";
    let beside = |peer, theirs, aim| Row {
        what: what.into(),
        unit: Unit::Nanoseconds,
        ours,
        peer,
        theirs,
        aim,
    };
    let mut rows = vec![
        beside("the four alone, together", framed, Aim::Within(1.08)),
        beside("the four without frames", bare, Aim::None),
    ];
    rows.extend(loading(what, &chain, || Chain::load(&stages)));
    rows
}
