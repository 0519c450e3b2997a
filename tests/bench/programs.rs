//! The cost of a packet in each of the shipped programs.

use super::framed::frame;
use super::instructions::Counter;
use super::runs::{Packets, Took, Vary, load, sizes};
use super::sample::Sample;
use super::sampled::samples;
use super::shipped::{acl, limit};
use super::shipped_dns::{dns, guard};
use super::shipped_names::qname;
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use super::{shipped_proofs, shipped_sources};
use support::objects::compile::compile;
use support::packets::filter::Filter;
use support::packets::kernel::Program;
use support::packets::sandbox::PASS;

pub(crate) const ROUNDS: usize = 15;
pub(crate) const XDP_FILTER: &str = "xdp-filter";

pub(crate) const NOTE: &str = "\
programs: one packet, by BPF_PROG_TEST_RUN: the mean of 200,000 runs, less that of a program that does nothing,
measured right before; the median and the middle half of 15 such differences, in turns. A repeated packet finds all
its data in the processor's caches; `in turn`: each of so many packets has another source (or name), in an order that
defeats the caches, as in a flood; all sources are in different networks. Responses of the program are not measured,
since the next run would get the response as its packet. xdp-filter: xdpfilt_alw_ip.o of Debian's xdp-tools, without
the dispatcher that its own loader puts before it; its list has room for 10,000 addresses and no networks, and was
made larger here. `qname with a hash map` is qname as it was before name tables, compiled from
tests/bench/hashed_names.bpf.c, with the same list. `limit with an LRU hash` is limit as it was before source tables,
compiled from tests/bench/hashed_sources.bpf.c: the hash has room for 32,768 sources. `cookie not verified`, `proofs
off` and `within its rate` are the same program without a secret, without proven_rate and with a higher rate; an aim
with + is the time above the peer's. Other peers are references, compiled from tests/bench/reference.bpf.c and
measured in the same turns: they parse Ethernet, IP and UDP headers and make the lookups in the name of the peer, in
maps of the same types with the same entries. They have no settings, no counters and no checks of the packet.
`question` is the walk over the name to the type of a query and its lookup in an array; a single one is too fast for a
ratio, so `10 questions` repeats it. `LRU` is the lookup of the source network, with the time. `frame around`: the
program as the daemon loads it, with counters of its verdicts, beside the program alone, with the same maps; the aim
of the empty program is 5 ns. `samples/s`: with the frame, while a client asks for samples; the dropped packet is sent
by AF_PACKET, one of 30,000 frames, in 30 turns. Code: as the kernel has rewritten the program (xlated), and the
machine code of it (jited).";

/// The means that all measurements share.
pub(crate) struct Bench<'a> {
    pub(crate) site: &'a Site,
    pub(crate) empty: Program,
    pub(crate) sources: Vary,
    pub(crate) names: Vary,
    pub(crate) counter: Option<Counter>,
}

/// One program with packets of one kind.
pub(crate) struct Case<'a> {
    pub(crate) what: &'a str,
    pub(crate) filter: &'a Filter,
    pub(crate) packets: Packets<'a>,
    pub(crate) verdict: u32,
    pub(crate) peers: Vec<Peer<'a>>,
}

impl<'a> Case<'a> {
    /// A case with one peer.
    pub(crate) fn new(
        what: &'a str,
        filter: &'a Filter,
        packets: Packets<'a>,
        verdict: u32,
        peer: Peer<'a>,
    ) -> Self {
        Self {
            what,
            filter,
            packets,
            verdict,
            peers: vec![peer],
        }
    }
}

/// Another program that is measured with the packets of a case.
#[derive(Clone, Copy)]
pub(crate) struct Peer<'a> {
    /// The lookups of a reference, the difference to the shipped program, or [`XDP_FILTER`].
    pub(crate) name: &'static str,
    pub(crate) program: &'a Program,
    pub(crate) verdict: u32,
    /// The aim for the shipped program's time.
    pub(crate) aim: Aim,
}

/// Differences to the empty program, one for each round.
#[derive(Default)]
pub(crate) struct Above {
    nanoseconds: Vec<f64>,
    instructions: Vec<f64>,
}

impl Above {
    pub(crate) fn push(&mut self, took: Took, empty: Took) {
        let nanoseconds = took.nanoseconds - empty.nanoseconds;
        self.nanoseconds.push(nanoseconds / 1e9);
        let instructions = took.instructions.zip(empty.instructions);
        self.instructions
            .extend(instructions.map(|(took, empty)| took - empty));
    }

    /// Figures of time and, if they were counted, of instructions.
    pub(crate) fn figures(self) -> [Option<Figure>; 2] {
        [self.nanoseconds, self.instructions].map(|list| {
            let some = !list.is_empty();
            some.then(|| Figure::from(&list.into_iter().collect::<Sample>()))
        })
    }
}

/// The program that does nothing.
pub(crate) fn empty(site: &Site, name: &str) -> Program {
    let object = compile("pass", &site.file(name));
    Program::pinned(&load(&object, name, &[]).join("prog"))
}

/// Measurements, and their name in `COREXDP_BENCH_PROGRAMS`.
type Group = (&'static str, fn(&Bench<'_>) -> Vec<Row>);

const GROUPS: [Group; 11] = [
    ("frame", frame),
    ("samples", samples),
    ("acl", acl),
    ("limit", limit),
    ("limit", shipped_sources::limit),
    ("limit", shipped_proofs::limit),
    ("dns", dns),
    ("dns", shipped_proofs::dns),
    ("qname", qname),
    ("guard", guard),
    ("guard", shipped_proofs::guard),
];

/// The groups that `COREXDP_BENCH_PROGRAMS` names; all without the variable.
fn chosen() -> Vec<Group> {
    let words = std::env::var("COREXDP_BENCH_PROGRAMS").unwrap_or_default();
    let words: Vec<&str> = words.split_whitespace().collect();
    for word in &words {
        let known = GROUPS.iter().any(|(name, _)| name == word);
        assert!(
            known,
            "COREXDP_BENCH_PROGRAMS: no {word}; there are frame, samples, acl, limit, dns, qname, guard"
        );
    }
    let wanted = |name| words.is_empty() || words.contains(&name);
    GROUPS
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .collect()
}

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let groups = chosen();
    let bench = Bench {
        site,
        empty: empty(site, "empty"),
        sources: Vary::new(site, "sources", &[]),
        names: Vary::new(site, "names", &["-DNAME"]),
        counter: Counter::open(),
    };
    let rows = groups.iter().flat_map(|(_, measure)| measure(&bench));
    rows.collect()
}

/// The measurements of one case.
struct Turns {
    ours: Above,
    /// One for each peer.
    peers: Vec<Above>,
}

impl Bench<'_> {
    /// Rows of all cases of a program, and of the program's size.
    pub(crate) fn compare(&self, name: &str, cases: &[Case<'_>]) -> Vec<Row> {
        let rows = self.rows(name, cases).into_iter();
        rows.chain(code(name, &cases[0])).collect()
    }

    /// Rows of all cases of a program.
    pub(crate) fn rows(&self, name: &str, cases: &[Case<'_>]) -> Vec<Row> {
        let mut turns: Vec<Turns> = cases.iter().map(Turns::new).collect();
        for _ in 0..ROUNDS {
            for (case, turns) in cases.iter().zip(&mut turns) {
                self.take(case, turns);
            }
        }
        let rows = cases.iter().zip(turns);
        rows.flat_map(|(case, turns)| case.rows(name, turns))
            .collect()
    }

    fn take(&self, case: &Case<'_>, turns: &mut Turns) {
        let time = |program, verdict| case.packets.time(program, verdict, self.counter.as_ref());
        let empty = time(&self.empty, PASS);
        turns
            .ours
            .push(time(&case.filter.program, case.verdict), empty);
        for (peer, above) in case.peers.iter().zip(&mut turns.peers) {
            above.push(time(peer.program, peer.verdict), empty);
        }
    }
}

impl Turns {
    fn new(case: &Case<'_>) -> Self {
        Self {
            ours: Above::default(),
            peers: case.peers.iter().map(|_| Above::default()).collect(),
        }
    }
}

impl Case<'_> {
    fn rows(&self, name: &str, turns: Turns) -> Vec<Row> {
        let ours = turns.ours.figures();
        let peers = self.peers.iter().zip(turns.peers);
        peers
            .flat_map(|(peer, theirs)| self.beside(name, ours, peer, theirs.figures()))
            .collect()
    }

    /// Rows of time and of instructions compared with a peer.
    fn beside(
        &self,
        name: &str,
        ours: [Option<Figure>; 2],
        peer: &Peer<'_>,
        theirs: [Option<Figure>; 2],
    ) -> Vec<Row> {
        let kinds = [
            (Unit::Nanoseconds, peer.aim),
            (Unit::Instructions, Aim::None),
        ];
        let figures = ours.into_iter().zip(theirs);
        let rows = kinds.into_iter().zip(figures);
        rows.filter_map(|((unit, aim), (ours, theirs))| {
            Some(Row {
                what: format!("{name}, {}", self.what),
                unit,
                ours: ours?,
                peer: peer.name,
                theirs: theirs?,
                aim,
            })
        })
        .collect()
    }
}

/// The size of the program, compared with xdp-filter's if that is a peer.
fn code(name: &str, case: &Case<'_>) -> Vec<Row> {
    let ours = sizes(&case.filter.program);
    let peer = case.peers.iter().find(|peer| peer.name == XDP_FILTER);
    let theirs = peer.map(|peer| sizes(peer.program));
    let of = |which: usize, kind| {
        let bytes = |sizes: [u32; 2]| Figure::once(sizes[which].into());
        let what = format!("{name}, code {kind}");
        Row {
            peer: peer.map_or("", |peer| peer.name),
            theirs: bytes(theirs.unwrap_or_default()),
            ..Row::alone(what, Unit::Bytes, bytes(ours))
        }
    };
    vec![of(0, "xlated"), of(1, "jited")]
}
