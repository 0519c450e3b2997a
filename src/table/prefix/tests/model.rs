//! A list, its table in memory, and the naive model of both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::table::prefix::{
    Counts, Entry, Parts, Prefix, PrefixSet, Sizes, build, deciding, each, find, measure,
};
use crate::table::{Source, ValueId, ValueLayout, Values};

/// `struct { u8 action; u8 protocol; u16 port; u32 pad; u64 packets; u64 bytes; }`
pub(super) const LAYOUT: ValueLayout = ValueLayout {
    size: 24,
    action: 1,
    packets: Some(8),
    exact: None,
};

/// xorshift64*: the same numbers in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) const fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    pub(super) fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// Rounds of a test: `TABLE_ROUNDS`, when set while compiling, times as many as in every run of the tests.
pub(super) fn rounds(rounds: u64) -> u64 {
    let factor = option_env!("TABLE_ROUNDS");
    rounds
        * factor.map_or(1, |factor| {
            factor.parse().expect("TABLE_ROUNDS is a number")
        })
}

/// An item: its value is the number of one of [`values`].
pub(super) type Item = (Prefix, Source, u32);

/// Light values 0 to 2, and full ones from 3 on.
pub(super) fn values() -> Values {
    let mut values = Values::new(LAYOUT.size);
    for (action, port) in [(1, 0), (2, 0), (15, 0), (1, 53), (2, 53), (16, 0)] {
        let mut value = [0; 24];
        (value[0], value[2]) = (action, port);
        values.add(&value);
    }
    values
}

pub(super) const VALUES: u64 = 6;

pub(super) const fn ip4(address: u32, length: u8) -> Prefix {
    Prefix::new(0xffff << 32 | address as u128, 96 + length)
}

/// A random network near others: few bits differ, so that networks nest, touch and coincide.
pub(super) fn prefix(random: &mut Random) -> Prefix {
    let near = |random: &mut Random| -> u32 {
        let bits = [
            0x0000_0001,
            0x0000_0300,
            0x0001_8001,
            0x8000_0000,
            0x00ff_0000,
        ];
        bits.iter().fold(0x0a00_0000, |address, bits| {
            address ^ (bits & random.next() as u32)
        })
    };
    match random.below(8) {
        0..4 => {
            let length = match random.below(4) {
                0 => random.below(33),
                1 => 32,
                2 => 24 + random.below(9),
                _ => 14 + random.below(6),
            };
            ip4(near(random), length as u8)
        }
        4..7 => {
            let parts = [
                near(random),
                near(random),
                near(random) & 3,
                near(random) & 7,
            ];
            let address = parts
                .iter()
                .fold(0x2001_u128, |all, part| all << 32 | u128::from(*part));
            let length = match random.below(3) {
                0 => random.below(129),
                1 => 128,
                _ => 16 * (1 + random.below(8)) + random.below(3) - 1,
            };
            Prefix::new(address, length.min(128) as u8)
        }
        _ => {
            let length = [0, 1, 80, 81, 95, 96, 97][random.below(7) as usize];
            Prefix::new(0xffff << 32, length)
        }
    }
}

pub(super) fn list(random: &mut Random, items: u64) -> Vec<Item> {
    let (sources, values) = (1 + random.below(4), 1 + random.below(VALUES));
    let first = random.below(2);
    let mut item = || {
        let source = (first + random.below(sources)) as Source;
        (prefix(random), source, random.below(values) as u32)
    };
    (0..items).map(|_| item()).collect()
}

/// What decides about an address: the lowest source that matches, and the longest prefix of that source.
pub(super) fn decided(items: &[Item], address: u128) -> Option<(Source, u32)> {
    let matching = items
        .iter()
        .enumerate()
        .filter(|(_, item)| item.0.contains(address));
    let best = matching.min_by_key(|(at, (prefix, source, _))| {
        // Same prefix: of source 0 the last line, of others the first item.
        let order = if *source == 0 { items.len() - at } else { *at };
        (*source, u8::MAX - prefix.length, order)
    });
    best.map(|(_, (_, source, value))| (*source, *value))
}

/// Addresses at the edges of the networks, and random ones.
pub(super) fn addresses(items: &[Item], random: &mut Random) -> Vec<u128> {
    let mut addresses = vec![0, u128::MAX, 0xffff << 32, 0xffff_ffff_ffff];
    for (prefix, ..) in items {
        let rest = u128::MAX.checked_shr(prefix.length.into()).unwrap_or(0);
        let (first, last) = (prefix.address, prefix.address | rest);
        addresses.extend([first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
        addresses.push(first | rest & random.wide());
    }
    addresses
}

pub(super) fn set_of(items: &[Item]) -> (PrefixSet, Counts) {
    let mut set = PrefixSet::new();
    for (prefix, source, value) in items {
        set.add(*prefix, *source, ValueId(*value)).unwrap();
    }
    let counts = set.finish();
    (set, counts)
}

/// The parts of a table, as maps of the kernel have them.
pub(super) struct Memory {
    pub(super) lines: Vec<AtomicU32>,
    pub(super) packets: Vec<AtomicU64>,
    pub(super) keys: Vec<AtomicU64>,
    pub(super) rules: Vec<AtomicU64>,
}

impl Memory {
    pub(super) fn new(sizes: Sizes) -> Self {
        let words = |count: u32| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            lines: (0..16 * sizes.lines).map(|_| AtomicU32::new(0)).collect(),
            packets: words(sizes.packets),
            keys: words(sizes.keys),
            rules: words(3 * sizes.rules),
        }
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts::new(
            &self.lines,
            &self.packets,
            &self.keys,
            &self.rules,
            LAYOUT.size,
        )
    }

    pub(super) fn copy(&self) -> Self {
        let words = |words: &[AtomicU64]| {
            let words = words.iter();
            words
                .map(|word| AtomicU64::new(word.load(Ordering::Relaxed)))
                .collect()
        };
        let lines = self.lines.iter();
        Self {
            lines: lines
                .map(|word| AtomicU32::new(word.load(Ordering::Relaxed)))
                .collect(),
            packets: words(&self.packets),
            keys: words(&self.keys),
            rules: words(&self.rules),
        }
    }

    /// A new table of the items, in the sizes that are measured.
    pub(super) fn of(items: &[Item]) -> Self {
        let (set, _) = set_of(items);
        let memory = Self::new(measure(&set, &values(), &LAYOUT));
        build(&set, &values(), &LAYOUT, memory.parts()).unwrap();
        assert!(memory.parts().is_built());
        memory
    }
}

/// Source and number of the value of an entry.
pub(super) fn meaning(parts: Parts<'_>, entry: Entry) -> (Source, u32) {
    let mut value = [0; 24];
    parts.value(entry.leaf, &LAYOUT, &mut value);
    // The hit counter.
    value[8..16].fill(0);
    (entry.source, values().add(&value).0)
}

/// Checks that the table has the kept items, and decides as the model.
pub(super) fn check(parts: Parts<'_>, items: &[Item], random: &mut Random) {
    let mut listed = BTreeMap::new();
    each(parts, &mut |entry| {
        assert_eq!(find(parts, entry.prefix), Some(entry));
        let before = listed.insert(entry.prefix, meaning(parts, entry));
        assert_eq!(before, None, "{entry:?} is listed twice");
    });
    assert_eq!(listed.len(), set_of(items).1.kept as usize);
    assert_eq!(parts.entries() as usize, listed.len());
    for (prefix, meaning) in &listed {
        assert!(
            items.contains(&(*prefix, meaning.0, meaning.1)),
            "{prefix:?} is not in the list"
        );
    }
    for address in addresses(items, random) {
        let entry = deciding(parts, address).map(|entry| meaning(parts, entry));
        assert_eq!(entry, decided(items, address), "about {address:x}");
    }
}
