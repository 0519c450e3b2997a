//! Updates in place.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::model::{
    Item, LAYOUT, Memory, Random, check, ip4, list, meaning, rounds, set_of, values,
};
use crate::table::prefix::{Parts, Prefix, Undo, carry, each, find, measure, update};
use crate::table::{NoRoom, Source};

pub(super) fn change(parts: Parts<'_>, items: &[Item]) -> Result<Undo, NoRoom> {
    update(&set_of(items).0, &values(), &LAYOUT, parts, &mut || true)
}

/// A list of which some items are others, some have another value, and some are gone.
pub(super) fn changed(items: &[Item], random: &mut Random) -> Vec<Item> {
    let mut changed = Vec::new();
    for item in items {
        match random.below(12) {
            0 => {}
            1 => changed.push((item.0, item.1, random.below(super::model::VALUES) as u32)),
            2 => changed.push((item.0, random.below(3) as Source, item.2)),
            3 => changed.extend(list(random, 1)),
            _ => changed.push(*item),
        }
    }
    changed
}

/// Gives each entry a counter of its own, and returns them by prefix and value.
fn count_hits(memory: &Memory, random: &mut Random) -> BTreeMap<(Prefix, u32), u64> {
    each(memory.parts(), &mut |entry| {
        let number = entry.leaf.number() as usize;
        let word = if entry.leaf.is_full() {
            &memory.rules[3 * number + 1]
        } else {
            &memory.packets[number]
        };
        word.store(random.below(1000), Ordering::Relaxed);
    });
    hits(memory)
}

fn hits(memory: &Memory) -> BTreeMap<(Prefix, u32), u64> {
    let mut hits = BTreeMap::new();
    let parts = memory.parts();
    each(parts, &mut |entry| {
        let mut value = [0; 24];
        parts.value(entry.leaf, &LAYOUT, &mut value);
        let packets = u64::from_ne_bytes(value[8..16].try_into().unwrap());
        hits.insert((entry.prefix, meaning(parts, entry).1), packets);
    });
    hits
}

/// Checks that entries that stayed have their counters, and new ones begin at 0.
fn check_hits(before: &BTreeMap<(Prefix, u32), u64>, after: &BTreeMap<(Prefix, u32), u64>) {
    for (entry, packets) in after {
        assert_eq!(
            *packets,
            before.get(entry).copied().unwrap_or(0),
            "{entry:?}"
        );
    }
}

#[test]
fn updates_decide_as_the_model_and_keep_counters() {
    let (mut made, mut refused) = (0, 0);
    for seed in 0..rounds(6) {
        let random = &mut Random::new(seed);
        let count = 20 + random.below(150);
        let mut items = list(random, count);
        let mut memory = Memory::of(&items);
        for _ in 0..6 {
            let next = changed(&items, random);
            let before = count_hits(&memory, random);
            match change(memory.parts(), &next) {
                Ok(_) => {
                    made += 1;
                    check(memory.parts(), &next, random);
                    check_hits(&before, &hits(&memory));
                }
                Err(NoRoom) => {
                    refused += 1;
                    check(memory.parts(), &items, random);
                    let larger = Memory::of(&next);
                    carry(memory.parts(), larger.parts());
                    check_hits(&before, &hits(&larger));
                    memory = larger;
                }
            }
            items = next;
        }
    }
    assert!(made > 10 * refused, "{made} made, {refused} refused");
}

#[test]
fn undo_restores_entries_and_counters() {
    for seed in 0..rounds(8) {
        let random = &mut Random::new(seed);
        let items = list(random, 100);
        let memory = Memory::of(&items);
        let before = count_hits(&memory, random);
        let next = changed(&items, random);
        let undo = change(memory.parts(), &next).unwrap();
        assert!(undo.restore(memory.parts(), &mut || true));
        check(memory.parts(), &items, random);
        assert_eq!(hits(&memory), before);
    }
}

#[test]
fn unchanged_list_stores_nothing() {
    let random = &mut Random::new(1);
    let items = list(random, 100);
    let memory = Memory::of(&items);
    let mut parts = memory.parts();
    let none = std::sync::atomic::AtomicU32::new(0);
    parts.stores = Some(&none);
    let mut grace = || panic!("waits for nothing");
    update(&set_of(&items).0, &values(), &LAYOUT, parts, &mut grace).unwrap();
    check(memory.parts(), &items, random);
}

#[test]
fn update_without_grace_changes_nothing() {
    let random = &mut Random::new(1);
    let items = list(random, 100);
    let memory = Memory::of(&items);
    let next = changed(&items, random);
    let undo = update(
        &set_of(&next).0,
        &values(),
        &LAYOUT,
        memory.parts(),
        &mut || false,
    );
    assert_eq!(undo.unwrap_err(), NoRoom);
    check(memory.parts(), &items, random);
}

/// Many updates of one table: lines and numbers that are given back are used again, and nothing is lost.
#[test]
fn lines_and_numbers_are_used_again() {
    let random = &mut Random::new(9);
    let net = |n: u32| (ip4(0x0a00_0000 + (n << 8), 24), 1, 0);
    let mut items: Vec<Item> = (0..3000).map(net).collect();
    let memory = Memory::of(&items);
    let mut graces = 0;
    for round in 0..12 {
        for _ in 0..100 {
            let at = random.below(3000) as usize;
            items[at] = (items[at].0, 1, random.below(3) as u32);
        }
        let set = set_of(&items).0;
        let mut grace = || {
            graces += 1;
            true
        };
        let undo = update(&set, &values(), &LAYOUT, memory.parts(), &mut grace).unwrap();
        if round % 3 == 0 {
            assert!(undo.restore(memory.parts(), &mut grace));
            change(memory.parts(), &items).unwrap();
        }
    }
    check(memory.parts(), &items, random);
    assert!(graces > 12, "only {graces}");
}

#[test]
fn source_alone_changes_in_place() {
    let net = ip4(0x0a00_0000, 8);
    let memory = Memory::of(&[(net, 1, 0)]);
    let before = find(memory.parts(), net).unwrap();
    let undo = change(memory.parts(), &[(net, 2, 0)]).unwrap();
    let after = find(memory.parts(), net).unwrap();
    assert_eq!((after.leaf, after.source), (before.leaf, 2));
    assert!(undo.restore(memory.parts(), &mut || true));
    assert_eq!(find(memory.parts(), net), Some(before));
}

#[test]
fn growing_list_is_refused_and_larger_parts_take_it() {
    let items = list(&mut Random::new(3), 100);
    let memory = Memory::of(&items);
    let grown: Vec<Item> = (0..2000).map(|n| (ip4(n << 12, 30), 1, 0)).collect();
    assert_eq!(change(memory.parts(), &grown).unwrap_err(), NoRoom);
    check(memory.parts(), &items, &mut Random::new(3));
    let sizes = measure(&set_of(&grown).0, &values(), &LAYOUT);
    assert!(sizes.lines as usize * 16 > memory.lines.len());
}
