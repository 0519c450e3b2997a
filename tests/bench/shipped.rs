//! The cases of each shipped program: lists, settings and packets.

use std::fs;
use std::net::Ipv4Addr;

use super::programs::{Bench, Case};
use super::runs::{Packets, load};
use super::table::Row;
use support::packets::filter::Filter;
use support::packets::frame::{ip4, ip6};
use support::packets::kernel::{Map, Program};
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

/// Entries of the long lists; five digits number each entry.
const MANY: u32 = 100_000;
/// A rate that no measurement reaches; the bucket holds one second.
const NEVER: &str = "100000000";

/// The address of a list's entry `number`, as in vary.bpf.c.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b1))
}

/// xdp-filter with a list of the same addresses.
fn like(name: &str, addresses: u32) -> Program {
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
    // libbpf pins maps by name, and the next object would reuse them.
    for map in ["filter_ipv4", "filter_ipv6", "xdp_stats_map"] {
        fs::remove_file(format!("/sys/fs/bpf/{map}")).unwrap();
    }
    Program::pinned(&pins.join("prog"))
}

/// acl with addresses in `@hosts`.
fn denied_hosts(addresses: u32) -> Filter {
    let filter = Filter::load("acl", &[]);
    for number in 0..addresses {
        filter.entry(&format!("@hosts {} action=ACL_DROP", address(number)));
    }
    filter
}

/// acl with networks of `bits` bits.
fn denied(networks: u32, bits: u32) -> Filter {
    let filter = Filter::load("acl", &[]);
    for number in 0..networks {
        let first = address(number).to_bits() >> (32 - bits) << (32 - bits);
        let network = Ipv4Addr::from_bits(first);
        filter.entry(&format!("{network}/{bits} action=ACL_DROP"));
    }
    filter
}

pub(crate) fn acl(bench: &Bench) -> Vec<Row> {
    let (few, many) = (denied_hosts(10), denied_hosts(MANY));
    let (whole, networks) = (denied(MANY, 32), denied(MANY, 24));
    let likes = [like("filter-10", 10), like("filter-many", MANY)];
    let from = |source: &str| ip4(source).udp(53).bytes;
    let same = |number| Packets::same(from(&address(number).to_string()));
    let stranger = || Packets::same(from("192.0.2.1"));
    let others = || Packets::others(&bench.sources, from("192.0.2.1"));
    let case = |what, (filter, like), packets, verdict| Case {
        what,
        filter,
        packets,
        verdict,
        aim: Some(40.0),
        like,
    };
    let little = (&few, Some(&likes[0]));
    let large = (&many, Some(&likes[1]));
    let (trie, wide) = ((&whole, None), (&networks, None));
    let cases = [
        case("10 addresses", little, same(7), DROP),
        case("100,000 addresses", large, same(4711), DROP),
        case("100,000 addresses, none of them", large, stranger(), PASS),
        case("100,000 addresses, all in turn", large, others(), DROP),
        case("100,000 /32 in the trie", trie, same(4711), DROP),
        case("100,000 /24", wide, same(4711), DROP),
        case("100,000 /24, all in turn", wide, others(), DROP),
    ];
    bench.compare("acl", &cases)
}

pub(crate) fn limit(bench: &Bench) -> Vec<Row> {
    let load = |rule: &str| Filter::load("limit", &[&format!("0.0.0.0/0 {rule}")]);
    let subnet = load(&format!("rate={NEVER}"));
    let source = load(&format!("source_rate={NEVER}"));
    let both = load(&format!("rate={NEVER} source_rate={NEVER}"));
    let short = load(&format!("rate={NEVER} source_rate={NEVER} burst=1000000"));
    let over = load("rate=2 source_rate=2");
    let frame = || ip4("10.0.77.1").udp(53).bytes;
    let case = |what, filter, packets, verdict| Case {
        what,
        filter,
        packets,
        verdict,
        aim: Some(60.0),
        like: None,
    };
    let same = || Packets::same(frame());
    let others = Packets::others(&bench.sources, frame());
    let cases = [
        case("of a subnet", &subnet, same(), PASS),
        case("of each source", &source, same(), PASS),
        case("of both", &both, same(), PASS),
        case("of both, a burst of 10 ms", &short, same(), PASS),
        case("of both, over it", &over, same(), DROP),
        case("of each source, 100,000 in turn", &source, others, PASS),
    ];
    bench.compare("limit", &cases)
}

/// A query with EDNS, like those of resolvers.
fn resolver_query(name: &str, kind: u16) -> Vec<u8> {
    query(name, kind).edns(1232, &[]).bytes
}

pub(crate) fn dns(bench: &Bench) -> Vec<Row> {
    let free = Filter::load("dns", &[]);
    let rate = format!("@settings 0 rate={NEVER}");
    let limited = Filter::load("dns", &[&rate, "255 action=DNS_DROP"]);
    let four = |message: &[u8]| ip4("10.0.77.1").datagram(53, message).bytes;
    let asked = resolver_query("www.some-domain.example", 1);
    let six = ip6("2001:db8::1").datagram(53, &asked).bytes;
    let malformed = query("www.some-domain.example", 1).with(2, 0x80).bytes;
    let any = resolver_query("www.some-domain.example", 255);
    let others = Packets::others(&bench.sources, four(&asked));
    let case = |what, filter, packets, verdict| Case {
        what,
        filter,
        packets,
        verdict,
        aim: Some(80.0),
        like: None,
    };
    let same = Packets::same;
    let cases = [
        case("a query, no rate", &free, same(four(&asked)), PASS),
        case("a query, a rate", &limited, same(four(&asked)), PASS),
        case("a query over IPv6, a rate", &limited, same(six), PASS),
        case("ANY dropped", &limited, same(four(&any)), DROP),
        case("malformed", &limited, same(four(&malformed)), DROP),
        case("a rate, 100,000 sources in turn", &limited, others, PASS),
    ];
    bench.compare("dns", &cases)
}

pub(crate) fn qname(bench: &Bench) -> Vec<Row> {
    let list = |many: u32| {
        let filter = Filter::load("qname", &[]);
        for number in 0..many {
            filter.entry(&format!("blocked-{number:05}.example action=QNAME_DROP"));
        }
        filter
    };
    let (few, many) = (list(10), list(MANY));
    let frame = |name| {
        ip4("10.0.77.1")
            .datagram(53, &resolver_query(name, 1))
            .bytes
    };
    let same = |name| Packets::same(frame(name));
    let others = Packets::others(&bench.names, frame("blocked-00000.example"));
    let case = |what, filter, packets, verdict| Case {
        what,
        filter,
        packets,
        verdict,
        aim: Some(150.0),
        like: None,
    };
    let stranger = "www.some-domain.example";
    let deep = "a.b.c.www.some-domain.example";
    let cases = [
        case("10 names, none of them", &few, same(stranger), PASS),
        case("10 names", &few, same("blocked-00007.example"), DROP),
        case("100,000 names, none of them", &many, same(stranger), PASS),
        case("100,000 names, none, six labels", &many, same(deep), PASS),
        case("100,000 names", &many, same("blocked-04711.example"), DROP),
        case("100,000 names, all in turn", &many, others, DROP),
    ];
    bench.compare("qname", &cases)
}

pub(crate) fn guard(bench: &Bench) -> Vec<Row> {
    let limits = format!("@limits 0.0.0.0/0 source_rate={NEVER}");
    let filter = Filter::load("guard", &["198.51.100.0/24 action=ACL_DROP", &limits]);
    let asked = resolver_query("www.some-domain.example", 1);
    let from = |source| ip4(source).datagram(53, &asked).bytes;
    let case = |what, packets, verdict| Case {
        what,
        filter: &filter,
        packets,
        verdict,
        aim: None,
        like: None,
    };
    let others = Packets::others(&bench.sources, from("10.0.77.1"));
    let cases = [
        case("a query", Packets::same(from("10.0.77.1")), PASS),
        case("a query, denied", Packets::same(from("198.51.100.1")), DROP),
        case("a query, 100,000 sources in turn", others, PASS),
    ];
    bench.compare("guard", &cases)
}
