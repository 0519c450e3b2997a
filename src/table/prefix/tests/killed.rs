//! A process that is killed after any store of an update leaves a right table.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::model::{
    Item, LAYOUT, Memory, Random, addresses, check, decided, list, meaning, rounds, set_of, values,
};
use super::updated::{change, changed};
use crate::table::prefix::{Parts, deciding, update};
use crate::table::{NoRoom, Source};

/// Stores that an update makes when nothing kills it.
fn stores(memory: &Memory, next: &[Item]) -> u32 {
    let memory = memory.copy();
    let left = AtomicU32::new(u32::MAX);
    let mut parts = memory.parts();
    parts.stores = Some(&left);
    change(parts, next).unwrap();
    u32::MAX - left.load(Ordering::Relaxed)
}

type Decided = BTreeMap<u128, Option<(Source, u32)>>;

fn model(items: &[Item], asked: &[u128]) -> Decided {
    let decide = |address: &u128| (*address, decided(items, *address));
    asked.iter().map(decide).collect()
}

/// The value for each address is the one before or the one after. Sources of entries that stay change last.
fn check_between(parts: Parts<'_>, before: &Decided, after: &Decided) {
    let value = |decided: Option<(Source, u32)>| decided.map(|decided| decided.1);
    for (address, old) in before {
        let now = value(deciding(parts, *address).map(|entry| meaning(parts, entry)));
        let (old, new) = (value(*old), value(after[address]));
        assert!(
            now == old || now == new,
            "{address:x}: {now:?}, not {old:?} or {new:?}"
        );
    }
}

#[test]
fn killed_update_leaves_old_or_new_networks() {
    let (mut resumed, mut refused) = (0, 0);
    for seed in 0..rounds(1) {
        let random = &mut Random::new(seed);
        let items = list(random, 40);
        let memory = Memory::of(&items);
        let next = changed(&items, random);
        let mut asked = addresses(&items, random);
        asked.extend(addresses(&next, random));
        let (before, after) = (model(&items, &asked), model(&next, &asked));
        let all = stores(&memory, &next);
        // Each of the first stores and of the last, and some between.
        let step = 1 + all / 16;
        let stops = (0..all).filter(|stop| *stop < 6 || all - stop < 6 || stop % step == 0);
        for stop in stops {
            let memory = memory.copy();
            let left = AtomicU32::new(stop);
            let mut parts = memory.parts();
            parts.stores = Some(&left);
            let _ = change(parts, &next);
            let parts = memory.parts();
            check_between(parts, &before, &after);
            // A new process goes on: to the new list, to the one before, or to a third.
            let third;
            let target = match stop % 3 {
                0 => &next,
                1 => &items,
                _ => {
                    third = changed(&items, random);
                    &third
                }
            };
            match update(&set_of(target).0, &values(), &LAYOUT, parts, &mut || true) {
                Ok(_) => check(parts, target, random),
                // The entries of both lists have numbers, so there may be too few for a third.
                Err(NoRoom) => {
                    refused += 1;
                    check_between(parts, &before, &after);
                }
            }
            resumed += 1;
        }
    }
    assert!(resumed > 10 * refused, "{refused} of {resumed} refused");
}

#[test]
fn killed_undo_leaves_old_or_new_networks() {
    let random = &mut Random::new(77);
    let items = list(random, 40);
    let memory = Memory::of(&items);
    let next = changed(&items, random);
    let mut asked = addresses(&items, random);
    asked.extend(addresses(&next, random));
    let (before, after) = (model(&items, &asked), model(&next, &asked));
    for stop in (0..200).step_by(31) {
        let memory = memory.copy();
        let undo = change(memory.parts(), &next).unwrap();
        let left = AtomicU32::new(stop);
        let mut parts = memory.parts();
        parts.stores = Some(&left);
        undo.restore(parts, &mut || true);
        let parts = memory.parts();
        check_between(parts, &after, &before);
        change(parts, &items).unwrap();
        check(parts, &items, random);
    }
}
