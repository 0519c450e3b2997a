//! Tests of the names that decisions are about.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::bloom;
use super::hash::Hashed;
use super::model::{LAYOUT, Listed, Memory, Random, expected, queries, random_list, set_of};
use super::parts::Field;
use super::wire::labels;
use super::{Scope, admit, deciding, digest, set_decisions, suffixes, update};

/// True if a program that is asked for the name finds a decision about it.
fn is_looked_for(memory: &Memory, wire: &[u8]) -> bool {
    let parts = memory.parts();
    let (name, least) = (
        Hashed::new(parts.secrets(Field::Secrets), wire),
        parts.get(Field::Least),
    );
    let is_known = |suffix: &&[u8]| bloom::has(&parts, name.suffix(suffix.len()));
    let known = suffixes(wire).take_while(is_known).count() as u64;
    let count = u64::from(labels(wire).unwrap());
    count >= least && known > count - least
}

fn below_example(number: u64) -> Listed {
    let label = format!("n{number}");
    let wire = [
        &[u8::try_from(label.len()).unwrap()],
        label.as_bytes(),
        b"\x03www\x07example",
    ];
    Listed {
        wire: wire.concat(),
        scope: Scope::Tree,
        source: 1,
        action: 1,
    }
}

#[test]
fn decisions_about_short_names_are_looked_for() {
    let list: Vec<Listed> = (0..50).map(below_example).collect();
    let memory = Memory::of(&list, &Random(9).seed());
    let parts = memory.parts();
    assert!(!admit(&parts, b"no name"));
    assert!(admit(&parts, b"\x07example"));
    set_decisions(&parts, 1);
    let mut value = [0; 16];
    for item in &list {
        let found = deciding(&parts, &LAYOUT, &item.wire, &mut value).unwrap();
        assert_eq!(usize::from(found.size), item.wire.len());
    }
    let [first, second] = digest(&parts, b"\x07example");
    assert_ne!(first, second);
    assert_eq!(digest(&parts, b"\x07EXAMPLE"), [first, second]);
}

/// The shortest name of the table becomes shorter by decisions, by lists, and by lists that are taken back.
#[test]
fn decisions_are_looked_for_when_shorter_names_follow() {
    let mut random = Random(11);
    for round in 0..24 {
        let mut list = random_list(&mut random, [0, 1, 4][round % 3]);
        list.retain(|item| labels(&item.wire) >= Some(3));
        let memory = Memory::of(&list, &random.seed());
        let mut decided: Vec<Vec<u8>> = Vec::new();
        for _ in 0..8 {
            if random.below(3) == 0 {
                list.extend(random_list(&mut random, 1));
                let (set, values) = set_of(&list);
                let undo = update(&set, &values, &LAYOUT, &memory.parts(), &mut || true);
                match undo {
                    Ok(_) if random.below(2) == 0 => {}
                    Ok(undo) => {
                        undo.restore(&memory.parts(), &mut || true);
                        list.pop();
                    }
                    Err(_) => drop(list.pop()),
                }
            } else {
                let name = random.name();
                assert!(admit(&memory.parts(), &name));
                decided.push(name);
            }
            for name in &decided {
                assert!(is_looked_for(&memory, name), "{round}: {name:?}");
            }
            for query in queries(&mut random, &list, 20) {
                assert_eq!(memory.verdict(&query), expected(&list, &query), "{query:?}");
            }
        }
    }
}
