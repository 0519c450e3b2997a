//! Queries for the shipped program `qname`, with lists of different lengths, beside the same program with a hash map.

use super::programs::{Bench, Case, Peer};
use super::runs::{Packets, load};
use super::shipped::MANY;
use super::shipped_dns::{asks, wire_name};
use super::table::{Aim, Row};
use support::objects::compile::compile_text;
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::kernel::{Map, Program};
use support::packets::sandbox::{DROP, PASS};
use support::repository;

const HASH: &str = "qname with a hash map";
/// Size of a key of the hash map.
const TEXT: usize = 64;
/// `struct qname_rule` with `QNAME_DROP`.
const DROPPED: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Aims: at most this many times the time of the hash map.
const THREE_LABELS: f64 = 0.45;
const SIX_LABELS: f64 = 0.3;
const SAME: f64 = 1.0;

/// The name at this position of a list.
fn listed_name(number: u32) -> String {
    format!("blocked-{number:05}.example")
}

/// `qname` and its peer with the same list.
struct Lists {
    count: u32,
    table: Filter,
    hash: Program,
}

/// Packets of a case, and what to expect.
struct Kind<'a> {
    what: &'static str,
    packets: Packets<'a>,
    verdict: u32,
    most: f64,
}

impl Lists {
    fn new(bench: &Bench<'_>, count: u32) -> Self {
        let wires = (0..count).map(|number| {
            let mut wire = wire_name(&listed_name(number));
            wire.pop();
            wire
        });
        let name = format!("hashed-{count}");
        let include = format!("-I{}", repository().join("bpf").display());
        let text = include_str!("hashed_names.bpf.c");
        let object = compile_text(text, &name, &bench.site.file(&name), &[&include]);
        let pins = load(&object, &name, &[]);
        let map = Map::pinned(&pins.join("xdp_map"));
        for number in 0..count {
            let mut key = listed_name(number).into_bytes();
            key.resize(TEXT, 0);
            map.fill(&key, &DROPPED);
        }
        Self {
            count,
            table: Filter::with_names("qname", wires, "action=QNAME_DROP"),
            hash: Program::pinned(&pins.join("prog")),
        }
    }

    fn kinds<'a>(&self, bench: &'a Bench<'_>) -> Vec<Kind<'a>> {
        let frame = |name: &str| ip4("10.0.77.1").datagram(53, &asks(name, 1)).bytes;
        let is_long = self.count >= MANY;
        let kind = |what, packets, verdict, most| Kind {
            what,
            packets,
            verdict,
            // With a short list, nothing is to be slower than before.
            most: if is_long { most } else { SAME },
        };
        let same =
            |what, name, verdict, most| kind(what, Packets::same(frame(name)), verdict, most);
        let three = "www.some-domain.example";
        let six = "a.b.c.www.some-domain.example";
        let others = Packets::others(&bench.names, frame("blocked-00000.example"));
        let others = kind("100,000 of them in turn", others, DROP, SAME);
        [
            same("none of them", three, PASS, THREE_LABELS),
            same("none, six labels", six, PASS, SIX_LABELS),
            same("a listed one", "blocked-00007.example", DROP, SAME),
        ]
        .into_iter()
        .chain(is_long.then_some(others))
        .collect()
    }
}

pub(crate) fn qname(bench: &Bench<'_>) -> Vec<Row> {
    let lists = [10, 1_000, MANY, 1_000_000].map(|count| Lists::new(bench, count));
    let kinds = lists.iter().flat_map(|lists| {
        let kinds = lists.kinds(bench).into_iter();
        kinds.map(move |kind| (format!("{} names, {}", lists.count, kind.what), lists, kind))
    });
    let kinds: Vec<_> = kinds.collect();
    let cases = kinds.iter().map(|(what, lists, kind)| {
        let peer = Peer {
            name: HASH,
            program: &lists.hash,
            verdict: kind.verdict,
            aim: Aim::Within(kind.most),
        };
        Case::new(what, &lists.table, kind.packets.clone(), kind.verdict, peer)
    });
    bench.compare("qname", &cases.collect::<Vec<_>>())
}
