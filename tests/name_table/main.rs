//! The lookup of `bpf/name_table.h` in the kernel, in tables that `corexdp::table::names` builds, against a naive model.
//! Needs root, libbpf's headers and `target/bpf/qname.o`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod lists;
mod runner;

use corexdp::table::names::Scope;
use lists::{Listed, Random, deep_list, expected, is_longer_than, queries, random_list};
use runner::{Decision, Runner};

const NEVER: u64 = 0;
const OVER: u64 = 1;

#[test]
fn program_decides_as_the_model() {
    let mut random = Random(11);
    for count in [0, 1, 10, 300, 5000] {
        let list = random_list(&mut random, count);
        let mut runner = Runner::new(&list, &random.seed());
        let asked = queries(&mut random, &list, 3000);
        let actions = runner.run(&asked);
        for (query, action) in asked.iter().zip(&actions) {
            let wanted = expected(&list, query).map_or(0, |item| item.action);
            assert_eq!(*action, wanted, "{count}: {query:?}");
        }
        let decided = asked
            .iter()
            .filter(|query| expected(&list, query).is_some());
        assert_eq!(runner.packets(), decided.count() as u64);
    }
}

#[test]
fn program_finds_the_longest_names() {
    let list = deep_list();
    let mut runner = Runner::new(&list, &[3, 1, 4, 1, 5, 9]);
    let asked: Vec<Vec<u8>> = list
        .iter()
        .flat_map(|item| corexdp::table::names::suffixes(&item.wire).map(<[u8]>::to_vec))
        .collect();
    for (query, action) in asked.iter().zip(runner.run(&asked)) {
        let wanted = expected(&list, query).map_or(0, |item| item.action);
        assert_eq!(action, wanted, "{} bytes", query.len());
    }
}

/// Decisions count as `entry` lines; those whose time is over do not exist.
#[test]
fn decisions_take_precedence_over_lists() {
    let mut random = Random(12);
    for _ in 0..4 {
        let list = random_list(&mut random, 200);
        let decided = random_list(&mut random, 60);
        let mut decisions: Vec<Decision> = Vec::new();
        for mut item in decided {
            item.source = 0;
            if decisions.iter().all(|known| known.item.wire != item.wire) {
                let until = [NEVER, u64::MAX, OVER][decisions.len() % 3];
                decisions.push(Decision { item, until });
            }
        }
        let mut runner = Runner::new(&list, &random.seed());
        runner.decide(&decisions);
        let valid = decisions.iter().filter(|decision| decision.until != OVER);
        let valid: Vec<_> = valid.map(|decision| decision.item.clone()).collect();
        let asked = queries(&mut random, &[&list[..], &valid].concat(), 2000);
        for (query, action) in asked.iter().zip(runner.run(&asked)) {
            let (entry, decision) = (expected(&list, query), expected(&valid, query));
            let wins = |decision| entry.is_none_or(|entry| !is_longer_than(entry, decision));
            let winner = decision.filter(|decision| wins(*decision)).or(entry);
            assert_eq!(action, winner.map_or(0, |item| item.action), "{query:?}");
        }
    }
}

#[test]
fn decisions_stay_when_shorter_names_follow() {
    let wires: Vec<Vec<u8>> = (b'a'..=b'h')
        .zip((1..=8).rev())
        .map(|(letter, labels)| [1, letter].repeat(labels))
        .collect();
    let decisions = wires.iter().map(|wire| Decision {
        item: Listed {
            wire: wire.clone(),
            scope: Scope::Tree,
            source: 0,
            action: 1,
        },
        until: NEVER,
    });
    let mut runner = Runner::new(&[], &Random(13).seed());
    runner.decide(&decisions.collect::<Vec<_>>());
    assert_eq!(runner.run(&wires), [1; 8]);
}
