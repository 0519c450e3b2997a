//! Packets for the shipped programs `acl` and `limit`, which filter by source, with usual lists and settings.

use std::fs;
use std::net::Ipv4Addr;

use super::programs::{Bench, Case, Peer, XDP_FILTER};
use super::reference::{Network, Reference};
use super::runs::{Packets, load};
use super::table::{Aim, Row};
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::kernel::{Map, Program};
use support::packets::sandbox::{DROP, PASS};

/// Entries of the long lists; vary.bpf.c writes their numbers with five digits.
pub(crate) const MANY: u32 = 100_000;
/// Entries of the longest list.
const MOST: u32 = 1_000_000;
/// A rate that no run reaches, with a burst of one second.
pub(crate) const NEVER: &str = "100000000";

/// Options of reference.bpf.c for lookups in an LRU hash, with the time of the current jiffy or the exact time.
pub(crate) const LRU: [&str; 2] = ["-DSOURCES", "-DCLOCK=bpf_jiffies64"];
const LRU_EXACT: [&str; 2] = ["-DSOURCES", "-DCLOCK=bpf_ktime_get_ns"];

/// The address at this position of a list, as computed by vary.bpf.c.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b1))
}

/// Loads xdp-filter with the first `addresses` addresses of the list.
fn xdp_filter(name: &str, addresses: u32) -> Program {
    let folder = format!("/usr/lib/{}-linux-gnu/bpf", std::env::consts::ARCH);
    let object = format!("{folder}/xdpfilt_alw_ip.o");
    let shape = format!(
        "type percpu_hash key 4 value 8 entries {}",
        addresses.max(10_000)
    );
    let pins = load(object.as_ref(), name, &[("filter_ipv4", &shape)]);
    let list = Map::pinned(&pins.join("filter_ipv4"));
    // xdp-filter's flag for source addresses.
    let source_flag = 1_u64.to_ne_bytes();
    for number in 0..addresses {
        list.fill(&address(number).octets(), &source_flag);
    }
    // libbpf has pinned the other maps, and the next load would reuse the pins.
    for map in ["filter_ipv4", "filter_ipv6", "xdp_stats_map"] {
        fs::remove_file(format!("/sys/fs/bpf/{map}")).unwrap();
    }
    Program::pinned(&pins.join("prog"))
}

/// The networks of this length that contain the first `count` addresses of the list.
fn networks(count: u32, bits: u32) -> impl Iterator<Item = Network> {
    (0..count).map(move |number| Network {
        first: Ipv4Addr::from_bits(address(number).to_bits() >> (32 - bits) << (32 - bits)),
        bits,
        drop: true,
    })
}

/// Loads acl with `count` networks of this length in its table.
fn denied(count: u32, bits: u32) -> Filter {
    let line = |network: Network| format!("{}/{bits} action=ACL_DROP", network.first);
    let lines: Vec<String> = networks(count, bits).map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Filter::load("acl", &lines)
}

/// The network of all IPv4 addresses. Its packets pass.
pub(crate) fn everywhere() -> Network {
    Network {
        first: Ipv4Addr::UNSPECIFIED,
        bits: 0,
        drop: false,
    }
}

/// A frame to the DNS port without a query.
fn from(source: &str) -> Vec<u8> {
    ip4(source).udp(53).bytes
}

/// acl with a list, and its peers: the reference, and xdp-filter if it supports the list.
struct Listed {
    filter: Filter,
    xdp_filter: Option<Program>,
    name: &'static str,
    reference: Reference,
}

impl Listed {
    fn hosts(bench: &Bench<'_>, count: u32) -> Self {
        let reference = Reference::new(bench.site, &format!("hosts-{count}"), &["-DHOSTS"]);
        Self {
            filter: denied(count, 32),
            xdp_filter: Some(xdp_filter(&format!("filter-{count}"), count)),
            name: "hash lookup",
            reference: reference.drop_hosts((0..count).map(address)),
        }
    }

    fn networks(bench: &Bench<'_>, count: u32, bits: u32) -> Self {
        let name = format!("trie-{count}-{bits}");
        let reference = Reference::new(bench.site, &name, &["-DPREFIXES=1"]);
        Self {
            filter: denied(count, bits),
            xdp_filter: None,
            name: "trie lookup",
            reference: reference.networks(networks(count, bits)),
        }
    }

    /// A case. `most` contains an aim for each peer: the reference, then xdp-filter.
    fn case<'a>(
        &'a self,
        what: &'a str,
        packets: Packets<'a>,
        verdict: u32,
        most: &[f64],
    ) -> Case<'a> {
        let reference = (self.name, &self.reference.program);
        let xdp_filter = self.xdp_filter.iter().map(|program| (XDP_FILTER, program));
        let peers = [reference].into_iter().chain(xdp_filter).zip(most);
        Case {
            what,
            filter: &self.filter,
            packets,
            verdict,
            peers: peers
                .map(|((name, program), &most)| Peer {
                    name,
                    program,
                    verdict,
                    aim: Aim::Within(most),
                })
                .collect(),
        }
    }
}

pub(crate) fn acl(bench: &Bench<'_>) -> Vec<Row> {
    let hosts = [10, MANY, MOST].map(|count| Listed::hosts(bench, count));
    let [few, many, million] = &hosts;
    let tries = [10, 1000, MANY, MOST].map(|count| Listed::networks(bench, count, 24));
    let [ten, thousand, wide, most] = &tries;
    let whole = Listed::networks(bench, MANY, 32);
    let same = |number| Packets::same(from(&address(number).to_string()));
    let unlisted = Packets::same(from("192.0.2.1"));
    let others = || Packets::others(&bench.sources, from("192.0.2.1"));
    let cases = [
        few.case("10 addresses", same(7), DROP, &[2.5, 1.5]),
        many.case("100,000 addresses", same(4711), DROP, &[2.5, 1.5]),
        many.case(
            "100,000 addresses, none of them",
            unlisted,
            PASS,
            &[2.5, 1.5],
        ),
        many.case(
            "100,000 addresses, all in turn",
            others(),
            DROP,
            &[1.0, 2.5],
        ),
        million.case("1,000,000 addresses", same(4711), DROP, &[2.5, 1.5]),
        million.case(
            "1,000,000 addresses, 100,000 in turn",
            others(),
            DROP,
            &[1.0, 2.5],
        ),
        ten.case("10 /24", same(7), DROP, &[1.0]),
        thousand.case("1,000 /24", same(711), DROP, &[0.5]),
        whole.case("100,000 /32", same(4711), DROP, &[0.2]),
        wide.case("100,000 /24", same(4711), DROP, &[0.2]),
        wide.case("100,000 /24, all in turn", others(), DROP, &[0.2]),
        most.case("1,000,000 /24", same(4711), DROP, &[0.25]),
        most.case("1,000,000 /24, 100,000 in turn", others(), DROP, &[0.25]),
    ];
    bench.compare("acl", &cases)
}

pub(crate) fn limit(bench: &Bench<'_>) -> Vec<Row> {
    let load = |rule: &str| Filter::load("limit", &[&format!("0.0.0.0/0 {rule}")]);
    let subnet = load(&format!("rate={NEVER}"));
    let source = load(&format!("source_rate={NEVER}"));
    let both = load(&format!("rate={NEVER} source_rate={NEVER}"));
    let short = load(&format!("rate={NEVER} source_rate={NEVER} burst=1000000"));
    let over = load("rate=2 source_rate=2");
    let reference = |name, more: &[&str]| {
        let options = [&["-DPREFIXES=1"], more].concat();
        Reference::new(bench.site, name, &options).networks([everywhere()])
    };
    let trie = reference("trie-of-one", &[]);
    let lru = reference("trie-and-lru", &LRU);
    let exact = reference("trie-and-lru-exact", &LRU_EXACT);
    let trie = |most| trie.peer("trie lookup", PASS, most);
    let lru = |most| lru.peer("trie + LRU lookup", PASS, most);
    let exact = |most| exact.peer("trie + LRU, exact time", PASS, most);
    let same = || Packets::same(from("10.0.77.1"));
    let others = Packets::others(&bench.sources, from("10.0.77.1"));
    let case = Case::new;
    let cases = [
        case("of a subnet", &subnet, same(), PASS, trie(3.0)),
        case("of each source", &source, same(), PASS, lru(2.5)),
        case("of both", &both, same(), PASS, lru(2.5)),
        case(
            "of both, a burst of 10 ms",
            &short,
            same(),
            PASS,
            exact(2.5),
        ),
        case("of both, over it", &over, same(), DROP, lru(2.5)),
        case(
            "of each source, 100,000 in turn",
            &source,
            others,
            PASS,
            lru(1.75),
        ),
    ];
    bench.compare("limit", &cases)
}
