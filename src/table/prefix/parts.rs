//! The parts of a table: its lines, counters, keys and full values, in memory that other processes may write to. Every index
//! is checked, and every number read from a part is only a number.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::key::{Family, Prefix, Span};
use super::nodes::{self, HALF, HEADER, LINE, Node};
use crate::table::{Leaf, MAX_ACTION, MAX_NUMBER, Source, ValueLayout};

/// Words of the header. `bpf/prefix_table.h` has the same.
const MAGIC: usize = 0;
const VERSION: usize = 1;
const ADDRESSES: usize = 2;
const NETWORKS: usize = 3;
const LIGHT_IP4: usize = 4;
const LIGHT_IP6: usize = 5;
const FULL: usize = 6;
const ENTRIES: usize = 7;

/// "prfx".
const MAGIC_NUMBER: u32 = 0x7866_7270;
/// Changes with every change of the layout.
const LAYOUT_VERSION: u32 = 1;

/// Words of a light IPv6 entry's key: meta, then the address, the high half first.
const IP6_KEY: usize = 3;
/// Words of a full entry's key: those of a light IPv6 entry, then the digest of its value.
const FULL_KEY: usize = 4;

/// Bits of the first word of a key. The low 32 are the address of a light IPv4 entry.
const USED: u64 = 1 << 63;
const LENGTH: u32 = 48;
const SOURCE: u32 = 40;
const ACTION: u32 = 32;

/// The parts of a table as atomic words.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    lines: &'a [AtomicU32],
    packets: &'a [AtomicU64],
    keys: &'a [AtomicU64],
    rules: &'a [AtomicU64],
    /// Words of a full value.
    stride: usize,
    /// Number of stores after which the process counts as killed.
    #[cfg(test)]
    pub(super) stores: Option<&'a AtomicU32>,
}

/// How many numbers each kind of entry has. Light entries of IPv4 have the numbers from 1, those of IPv6 the numbers after
/// them, and full entries numbers of their own from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) light_ip4: u32,
    pub(super) light_ip6: u32,
    pub(super) full: u32,
}

/// An entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The network.
    pub prefix: Prefix,
    /// Where the entry comes from.
    pub source: Source,
    /// Its number, which [`Parts::value`] takes.
    pub leaf: Leaf,
}

/// The key of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) prefix: Prefix,
    pub(super) source: Source,
    pub(super) value: KeyValue,
}

/// The value of an entry, as it is kept to recognize an unchanged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyValue {
    /// The action of a light entry.
    Light(u32),
    /// Digest of a full entry's value as it was given. The counters in the value change.
    Full(u64),
}

impl Numbers {
    /// Light entries of both families.
    pub(super) const fn light(self) -> u32 {
        self.light_ip4.saturating_add(self.light_ip6)
    }

    /// Words of all keys.
    pub(super) const fn key_words(self) -> usize {
        self.light_ip4 as usize + IP6_KEY * self.light_ip6 as usize + FULL_KEY * self.full as usize
    }

    /// First word of the key of a number, and the words that the key has.
    const fn key_place(self, leaf: Leaf) -> Option<(usize, usize)> {
        let Some(at) = leaf.number().checked_sub(1) else {
            return None;
        };
        let (ip4, ip6) = (self.light_ip4 as usize, self.light_ip6 as usize);
        let at = at as usize;
        if leaf.is_full() {
            if at >= self.full as usize {
                return None;
            }
            return Some((ip4 + IP6_KEY * ip6 + FULL_KEY * at, FULL_KEY));
        }
        match at.checked_sub(ip4) {
            None => Some((at, 1)),
            Some(at) if at < ip6 => Some((ip4 + IP6_KEY * at, IP6_KEY)),
            Some(_) => None,
        }
    }

    /// The leaves of all numbers, with action 0.
    pub(super) fn leaves(self) -> impl Iterator<Item = Leaf> {
        let light = (1..=self.light()).map(|number| Leaf::light(number, 0));
        light.chain((1..=self.full).map(Leaf::full))
    }
}

impl<'a> Parts<'a> {
    /// The parts `NAME`, `NAME_packets`, `NAME_keys` and `NAME_rules`; `value_size` is the size of a value.
    pub const fn new(
        lines: &'a [AtomicU32],
        packets: &'a [AtomicU64],
        keys: &'a [AtomicU64],
        rules: &'a [AtomicU64],
        value_size: usize,
    ) -> Self {
        Self {
            lines,
            packets,
            keys,
            rules,
            // The kernel aligns the entries of an array in the same way.
            stride: value_size.div_ceil(8),
            #[cfg(test)]
            stores: None,
        }
    }

    /// True if these are the parts of a table that [`build`](super::build) has filled.
    pub fn is_built(&self) -> bool {
        let numbers = self.header_numbers();
        self.header(MAGIC) == MAGIC_NUMBER
            && self.header(VERSION) == LAYOUT_VERSION
            && self.fits(numbers)
    }

    /// Number of entries, as the last build or update has left it.
    pub fn entries(&self) -> u32 {
        self.header(ENTRIES)
    }

    /// Number of entries for which the parts have numbers.
    pub fn capacity(&self) -> u32 {
        let numbers = self.numbers();
        numbers.light().saturating_add(numbers.full)
    }

    /// Numbers of decisions about addresses, and about networks, as [`Parts::set_decisions`] has set them.
    pub fn decisions(&self) -> (u32, u32) {
        (self.header(ADDRESSES), self.header(NETWORKS))
    }

    /// Sets the numbers of decisions. While a number is 0, programs do not look at the map of these decisions: set it before
    /// the first one is added, and after the last one is deleted.
    pub fn set_decisions(&self, addresses: u32, networks: u32) {
        self.store_header(ADDRESSES, addresses);
        self.store_header(NETWORKS, networks);
    }

    /// Writes the value of an entry, counters included, to `out`, which has the size of a value.
    pub fn value(&self, leaf: Leaf, layout: &ValueLayout, out: &mut [u8]) {
        if !leaf.is_full() {
            return layout.write_light(leaf.action(), self.packets(leaf), false, out);
        }
        for (at, bytes) in out.chunks_mut(8).enumerate() {
            let word = self.rule_word(leaf, at).map_or(0, load);
            if let Some(word) = word.to_ne_bytes().get(..bytes.len()) {
                bytes.copy_from_slice(word);
            }
        }
    }

    /// The hit counter of a light entry.
    pub(super) fn packets(&self, leaf: Leaf) -> u64 {
        self.packets.get(leaf.number() as usize).map_or(0, load)
    }

    /// The word `at` of a full value.
    pub(super) fn rule_word(&self, leaf: Leaf, at: usize) -> Option<&'a AtomicU64> {
        let at = Some(at).filter(|at| *at < self.stride)?;
        self.rules.get(leaf.number() as usize * self.stride + at)
    }

    /// Words of a full value.
    pub(super) const fn stride(&self) -> usize {
        self.stride
    }

    /// How many numbers each kind of entry has; none if that is more than the parts have room for.
    pub(super) fn numbers(&self) -> Numbers {
        let numbers = self.header_numbers();
        if self.fits(numbers) {
            numbers
        } else {
            Numbers::default()
        }
    }

    fn header_numbers(&self) -> Numbers {
        Numbers {
            light_ip4: self.header(LIGHT_IP4),
            light_ip6: self.header(LIGHT_IP6),
            full: self.header(FULL),
        }
    }

    /// True if the parts have room for these numbers.
    pub(super) fn fits(&self, numbers: Numbers) -> bool {
        let Numbers {
            light_ip4,
            light_ip6,
            full,
        } = numbers;
        [light_ip4, light_ip6, full]
            .iter()
            .all(|count| *count <= MAX_NUMBER)
            && numbers.light() <= MAX_NUMBER
            && (numbers.light() as usize) < self.packets.len()
            && numbers.key_words() <= self.keys.len()
            && (full as usize + 1) * self.stride <= self.rules.len()
    }

    /// The key of a number in use.
    pub(super) fn key(&self, numbers: Numbers, leaf: Leaf) -> Option<Key> {
        self.stored_key(numbers, leaf, true)
    }

    /// The key of a number, whether in use or not.
    pub(super) fn stored_key(&self, numbers: Numbers, leaf: Leaf, in_use: bool) -> Option<Key> {
        let (at, words) = numbers.key_place(leaf)?;
        let word = |index: usize| self.keys.get(at + index).map_or(0, load);
        let meta = word(0);
        if in_use && meta & USED == 0 {
            return None;
        }
        let [_, length, source, bits, address @ ..] = meta.to_be_bytes();
        let address = if words == 1 {
            u128::from(u32::from_be_bytes(address)) | 0xffff << 32
        } else {
            u128::from(word(1)) << 64 | u128::from(word(2))
        };
        let value = match words {
            FULL_KEY => KeyValue::Full(word(3)),
            _ => KeyValue::Light(u32::from(bits) & MAX_ACTION),
        };
        Some(Key {
            prefix: Prefix::new(address, length),
            source,
            value,
        })
    }

    /// Place of a number's network in the tree of its family.
    pub(super) fn place(&self, numbers: Numbers, leaf: Leaf) -> (Family, Span) {
        let key = self.stored_key(numbers, leaf, false);
        key.map_or(Prefix::new(0, 0), |key| key.prefix).place()
    }

    /// Sets the key of a number that is not in use, and leaves it so.
    pub(super) fn store_key(&self, numbers: Numbers, leaf: Leaf, key: &Key) {
        let Some((at, words)) = numbers.key_place(leaf) else {
            return;
        };
        let address = key.prefix.address.to_be_bytes();
        let (high, low) = address.split_at(8);
        let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_be_bytes);
        let (action, digest) = match key.value {
            KeyValue::Light(action) => (action, 0),
            KeyValue::Full(digest) => (0, digest),
        };
        let mut meta = u64::from(key.prefix.length) << LENGTH
            | u64::from(key.source) << SOURCE
            | u64::from(action & MAX_ACTION) << ACTION;
        if words == 1 {
            meta |= half(low) & 0xffff_ffff;
        }
        for (index, word) in [meta, half(high), half(low), digest]
            .into_iter()
            .enumerate()
        {
            if index < words {
                self.store(self.keys.get(at + index), word);
            }
        }
    }

    /// Marks a number as in use, or as free.
    pub(super) fn set_used(&self, numbers: Numbers, leaf: Leaf, is_used: bool) {
        self.change_meta(numbers, leaf, |meta| {
            if is_used { meta | USED } else { meta & !USED }
        });
    }

    /// Changes the source of a number.
    pub(super) fn set_source(&self, numbers: Numbers, leaf: Leaf, source: Source) {
        self.change_meta(numbers, leaf, |meta| {
            meta & !(0xff << SOURCE) | u64::from(source) << SOURCE
        });
    }

    fn change_meta(&self, numbers: Numbers, leaf: Leaf, change: impl FnOnce(u64) -> u64) {
        let place = numbers.key_place(leaf);
        let meta = place.and_then(|(at, _)| self.keys.get(at));
        if let Some(meta) = meta {
            self.store(Some(meta), change(load(meta)));
        }
    }

    /// Sets the hit counter of a light entry.
    pub(super) fn store_packets(&self, leaf: Leaf, packets: u64) {
        self.store(self.packets.get(leaf.number() as usize), packets);
    }

    /// Sets the value of a full entry.
    pub(super) fn store_rule(&self, leaf: Leaf, value: &[u8]) {
        for at in 0..self.stride {
            let bytes = value.get(8 * at..).unwrap_or_default().iter().take(8);
            let mut word = [0; 8];
            for (place, byte) in word.iter_mut().zip(bytes) {
                *place = *byte;
            }
            self.store_rule_word(leaf, at, u64::from_ne_bytes(word));
        }
    }

    /// Sets the word `at` of a full value.
    pub(super) fn store_rule_word(&self, leaf: Leaf, at: usize, word: u64) {
        self.store(self.rule_word(leaf, at), word);
    }

    fn store(&self, place: Option<&AtomicU64>, word: u64) {
        if self.is_stopped() {
            return;
        }
        if let Some(place) = place {
            place.store(word, Ordering::Release);
        }
    }

    /// Number of lines.
    pub(super) const fn lines(&self) -> usize {
        self.lines.len() / LINE
    }

    /// A word of the lines; 0 past their end.
    pub(super) fn word(&self, at: usize) -> u32 {
        self.lines
            .get(at)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Sets a word of the lines. What was stored before is visible to a packet that sees this word.
    pub(super) fn store_word(&self, at: usize, word: u32) {
        if self.is_stopped() {
            return;
        }
        if let Some(place) = self.lines.get(at) {
            place.store(word, Ordering::Release);
        }
    }

    /// The node of a code; `None` for a leaf, and past the end of the lines.
    pub(super) fn node(&self, code: u32) -> Option<Node> {
        let (kind, half) = nodes::node_of(code)?;
        let first = half as usize * HALF;
        let stored = self.lines.get(first..first + kind.words())?;
        let mut words = [0; LINE];
        for (copy, word) in words.iter_mut().zip(stored) {
            *copy = word.load(Ordering::Relaxed);
        }
        Some(Node { kind, words })
    }

    /// Writes a node to the half line of a code.
    pub(super) fn store_node(&self, code: u32, node: &Node) {
        if let Some((kind, half)) = nodes::node_of(code) {
            for (at, word) in node.words.iter().take(kind.words()).enumerate() {
                self.store_word(half as usize * HALF + at, *word);
            }
        }
    }

    fn header(&self, at: usize) -> u32 {
        self.word(HEADER + at)
    }

    fn store_header(&self, at: usize, word: u32) {
        self.store_word(HEADER + at, word);
    }

    /// Sets the number of entries.
    pub(super) fn store_entries(&self, entries: u32) {
        if entries != self.entries() {
            self.store_header(ENTRIES, entries);
        }
    }

    /// Writes the header of an empty table.
    pub(super) fn store_numbers(&self, numbers: Numbers) {
        self.store_header(LIGHT_IP4, numbers.light_ip4);
        self.store_header(LIGHT_IP6, numbers.light_ip6);
        self.store_header(FULL, numbers.full);
        self.store_header(VERSION, LAYOUT_VERSION);
        self.store_header(MAGIC, MAGIC_NUMBER);
    }

    /// True in a test that has killed the process: no further store happens.
    #[cfg(test)]
    fn is_stopped(&self) -> bool {
        let left = |left: u32| left.checked_sub(1);
        self.stores.is_some_and(|stores| {
            let before = stores.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
            before.is_err()
        })
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the version for tests uses it")]
    const fn is_stopped(&self) -> bool {
        false
    }
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}
