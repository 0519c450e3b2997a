//! Packets for the shipped programs `dns`, `qname` and `guard`, which read queries, with usual lists and settings.

use std::net::Ipv4Addr;

use super::programs::{Bench, Case};
use super::reference::{Network, Reference};
use super::runs::Packets;
use super::shipped::{LRU, NEVER, everywhere};
use super::table::Row;
use support::packets::filter::Filter;
use support::packets::frame::{ip4, ip6};
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};

/// A name in wire format, RFC 1035 section 3.1.
pub(crate) fn wire_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').chain([""]) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes
}

/// A query with EDNS, as resolvers send it.
pub(crate) fn asks(name: &str, kind: u16) -> Vec<u8> {
    query(name, kind).edns(1232, &[]).bytes
}

pub(crate) fn dns(bench: &Bench<'_>) -> Vec<Row> {
    let free = Filter::load("dns", &[]);
    let rate = format!("@settings 0 rate={NEVER}");
    let limited = Filter::load("dns", &[&rate, "255 action=DNS_DROP"]);
    let four = |message: &[u8]| ip4("10.0.77.1").datagram(53, message).bytes;
    let asked = asks("www.some-domain.example", 1);
    let six = ip6("2001:db8::1").datagram(53, &asked).bytes;
    let malformed = query("www.some-domain.example", 1).with(2, 0x80).bytes;
    let any = asks("www.some-domain.example", 255);
    let others = Packets::others(&bench.sources, four(&asked));
    let questions = Reference::new(bench.site, "questions", &["-DTYPES=10"]).drop_type(255);
    let lru = ["-DTYPES=1", LRU[0], LRU[1]];
    let lru = Reference::new(bench.site, "question-and-lru", &lru).drop_type(255);
    let ten = |verdict, most| questions.peer("10 questions", verdict, most);
    let lru = |most| lru.peer("question + LRU lookup", PASS, most);
    let case = Case::new;
    let same = Packets::same;
    let usual = || same(four(&asked));
    let cases = [
        case("a query, no rate", &free, usual(), PASS, ten(PASS, 2.0)),
        case("a query, a rate", &limited, usual(), PASS, lru(2.5)),
        case(
            "a query over IPv6, a rate",
            &limited,
            same(six),
            PASS,
            lru(2.5),
        ),
        case(
            "ANY dropped",
            &limited,
            same(four(&any)),
            DROP,
            ten(DROP, 2.0),
        ),
        case(
            "malformed",
            &limited,
            same(four(&malformed)),
            DROP,
            ten(PASS, 2.0),
        ),
        case(
            "a rate, 100,000 sources in turn",
            &limited,
            others,
            PASS,
            lru(1.75),
        ),
    ];
    bench.compare("dns", &cases)
}

pub(crate) fn guard(bench: &Bench<'_>) -> Vec<Row> {
    let limits = format!("@limits 0.0.0.0/0 source_rate={NEVER}");
    let filter = Filter::load("guard", &["198.51.100.0/24 action=ACL_DROP", &limits]);
    let asked = asks("www.some-domain.example", 1);
    let from = |source| ip4(source).datagram(53, &asked).bytes;
    let denied = Network {
        first: Ipv4Addr::new(198, 51, 100, 0),
        bits: 24,
        drop: true,
    };
    let list = Reference::new(bench.site, "access-list", &["-DHOSTS", "-DPREFIXES=1"]);
    let list = list.networks([denied]);
    let all = ["-DHOSTS", "-DPREFIXES=2", "-DTYPES=1", LRU[0], LRU[1]];
    let all = Reference::new(bench.site, "guard-lookups", &all).networks([everywhere()]);
    let case = |what, packets, verdict, peer| Case {
        what,
        filter: &filter,
        packets,
        verdict,
        peers: vec![peer],
    };
    let others = Packets::others(&bench.sources, from("10.0.77.1"));
    let same = |source| Packets::same(from(source));
    let all = |most| all.peer("hash, 2 tries, question, LRU", PASS, most);
    let list = list.peer("hash, trie", DROP, 2.5);
    let cases = [
        case("a query", same("10.0.77.1"), PASS, all(2.5)),
        case("a query, denied", same("198.51.100.1"), DROP, list),
        case("a query, 100,000 sources in turn", others, PASS, all(1.75)),
    ];
    bench.compare("guard", &cases)
}
