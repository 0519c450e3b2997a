//! Tables against the naive model.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use super::kills::killed_at;
use super::model::{
    LAYOUT, Listed, Memory, Random, expected, queries, random_list, set_of, value_of,
};
use super::wire::reverse;
use super::{
    Counts, MAX_NAME, NameSet, Scope, admit, build, carry, is_intact, measure, suffixes, update,
};
use crate::table::{NoRoom, ValueId, Values};

fn wire(text: &str) -> Vec<u8> {
    let labels = text.split('.').map(str::as_bytes);
    labels
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()][..], label].concat())
        .collect()
}

fn listed(text: &str, scope: Scope, source: u8, action: u32) -> Listed {
    Listed {
        wire: wire(text),
        scope,
        source,
        action,
    }
}

fn counts_of(list: &[Listed]) -> Counts {
    let (mut set, mut values) = (NameSet::new(), Values::new(LAYOUT.size));
    for item in list {
        let value = values.add(&value_of(item.action));
        set.add(&item.wire, item.scope, item.source, value);
    }
    set.finish()
}

fn no_grace() -> impl FnMut() -> bool {
    || true
}

#[test]
fn reversed_names_reverse_back() {
    let mut random = Random(1);
    for _ in 0..1000 {
        let name = random.name();
        let (mut once, mut twice) = ([0; MAX_NAME], [0; MAX_NAME]);
        assert_eq!(reverse(reverse(&name, &mut once), &mut twice), name);
    }
}

#[test]
fn wrong_names_are_refused() {
    let mut set = NameSet::new();
    let long = [&[63; 64][..]; 4].concat();
    for bytes in [&[][..], &[0], &[1], &[2, 1], &[64; 65], &[1, 97, 0], &long] {
        assert!(!set.add(bytes, Scope::Tree, 0, ValueId(0)), "{bytes:?}");
    }
    assert!(set.is_empty());
}

#[test]
fn items_that_decide_nothing_are_dropped() {
    use Scope::{Below, Exact, Tree};
    for (list, kept, covered, merged, duplicates) in [
        // A lower source covers all below, whatever the values.
        (&[("a", Tree, 1, 1), ("b.a", Tree, 2, 2)][..], 1, 1, 0, 0),
        (&[("a", Tree, 2, 1), ("b.a", Tree, 1, 2)], 2, 0, 0, 0),
        (&[("a", Tree, 1, 1), ("b.a", Tree, 1, 1)], 1, 0, 1, 0),
        (
            &[
                ("a", Tree, 1, 1),
                ("b.a", Tree, 1, 2),
                ("c.b.a", Tree, 1, 1),
            ],
            3,
            0,
            0,
            0,
        ),
        // Entries of source 0 keep their counters.
        (&[("a", Tree, 0, 1), ("b.a", Tree, 0, 1)], 2, 0, 0, 0),
        (&[("a", Tree, 0, 1), ("a", Exact, 0, 2)], 1, 0, 0, 1),
        (&[("a", Tree, 1, 1), ("a", Tree, 1, 2)], 1, 0, 0, 1),
        (&[("a", Tree, 1, 1), ("a", Exact, 2, 2)], 1, 1, 0, 0),
        // Lists in RPZ have a line for the name and another for all below.
        (&[("a", Exact, 1, 1), ("a", Below, 1, 1)], 1, 0, 1, 0),
        (&[("a", Exact, 1, 1), ("a", Below, 1, 2)], 2, 0, 0, 0),
        (&[("a", Exact, 1, 1), ("b.a", Tree, 2, 2)], 2, 0, 0, 0),
        (
            &[("a", Below, 1, 1), ("a", Exact, 2, 2), ("b.a", Exact, 2, 2)],
            2,
            1,
            0,
            0,
        ),
    ] {
        let items: Vec<Listed> = list
            .iter()
            .map(|(name, scope, source, action)| listed(name, *scope, *source, *action))
            .collect();
        let counts = Counts {
            kept,
            covered,
            merged,
            duplicates,
        };
        assert_eq!(counts_of(&items), counts, "{list:?}");
    }
}

#[test]
fn tables_decide_as_the_model() {
    let mut random = Random(2);
    for round in 0..12 {
        let count = [0, 1, 3, 12, 100, 1000][round % 6];
        let list = random_list(&mut random, count);
        let memory = Memory::of(&list, &random.seed());
        assert!(is_intact(&memory.parts(), &LAYOUT));
        for query in queries(&mut random, &list, 600) {
            assert_eq!(memory.verdict(&query), expected(&list, &query), "{query:?}");
        }
    }
}

#[test]
fn longest_names_are_found() {
    let deep: Vec<u8> = [1, b'd'].repeat(127);
    let wide = [&[62][..], &[b'w'; 62]].concat().repeat(4);
    let wide = [&wide[..], &[1, b'w']].concat();
    assert_eq!((deep.len(), wide.len()), (254, 254));
    let list = [&deep, &wide, &deep[2..].to_vec(), &deep[250..].to_vec()].map(|name| Listed {
        wire: name.clone(),
        scope: Scope::Exact,
        source: 1,
        action: 2,
    });
    let memory = Memory::of(&list, &[7; 6]);
    for name in suffixes(&deep).chain(suffixes(&wide)) {
        assert_eq!(
            memory.verdict(name),
            expected(&list, name),
            "{}",
            name.len()
        );
    }
}

#[test]
fn entries_are_found_and_visited() {
    let mut random = Random(3);
    let list = random_list(&mut random, 2000);
    let memory = Memory::of(&list, &random.seed());
    let entries = memory.entries();
    assert_eq!(u32::try_from(entries.len()).unwrap(), counts_of(&list).kept);
    for entry in &entries {
        let mut value = value_of(entry.action);
        let found = memory.found(&entry.wire).unwrap();
        let pair = entries
            .iter()
            .filter(|other| other.wire == entry.wire)
            .count()
            == 2;
        value[4] = entry.scope as u8;
        assert!(pair || found == value);
    }
    assert_eq!(memory.found(&wire("not.listed")), None);
}

#[test]
fn large_tables_have_the_measured_size() {
    let mut random = Random(4);
    let list: Vec<Listed> = (0..20_000)
        .map(|number| {
            listed(
                &format!("n{number}.example{}", random.below(9)),
                Scope::Tree,
                1,
                1,
            )
        })
        .collect();
    let (set, values) = set_of(&list);
    let sizes = measure(&set, &values, &LAYOUT);
    assert!(sizes.bytes < 20_000 * 56, "{sizes:?}");
    let memory = Memory::of(&list, &random.seed());
    for item in &list {
        assert_eq!(memory.verdict(&item.wire), Some((1, 1)));
    }
    let misses = (0..10_000).filter(|number| {
        let name = super::hash::Hashed::new(
            memory.parts().secrets(super::parts::Field::Secrets),
            &wire(&format!("o{number}.example1")),
        );
        !super::bloom::has(&memory.parts(), name.suffix(name.size()))
    });
    assert!(misses.count() > 9_600);
}

/// Stores of an update, and the table after it.
#[test]
fn updates_give_the_new_table() {
    let mut random = Random(5);
    for round in 0..8 {
        let mut list = random_list(&mut random, [5, 60, 400, 1500][round % 4]);
        let memory = Memory::of(&list, &random.seed());
        for _ in 0..4 {
            let before = memory.entries();
            change(&mut random, &mut list);
            let (set, values) = set_of(&list);
            let undo = update(&set, &values, &LAYOUT, &memory.parts(), &mut no_grace());
            let Ok(undo) = undo else {
                assert_eq!(memory.entries(), before);
                break;
            };
            for query in queries(&mut random, &list, 300) {
                assert_eq!(memory.verdict(&query), expected(&list, &query), "{query:?}");
            }
            let new = Memory::of(&list, &random.seed()).entries();
            assert_eq!(memory.entries(), new);
            if random.below(2) == 0 {
                undo.restore(&memory.parts(), &mut no_grace());
                assert_eq!(memory.entries(), before);
                drop(update(&set, &values, &LAYOUT, &memory.parts(), &mut no_grace()).unwrap());
                assert_eq!(memory.entries(), new);
            }
        }
    }
}

/// Removes, adds and changes some items.
fn change(random: &mut Random, list: &mut Vec<Listed>) {
    let some = 1 + list.len() as u64 / 40;
    for _ in 0..random.below(some + 1) {
        let at = usize::try_from(random.next()).unwrap() % list.len().max(1);
        if at < list.len() {
            list.remove(at);
        }
    }
    for _ in 0..random.below(some + 1) {
        let at = usize::try_from(random.next()).unwrap() % list.len().max(1);
        if let (Some(item), new) = (list.get_mut(at), random_list(random, 1).remove(0)) {
            (item.scope, item.source, item.action) = (new.scope, new.source, new.action);
        }
    }
    let more = random.below(some + 1);
    list.extend(random_list(random, more));
}

#[test]
fn each_store_leaves_old_or_new_verdicts_and_a_table_to_go_on_with() {
    let mut random = Random(6);
    for _ in 0..3 {
        let list = random_list(&mut random, 30);
        let mut new = list.clone();
        for _ in 0..6 {
            change(&mut random, &mut new);
        }
        let asked = [
            queries(&mut random, &list, 60),
            queries(&mut random, &new, 60),
        ]
        .concat();
        let seed = random.seed();
        let (set, values) = set_of(&new);
        for stores in 0.. {
            let memory = Memory::of(&list, &seed);
            let parts = memory.parts();
            let mut fits = true;
            let killed = killed_at(stores, || {
                fits = update(&set, &values, &LAYOUT, &parts, &mut no_grace()).is_ok();
            });
            for query in &asked {
                let verdict = memory.verdict(query);
                let (old, new) = (expected(&list, query), expected(&new, query));
                assert!(
                    verdict == old || verdict == new,
                    "{stores}: {query:?}: {verdict:?}"
                );
            }
            assert!(is_intact(&parts, &LAYOUT));
            if update(&set, &values, &LAYOUT, &parts, &mut no_grace()).is_ok() {
                for query in &asked {
                    assert_eq!(memory.verdict(query), expected(&new, query), "{stores}");
                }
            }
            if !killed {
                break;
            }
        }
    }
}

#[test]
fn unchanged_entries_keep_their_counters() {
    let mut random = Random(7);
    let list: Vec<Listed> = (0..500)
        .map(|number| {
            listed(
                &format!("n{number}"),
                Scope::Tree,
                1,
                if number % 9 == 0 { 20 } else { 1 },
            )
        })
        .collect();
    let memory = Memory::of(&list, &random.seed());
    let parts = memory.parts();
    // Programs count in the second word of each record and in the last word of each rule.
    let mut counted = Vec::new();
    for item in &list {
        let name =
            super::hash::Hashed::new(parts.secrets(super::parts::Field::Secrets), &item.wire);
        let (_, record) = super::lines::find(&parts, &name, name.size()).unwrap();
        let at = usize::try_from(record.at + 1).unwrap();
        if item.action == 1 {
            parts.records[at].store(9, std::sync::atomic::Ordering::Relaxed);
        } else {
            let rule = parts.records[at].load(std::sync::atomic::Ordering::Relaxed) & 0xff_ffff;
            let at = usize::try_from(rule).unwrap() * 2 + 1;
            parts.rules[at].store(9, std::sync::atomic::Ordering::Relaxed);
        }
        counted.push(item.wire.clone());
    }
    // Another list comes before, so sources change; one entry changes, one goes.
    let mut new: Vec<Listed> = list
        .iter()
        .cloned()
        .map(|item| Listed { source: 2, ..item })
        .collect();
    new[7].action = 3;
    new.remove(3);
    new.push(listed("other", Scope::Tree, 1, 1));
    let (set, values) = set_of(&new);
    let undo = update(&set, &values, &LAYOUT, &parts, &mut no_grace()).unwrap();
    for (number, name) in counted.iter().enumerate() {
        let packets = memory.found(name).map(|value| value[8]);
        let expected = match number {
            3 => None,
            7 => Some(0),
            _ => Some(9),
        };
        assert_eq!(packets, expected, "{number}");
    }
    undo.restore(&parts, &mut no_grace());
    assert!(
        counted
            .iter()
            .all(|name| memory.found(name).unwrap()[8] == 9)
    );
    let larger = Memory::of(&new, &random.seed());
    carry(&parts, &larger.parts(), &LAYOUT);
    assert_eq!(larger.found(&counted[9]), memory.found(&counted[9]));
    assert_eq!(larger.found(&counted[8]).unwrap()[8], 9);
    assert_eq!(larger.found(&counted[7]).unwrap()[8], 0);
}

#[test]
fn small_parts_have_no_room() {
    let list: Vec<Listed> = (0..200)
        .map(|n| listed(&format!("n{n}"), Scope::Tree, 1, 1))
        .collect();
    let memory = Memory::of(&list[..2], &[3; 6]);
    let before = memory.entries();
    let (set, values) = set_of(&list);
    let result = update(&set, &values, &LAYOUT, &memory.parts(), &mut no_grace());
    assert_eq!(result.err(), Some(NoRoom));
    assert_eq!(memory.entries(), before);
    let (set, values) = set_of(&[]);
    let sizes = measure(&set, &values, &LAYOUT);
    let memory = Memory::new(&sizes);
    build(&set, &values, &LAYOUT, &[1; 6], &memory.parts()).unwrap();
    assert_eq!(memory.verdict(&wire("a")), None);
}

/// Updates fill the lines until an entry finds no place. Entries move meanwhile, which takes a grace period.
#[test]
fn entries_move_when_their_lines_are_full() {
    let all: Vec<Listed> = (0..900)
        .map(|n| listed(&format!("n{n}"), Scope::Tree, 1, 1))
        .collect();
    let memory = Memory::of(&all[..600], &Random(10).seed());
    let parts = memory.parts();
    let (mut count, mut periods) = (600, 0);
    let last = loop {
        let (set, values) = set_of(&all[..=count]);
        let before = memory.entries();
        let mut refused = false;
        let without = update(&set, &values, &LAYOUT, &parts, &mut || {
            refused = true;
            false
        });
        if let (Ok(undo), false) = (without, refused) {
            undo.restore(&parts, &mut no_grace());
        } else {
            assert_eq!(memory.entries(), before);
        }
        let mut grace = || {
            periods += 1;
            true
        };
        let Ok(undo) = update(&set, &values, &LAYOUT, &parts, &mut grace) else {
            break before;
        };
        if count % 7 == 0 {
            undo.restore(&parts, &mut no_grace());
            assert_eq!(memory.entries(), before);
            let again = update(&set, &values, &LAYOUT, &parts, &mut no_grace());
            assert!(again.is_ok());
        }
        count += 1;
        for item in &all[..count] {
            assert_eq!(memory.verdict(&item.wire), Some((1, 1)), "{count}");
        }
    };
    assert!(count > 640 && periods > 0, "{count} names, {periods} moves");
    assert_eq!(memory.entries(), last);
}

#[test]
fn damaged_parts_are_read_safely() {
    let mut random = Random(8);
    let list = random_list(&mut random, 300);
    let (set, values) = set_of(&list);
    for _ in 0..60 {
        let memory = Memory::of(&list[..20], &random.seed());
        for part in &memory.0 {
            for _ in 0..4 {
                let at = usize::try_from(random.next()).unwrap() % part.len();
                part[at].store(random.next(), std::sync::atomic::Ordering::Relaxed);
            }
        }
        memory.entries();
        for query in queries(&mut random, &list, 20) {
            memory.verdict(&query);
            memory.found(&query);
            admit(&memory.parts(), &query);
        }
        let _ = update(&set, &values, &LAYOUT, &memory.parts(), &mut no_grace());
    }
}
