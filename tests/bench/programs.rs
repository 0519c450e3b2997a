//! The cost of one packet in each shipped program.

use super::instructions::Counter;
use super::runs::{Cost, Packets, Vary, load, sizes};
use super::sample::Sample;
use super::shipped::{acl, dns, guard, limit, qname};
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use support::objects::compile::compile;
use support::packets::filter::Filter;
use support::packets::kernel::Program;
use support::packets::sandbox::PASS;

const ROUNDS: usize = 15;
const LIKE: &str = "xdp-filter";

pub(crate) const NOTE: &str = "\
programs: one packet, by BPF_PROG_TEST_RUN: the mean of 200,000 consecutive runs, less the mean of an empty program just
before; the median and the middle half of 15 such differences, in turns. A repeated packet finds its data in the
processor's caches; `in turn`: each of 100,000 packets has its own address (or name), all over the list, as in a flood.
Packets to which a program responds are not measured, since the next run would get the response as its packet.
xdp-filter: xdpfilt_alw_ip.o of Debian's xdp-tools, without the dispatcher of its loader; its list has room for 10,000
addresses and no networks, and is enlarged here. Code: the program as rewritten by the kernel (xlated), and its machine
code (jited).";

/// Objects shared by all measurements.
pub(crate) struct Bench {
    empty: Program,
    pub(crate) sources: Vary,
    pub(crate) names: Vary,
    counter: Option<Counter>,
}

/// One program with packets of one kind.
pub(crate) struct Case<'a> {
    pub(crate) what: &'a str,
    pub(crate) filter: &'a Filter,
    pub(crate) packets: Packets<'a>,
    pub(crate) verdict: u32,
    /// In nanoseconds.
    pub(crate) aim: Option<f64>,
    pub(crate) like: Option<&'a Program>,
}

/// Differences to the empty program, round by round.
#[derive(Default)]
struct Differences {
    nanoseconds: Vec<f64>,
    instructions: Vec<f64>,
}

impl Differences {
    fn push(&mut self, cost: Cost, empty: Cost) {
        let nanoseconds = cost.nanoseconds - empty.nanoseconds;
        self.nanoseconds.push(nanoseconds / 1e9);
        let instructions = cost.instructions.zip(empty.instructions);
        self.instructions
            .extend(instructions.map(|(cost, empty)| cost - empty));
    }

    /// Figures of time and, if counted, of instructions.
    fn figures(self) -> [Option<Figure>; 2] {
        [self.nanoseconds, self.instructions].map(|list| {
            let some = !list.is_empty();
            some.then(|| Figure::from(&list.into_iter().collect::<Sample>()))
        })
    }
}

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let object = compile("pass", &site.file("empty"));
    let bench = Bench {
        empty: Program::pinned(&load(&object, "empty", &[]).join("prog")),
        sources: Vary::new(site, "sources", &[]),
        names: Vary::new(site, "names", &["-DNAME"]),
        counter: Counter::open(),
    };
    [acl, limit, dns, qname, guard]
        .iter()
        .flat_map(|group| group(&bench))
        .collect()
}

impl Bench {
    /// Rows of all cases of a program, and of its size.
    pub(crate) fn compare(&self, name: &str, cases: &[Case<'_>]) -> Vec<Row> {
        let mut turns: Vec<(Differences, Differences)> =
            cases.iter().map(|_| Default::default()).collect();
        for _ in 0..ROUNDS {
            for (case, (ours, theirs)) in cases.iter().zip(&mut turns) {
                let counter = self.counter.as_ref();
                let empty = case.packets.time(&self.empty, PASS, counter);
                let time = |program| case.packets.time(program, case.verdict, counter);
                ours.push(time(&case.filter.program), empty);
                if let Some(like) = case.like {
                    theirs.push(time(like), empty);
                }
            }
        }
        let size = code(name, cases[0].filter, cases[0].like);
        let rows = cases.iter().zip(turns);
        rows.flat_map(|(case, (ours, theirs))| case.rows(name, ours, theirs))
            .chain(size)
            .collect()
    }
}

impl Case<'_> {
    fn rows(&self, name: &str, ours: Differences, theirs: Differences) -> Vec<Row> {
        let what = format!("{name}, {}", self.what);
        let aim = self.aim.map_or(Aim::None, |most| Aim::AtMost(most / 1e9));
        let [nanoseconds, instructions] = ours.figures();
        let [their_nanoseconds, their_instructions] = theirs.figures();
        let row = |unit, ours, theirs: Option<Figure>, aim| {
            let alone = Row::alone(what.clone(), unit, ours, aim);
            let peer = |theirs| Row {
                peer: LIKE,
                theirs,
                ..alone
            };
            theirs.map_or_else(|| Row::alone(what.clone(), unit, ours, aim), peer)
        };
        let time = nanoseconds.unwrap();
        let mut rows = vec![row(Unit::Nanoseconds, time, None, aim)];
        if their_nanoseconds.is_some() {
            rows.push(row(
                Unit::Nanoseconds,
                time,
                their_nanoseconds,
                Aim::Within(1.0),
            ));
        }
        rows.extend(
            instructions.map(|count| row(Unit::Instructions, count, their_instructions, Aim::None)),
        );
        rows
    }
}

/// Rows of the program's size, compared with its peer.
fn code(name: &str, filter: &Filter, like: Option<&Program>) -> Vec<Row> {
    let ours = sizes(&filter.program);
    let theirs = like.map(sizes);
    let of = |which: usize, kind| {
        let bytes = |sizes: [u32; 2]| Figure::once(sizes[which].into());
        let what = format!("{name}, code {kind}");
        Row {
            peer: theirs.map_or("", |_| LIKE),
            theirs: bytes(theirs.unwrap_or_default()),
            ..Row::alone(what, Unit::Bytes, bytes(ours), Aim::None)
        }
    };
    vec![of(0, "xlated"), of(1, "jited")]
}
