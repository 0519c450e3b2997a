//! Packets for the shipped program `limit`, beside the same program with an LRU hash of sources.

use std::path::Path;

use super::programs::{Bench, Case, Peer};
use super::runs::{Packets, Vary};
use super::shipped::NEVER;
use super::table::{Aim, Row};
use support::objects::compile::compile_text;
use support::packets::filter::Filter;
use support::packets::frame::{Packet, ip4, ip6};
use support::packets::sandbox::PASS;
use support::repository;

const HASH: &str = "limit with an LRU hash";
/// Aims: at most this many times the time of the LRU hash, for more sources than the hash has room for, and for fewer.
const MANY: f64 = 0.35;
const FEW: f64 = 1.1;

/// `limit` and its peer with the same rule. Sources of one case take no room from those of another.
struct Limits {
    table: Filter,
    hash: Filter,
}

impl Limits {
    fn new(hash: &Path) -> Self {
        let rule = format!("::/0 source_rate={NEVER}");
        Self {
            table: Filter::load("limit", &[&rule]),
            hash: Filter::with(hash, &[&rule]),
        }
    }
}

/// Packets of a case, and the aim.
struct Kind<'a> {
    what: String,
    packets: Packets<'a>,
    most: f64,
}

/// Packets of a family: of one source, and of many in turn.
fn kinds<'a>(family: &str, source: Packet, few: &'a Vary, many: &'a Vary) -> [Kind<'a>; 3] {
    let frame = source.udp(53).bytes;
    let in_turn = |vary| Packets::others(vary, frame.clone());
    let kind = |what: &str, packets, most| Kind {
        what: format!("of each source, {family}{what}"),
        packets,
        most,
    };
    [
        kind("", Packets::same(frame.clone()), FEW),
        kind(", 10,000 in turn", in_turn(few), FEW),
        kind(", 100,000 in turn", in_turn(many), MANY),
    ]
}

pub(crate) fn limit(bench: &Bench<'_>) -> Vec<Row> {
    let vary = |name, options: &[&str]| Vary::new(bench.site, name, options);
    let few4 = vary("few-sources", &["-DPACKETS=10000"]);
    let few6 = vary("few-sources6", &["-DPACKETS=10000", "-DIP6"]);
    let many6 = vary("sources6", &["-DIP6"]);
    let folder = bench.site.file("hashed-sources");
    let include = format!("-I{}", repository().join("bpf").display());
    let text = include_str!("hashed_sources.bpf.c");
    // The instruction set of the shipped programs.
    let hash = compile_text(text, "hashed-sources", &folder, &["-mcpu=v2", &include]);
    let kinds4 = kinds("IPv4", ip4("10.0.77.1"), &few4, &bench.sources);
    let kinds6 = kinds("IPv6", ip6("2001:db8::1"), &few6, &many6);
    let kinds = kinds4.into_iter().chain(kinds6);
    let limited: Vec<_> = kinds.map(|kind| (kind, Limits::new(&hash))).collect();
    let cases = limited.iter().map(|(kind, limits)| {
        let peer = Peer {
            name: HASH,
            program: &limits.hash.program,
            verdict: PASS,
            aim: Aim::Within(kind.most),
        };
        let packets = kind.packets.clone();
        Case::new(&kind.what, &limits.table, packets, PASS, peer)
    });
    bench.rows("limit", &cases.collect::<Vec<_>>())
}
