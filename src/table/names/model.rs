//! A naive name table, and random names, for the tests of this folder.

use std::sync::atomic::AtomicU64;

use super::{MAX_NAME, NameSet, Parts, Scope, Sizes, deciding, each, find, measure};
use crate::table::{Source, ValueLayout, Values};

/// `struct { u32 action; u8 exact; u64 packets; }`
pub(super) const LAYOUT: ValueLayout = ValueLayout {
    size: 16,
    action: 4,
    packets: Some(8),
    exact: Some(4),
};

/// Random numbers of a fixed seed (splitmix64).
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A name of few different labels, so that names lie below each other; some are deep or long, or have any bytes.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let (labels, kind) = match self.below(20) {
            0 => (1 + self.below(127), 0),
            1 => (1 + self.below(6), 1),
            2 => (1 + self.below(4), 2),
            _ => (1 + self.below(5), 0),
        };
        let mut wire = Vec::new();
        for _ in 0..labels {
            let label = match kind {
                0 => vec![b'a' + u8::try_from(self.below(3)).unwrap()],
                1 => vec![b'x'; 1 + usize::try_from(self.below(63)).unwrap()],
                _ => {
                    let any = u8::try_from(self.below(256)).unwrap();
                    vec![any.to_ascii_lowercase(), b'.', 0]
                }
            };
            if wire.len() + label.len() < MAX_NAME {
                wire.push(u8::try_from(label.len()).unwrap());
                wire.extend(label);
            }
        }
        wire
    }

    pub(super) fn seed(&mut self) -> [u64; 6] {
        [(); 6].map(|()| self.next())
    }

    /// The name, with capitals now and then.
    pub(super) fn query(&mut self, name: &[u8]) -> Vec<u8> {
        let mut query = name.to_vec();
        let mut at = 0;
        while let Some(size) = query.get(at).copied() {
            let end = at + 1 + usize::from(size);
            if self.below(2) == 0 {
                query[at + 1..end].make_ascii_uppercase();
            }
            at = end;
        }
        query
    }
}

/// An item, by its action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) wire: Vec<u8>,
    pub(super) scope: Scope,
    pub(super) source: Source,
    /// Actions above 15 are full entries.
    pub(super) action: u32,
}

pub(super) fn random_list(random: &mut Random, count: u64) -> Vec<Listed> {
    (0..count)
        .map(|_| {
            let scope = match random.below(6) {
                0 => Scope::Exact,
                1 => Scope::Below,
                _ => Scope::Tree,
            };
            let action = match random.below(8) {
                0 => 16 + u32::try_from(random.below(3)).unwrap(),
                other => u32::try_from(other % 4).unwrap(),
            };
            Listed {
                wire: random.name(),
                scope,
                source: u8::try_from(random.below(4)).unwrap(),
                action,
            }
        })
        .collect()
}

pub(super) fn value_of(action: u32) -> [u8; 16] {
    let mut value = [0; 16];
    value[..4].copy_from_slice(&action.to_ne_bytes());
    value
}

pub(super) fn action_of(value: &[u8]) -> u32 {
    u32::from_ne_bytes(value[..4].try_into().unwrap())
}

/// Source and action of the item that decides about a query, found by looking at all items.
pub(super) fn expected(list: &[Listed], query: &[u8]) -> Option<(Source, u32)> {
    let query = query.to_ascii_lowercase();
    let is_below = |wire: &[u8]| super::suffixes(&query).skip(1).any(|suffix| suffix == wire);
    let matches = |item: &Listed| {
        item.scope.has_name() && item.wire == query
            || item.scope.has_below() && is_below(&item.wire)
    };
    let mut best: Option<&Listed> = None;
    for (index, item) in list.iter().enumerate() {
        let same_key = |other: &Listed| other.source == 0 && other.wire == item.wire;
        let is_replaced = item.source == 0 && list[index + 1..].iter().any(same_key);
        if is_replaced || !matches(item) {
            continue;
        }
        let rank = |item: &Listed| (item.source, MAX_NAME - item.wire.len());
        if best.is_none_or(|best| rank(item) < rank(best)) {
            best = Some(item);
        }
    }
    best.map(|item| (item.source, item.action))
}

/// A finished set of a list.
pub(super) fn set_of(list: &[Listed]) -> (NameSet, Values) {
    let (mut set, mut values) = (NameSet::new(), Values::new(LAYOUT.size));
    for item in list {
        let value = values.add(&value_of(item.action));
        assert!(set.add(&item.wire, item.scope, item.source, value));
    }
    set.finish();
    (set, values)
}

/// Memory of the parts of a table.
pub(super) struct Memory(pub [Vec<AtomicU64>; 5]);

impl Memory {
    pub(super) fn new(sizes: &Sizes) -> Self {
        let rule = u32::try_from(LAYOUT.size.div_ceil(8)).unwrap();
        let words = [
            sizes.lines * 8,
            sizes.bloom,
            sizes.records,
            sizes.rules * rule,
            16,
        ];
        Self(words.map(|count| (0..count).map(|_| AtomicU64::new(0)).collect()))
    }

    pub(super) fn of(list: &[Listed], seed: &[u64; 6]) -> Self {
        let (set, values) = set_of(list);
        let memory = Self::new(&measure(&set, &values, &LAYOUT));
        super::build(&set, &values, &LAYOUT, seed, &memory.parts()).unwrap();
        memory
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let [lines, bloom, records, rules, shape] = &self.0;
        Parts {
            lines,
            bloom,
            records,
            rules,
            shape,
        }
    }

    /// The deciding source and action of the table.
    pub(super) fn verdict(&self, query: &[u8]) -> Option<(Source, u32)> {
        let mut value = [0; 16];
        let found = deciding(&self.parts(), &LAYOUT, query, &mut value)?;
        Some((found.source, action_of(&value)))
    }

    pub(super) fn found(&self, wire: &[u8]) -> Option<[u8; 16]> {
        let mut value = [0; 16];
        find(&self.parts(), &LAYOUT, wire, &mut value)?;
        Some(value)
    }

    /// All entries, sorted.
    pub(super) fn entries(&self) -> Vec<Listed> {
        let mut all = Vec::new();
        each(&self.parts(), &LAYOUT, &mut |entry| {
            all.push(Listed {
                wire: entry.wire.to_vec(),
                scope: entry.scope,
                source: entry.source,
                action: action_of(entry.value),
            });
        });
        all.sort();
        all
    }
}

/// Names of a list, names below and beside them, and others.
pub(super) fn queries(random: &mut Random, list: &[Listed], count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let index = usize::try_from(random.next()).unwrap() % list.len().max(1);
            let listed = list.get(index).map(|item| item.wire.clone());
            let name = match (random.below(4), listed) {
                (0, Some(name)) => name,
                (1, Some(name)) if name.len() < 250 => [&[1, b'q'][..], &name].concat(),
                (2, Some(name)) if name.len() < 200 => [random.name(), name].concat(),
                _ => random.name(),
            };
            let name = if name.len() > MAX_NAME {
                random.name()
            } else {
                name
            };
            random.query(&name)
        })
        .collect()
}
