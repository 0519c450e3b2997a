//! The cost of the frame that counts the verdicts of a program.

use std::path::Path;

use super::programs::{Above, Bench, ROUNDS};
use super::runs::Packets;
use super::sampled::Framed;
use super::shipped::NEVER;
use super::table::{Aim, Row, Unit};
use support::objects::compile::compile;
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::kernel::Program;
use support::packets::message::query;
use support::packets::sandbox::{DROP, PASS};
use support::shipped_object;

/// A program with and without its frame, and the packets for the measurement.
struct Case<'a> {
    what: &'a str,
    bare: &'a Program,
    framed: Program,
    packets: Packets<'a>,
    verdict: u32,
}

/// The program of an object, with its frame.
fn framed(path: &Path, filter: Option<&Filter>) -> Program {
    Framed::new(path, filter).program
}

pub(crate) fn frame(bench: &Bench<'_>) -> Vec<Row> {
    let empty = compile("pass", &bench.site.file("framed"));
    let acl = Filter::load("acl", &["198.51.100.9 action=ACL_DROP"]);
    let dns = Filter::load("dns", &[&format!("@settings 0 rate={NEVER}")]);
    let shipped = |name: &str, filter| framed(&shipped_object(name), Some(filter));
    let asked = query("www.some-domain.example", 1).edns(1232, &[]).bytes;
    let listed = ip4("198.51.100.9").udp(53).bytes;
    let unlisted = ip4("192.0.2.1").udp(53).bytes;
    let asked = ip4("10.0.77.1").datagram(53, &asked).bytes;
    let cases = [
        Case {
            what: "an empty program",
            bare: &bench.empty,
            framed: framed(&empty, None),
            packets: Packets::same(unlisted.clone()),
            verdict: PASS,
        },
        Case {
            what: "acl, a listed source",
            bare: &acl.program,
            framed: shipped("acl", &acl),
            packets: Packets::same(listed),
            verdict: DROP,
        },
        Case {
            what: "acl, another source",
            bare: &acl.program,
            framed: shipped("acl", &acl),
            packets: Packets::same(unlisted),
            verdict: PASS,
        },
        Case {
            what: "dns, a query, a rate",
            bare: &dns.program,
            framed: shipped("dns", &dns),
            packets: Packets::same(asked),
            verdict: PASS,
        },
    ];
    cases.iter().flat_map(|case| case.rows(bench)).collect()
}

impl Case<'_> {
    fn rows(&self, bench: &Bench<'_>) -> Vec<Row> {
        let (mut bare, mut framed) = (Above::default(), Above::default());
        for _ in 0..ROUNDS {
            let time = |program, verdict| {
                let counter = bench.counter.as_ref();
                self.packets.time(program, verdict, counter)
            };
            let empty = time(&bench.empty, PASS);
            bare.push(time(self.bare, self.verdict), empty);
            framed.push(time(&self.framed, self.verdict), empty);
        }
        let kinds = [
            (Unit::Nanoseconds, Aim::Within(1.1)),
            (Unit::Instructions, Aim::None),
        ];
        let figures = framed.figures().into_iter().zip(bare.figures());
        let rows = kinds.into_iter().zip(figures);
        rows.filter_map(|((unit, aim), (framed, bare))| {
            let what = format!("frame around {}", self.what);
            let alone = std::ptr::eq(self.bare, &raw const bench.empty);
            Some(if alone {
                Row::alone(what, unit, framed?)
            } else {
                Row {
                    what,
                    unit,
                    ours: framed?,
                    peer: "without the frame",
                    theirs: bare?,
                    aim,
                }
            })
        })
        .collect()
    }
}
