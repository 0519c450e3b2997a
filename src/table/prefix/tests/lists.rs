//! New tables.

use std::sync::atomic::Ordering;

use super::model::{LAYOUT, Memory, Random, check, ip4, list, prefix, rounds, set_of, values};
use crate::table::prefix::{Prefix, build, deciding, each, find, measure};

#[test]
fn table_decides_as_the_model() {
    for seed in 0..rounds(42) {
        let random = &mut Random::new(seed);
        let count = [0, 1, 2, 3, 10, 40, 150][seed as usize % 7];
        let items = list(random, count);
        check(Memory::of(&items).parts(), &items, random);
    }
}

#[test]
fn dense_chunks_reach_the_deepest_nodes() {
    // Every second address of two /16: 131,072 runs in all.
    let mut items: Vec<_> = (0..1 << 15)
        .map(|n| (ip4(0x0a00_0000 | n << 1, 32), 1, 0))
        .collect();
    let host = |n: u128| Prefix::new(0x2001_0db8 << 96 | n, 128);
    items.extend((0..1 << 15).map(|n| (host(n << 1), 1, 1)));
    // And every second /112, of which one has those hosts.
    items.extend((1..1 << 15).map(|n| (Prefix::new(0x2001_0db8 << 96 | n << 17, 112), 1, 2)));
    let memory = Memory::of(&items);
    let parts = memory.parts();
    for (prefix, ..) in &items {
        let entry = deciding(parts, prefix.address).unwrap();
        assert_eq!(entry.prefix, *prefix);
        let rest = if prefix.length == 112 { 0xffff } else { 0 };
        let after = deciding(parts, (prefix.address | rest) + 1);
        assert_eq!(after, None, "after {prefix:?}");
    }
}

#[test]
fn smaller_parts_are_refused() {
    let items = list(&mut Random::new(1), 100);
    let (set, _) = set_of(&items);
    let sizes = measure(&set, &values(), &LAYOUT);
    let mut small = [sizes; 4];
    small[0].lines = 8200;
    small[1].packets -= 1;
    small[2].keys -= 1;
    small[3].rules -= 1;
    for sizes in small {
        let memory = Memory::new(sizes);
        assert!(build(&set, &values(), &LAYOUT, memory.parts()).is_err());
    }
    assert!(!Memory::new(sizes).parts().is_built());
    assert_eq!(
        sizes.bytes(&LAYOUT),
        64 * u64::from(sizes.lines)
            + 8 * u64::from(sizes.packets + sizes.keys)
            + 24 * u64::from(sizes.rules)
    );
}

#[test]
fn absent_and_hidden_prefixes_are_told_apart() {
    let (outer, left, right) = (
        ip4(0x0a00_0000, 8),
        ip4(0x0a00_0000, 9),
        ip4(0x0a80_0000, 9),
    );
    let memory = Memory::of(&[(outer, 1, 0), (left, 1, 1), (right, 1, 1)]);
    assert_eq!(find(memory.parts(), outer).unwrap().prefix, outer);
    assert_eq!(find(memory.parts(), ip4(0x0a00_0000, 10)), None);
    assert_eq!(find(memory.parts(), Prefix::new(0, 0)), None);
}

#[test]
fn counts_of_decisions_stay_until_set() {
    let memory = Memory::of(&[]);
    assert_eq!(memory.parts().decisions(), (0, 0));
    memory.parts().set_decisions(3, 7);
    assert_eq!(memory.parts().decisions(), (3, 7));
}

#[test]
fn damaged_parts_harm_nobody() {
    for seed in 0..rounds(8) {
        let random = &mut Random::new(seed);
        let items = list(random, 60);
        let memory = Memory::of(&items);
        for _ in 0..200 {
            let at = random.below(memory.lines.len() as u64) as usize;
            let at = if random.below(2) == 0 {
                at
            } else {
                memory.lines.len() - 1 - at % 2000
            };
            memory.lines[at].store(random.next() as u32, Ordering::Relaxed);
            let at = random.below(memory.keys.len() as u64) as usize;
            memory.keys[at].fetch_xor(random.next(), Ordering::Relaxed);
        }
        let parts = memory.parts();
        each(parts, &mut |entry| {
            find(parts, entry.prefix);
        });
        for _ in 0..100 {
            deciding(parts, prefix(random).address);
        }
        let (set, _) = set_of(&list(random, 60));
        let undo = crate::table::prefix::update(&set, &values(), &LAYOUT, parts, &mut || true);
        if let Ok(undo) = undo {
            undo.restore(parts, &mut || true);
        }
    }
}
