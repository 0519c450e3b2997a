//! A record: head word, counter word, the words of the name from its end, and a second counter word in a pair.
//!
//! The *halves* of a record are for the name itself and for the names below it. Both halves of an item that matches the
//! whole tree share the first counter word. A record with two items is a *pair*, and its half for names below has the
//! second counter word.

use super::hash::{Hashed, Secrets};
use super::parts::{Field, Parts, read, rule_words, write};
use super::scope::Scope;
use super::wire::MAX_NAME;
use crate::table::{Leaf, MAX_NUMBER, Source, ValueLayout};

const SIZE: u64 = 0xff;
const PRESENT: u64 = 1 << 8;
const FULL: u64 = 1 << 9;
const ACTION: u32 = 10;
const SOURCE: u32 = 24;
/// All bits of the first half.
const HALF: u64 = 0xff00_ff00;
const PAIR: u64 = 1 << 40;
/// First of the bits above, which are the low bits of the place of the name's hash.
const CHECK: u32 = 41;
/// Bits of a full entry's counter word above the number of its rule: the digest of the value that it was made of.
const DIGEST: u32 = MAX_NUMBER.count_ones();

/// The half of a record that a query looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Name,
    Below,
}

impl Half {
    pub(super) const BOTH: [Self; 2] = [Self::Name, Self::Below];

    const fn shift(self) -> u32 {
        match self {
            Self::Name => 0,
            Self::Below => 8,
        }
    }
}

/// The value of a half, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Light { action: u32, packets: u64 },
    Full { rule: u64, digest: u64 },
}

impl Content {
    const fn counter(self) -> u64 {
        match self {
            Self::Light { packets, .. } => packets,
            Self::Full { rule, digest } => rule & MAX_NUMBER as u64 | digest << DIGEST,
        }
    }

    /// True if both are made of the same value.
    pub(super) const fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Light { action, .. }, Self::Light { action: of, .. }) => action == of,
            (Self::Full { digest, .. }, Self::Full { digest: of, .. }) => digest == of,
            _ => false,
        }
    }
}

/// The head word of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head(pub u64);

impl Head {
    pub(super) fn size(self) -> usize {
        usize::try_from(self.0 & SIZE).unwrap_or(0)
    }

    pub(super) const fn has(self, half: Half) -> bool {
        self.0 >> half.shift() & PRESENT != 0
    }

    pub(super) fn source(self, half: Half) -> Source {
        Source::try_from(self.0 >> (half.shift() + SOURCE) & 0xff).unwrap_or(0)
    }

    pub(super) const fn with_source(self, half: Half, source: Source) -> Self {
        let shift = half.shift() + SOURCE;
        Self(self.0 & !(0xff << shift) | (source as u64) << shift)
    }

    pub(super) const fn is_pair(self) -> bool {
        self.0 & PAIR != 0
    }

    /// The head without a half; its counter word stays.
    pub(super) const fn without(self, half: Half) -> Self {
        Self(self.0 & !(HALF << half.shift()))
    }

    /// Scope of the item of a half.
    pub(super) const fn scope(self, half: Half) -> Scope {
        match half {
            _ if self.has(Half::Name) && self.has(Half::Below) && !self.is_pair() => Scope::Tree,
            Half::Name => Scope::Exact,
            Half::Below => Scope::Below,
        }
    }

    /// Index of the half's counter word in the record.
    fn counter(self, half: Half) -> u64 {
        if half == Half::Below && self.is_pair() {
            self.words() - 1
        } else {
            1
        }
    }

    /// Words of the record.
    pub(super) fn words(self) -> u64 {
        record_words(self.size(), self.is_pair())
    }
}

/// Words of a record of a name of `size` bytes.
pub(super) const fn record_words(size: usize, is_pair: bool) -> u64 {
    2 + size.div_ceil(8) as u64 + is_pair as u64
}

/// Values of a record to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    size: usize,
    halves: [Option<(Source, Content)>; 2],
    is_tree: bool,
}

impl Draft {
    /// `is_tree`: both halves are of one item, so they are equal.
    pub(super) const fn new(
        size: usize,
        halves: [Option<(Source, Content)>; 2],
        is_tree: bool,
    ) -> Self {
        Self {
            size,
            halves,
            is_tree,
        }
    }

    fn head(&self) -> Head {
        let [name, below] = &self.halves;
        let is_pair = name.is_some() && below.is_some() && !self.is_tree;
        let mut head = Head(self.size as u64 & SIZE | if is_pair { PAIR } else { 0 });
        for (half, value) in Half::BOTH.into_iter().zip(&self.halves) {
            let Some((source, content)) = value else {
                continue;
            };
            let bits = match content {
                Content::Light { action, .. } => u64::from(*action) << ACTION,
                Content::Full { .. } => FULL,
            };
            head.0 |= (PRESENT | bits) << half.shift();
            head = head.with_source(half, *source);
        }
        head
    }

    /// Words of the record.
    pub(super) fn words(&self) -> u64 {
        self.head().words()
    }

    /// Writes the record at `at`, where no entry refers to.
    pub(super) fn write(&self, parts: &Parts, at: u64, name: &Hashed) {
        let place = parts.secrets(Field::Secrets).place(name.suffix(self.size));
        let head = Head(self.head().0 | place << CHECK);
        write(parts.records, at, head.0);
        for (index, word) in (at + 2..).zip(name.suffix_words(self.size)) {
            write(parts.records, index, word);
        }
        // The counter that both halves of a tree share is that of the name.
        for (half, value) in Half::BOTH.into_iter().zip(&self.halves).rev() {
            if let Some((_, content)) = value {
                write(parts.records, at + head.counter(half), content.counter());
            }
        }
    }
}

/// A record in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) at: u64,
    pub(super) head: Head,
}

impl Record {
    pub(super) fn read(parts: &Parts, at: u64) -> Self {
        let head = Head(read(parts.records, at));
        Self { at, head }
    }

    pub(super) fn content(&self, parts: &Parts, half: Half) -> Option<Content> {
        if !self.head.has(half) {
            return None;
        }
        let counter = read(parts.records, self.at + self.head.counter(half));
        let bits = self.head.0 >> half.shift();
        if bits & FULL == 0 {
            let action = u32::try_from(bits >> ACTION & 15).unwrap_or(0);
            let packets = counter;
            return Some(Content::Light { action, packets });
        }
        let (rule, digest) = (counter & u64::from(MAX_NUMBER), counter >> DIGEST);
        Some(Content::Full { rule, digest })
    }

    /// The leaf of a half; [`Leaf::NONE`] if the record has no such half.
    pub(super) fn leaf(&self, parts: &Parts, half: Half) -> Leaf {
        let number = |index| u32::try_from(index).unwrap_or(0);
        match self.content(parts, half) {
            None => Leaf::NONE,
            Some(Content::Light { action, .. }) => {
                Leaf::light(number(self.at + self.head.counter(half)), action)
            }
            Some(Content::Full { rule, .. }) => Leaf::full(number(rule)),
        }
    }

    /// Writes the packets that a light half has counted.
    pub(super) fn set_packets(&self, parts: &Parts, half: Half, packets: u64) {
        write(parts.records, self.at + self.head.counter(half), packets);
    }

    /// True if the record has the name, a suffix of `name` of `size` bytes.
    pub(super) fn is_of(&self, parts: &Parts, name: &Hashed, size: usize) -> bool {
        self.head.size() == size
            && (self.at + 2..)
                .zip(name.suffix_words(size))
                .all(|(index, word)| read(parts.records, index) == word)
    }

    /// Copies the name in wire format; it may be no name if the part is damaged.
    pub(super) fn name<'a>(&self, parts: &Parts, buffer: &'a mut [u8; MAX_NAME]) -> &'a [u8] {
        let size = self.head.size().min(MAX_NAME);
        let name = buffer.get_mut(..size).unwrap_or_default();
        for (bytes, index) in name.rchunks_mut(8).zip(self.at + 2..) {
            let word = read(parts.records, index).to_le_bytes();
            let start = word.len() - bytes.len();
            bytes.copy_from_slice(word.get(start..).unwrap_or_default());
        }
        name
    }
}

/// Appends a value to the rules and returns its number; `None` if there is no room.
pub(super) fn append_rule(parts: &Parts, layout: &ValueLayout, value: &[u8]) -> Option<u64> {
    let rule = parts.get(Field::Rules);
    let end = (rule + 1) * rule_words(layout);
    if end > parts.rules.len() as u64 || rule > u64::from(MAX_NUMBER) {
        return None;
    }
    write_rule(parts, layout, rule, value);
    parts.set(Field::Rules, rule + 1);
    Some(rule)
}

/// Writes a value to the rules.
pub(super) fn write_rule(parts: &Parts, layout: &ValueLayout, rule: u64, value: &[u8]) {
    for (bytes, index) in value.chunks(8).zip(rule * rule_words(layout)..) {
        let mut word = [0; 8];
        if let Some(start) = word.get_mut(..bytes.len()) {
            start.copy_from_slice(bytes);
        }
        write(parts.rules, index, u64::from_ne_bytes(word));
    }
}

/// The digest of a value, 40 bits, which stays when programs count in the value. Its key is no secret: values are not those
/// of packets.
pub(super) fn value_digest(value: &[u8]) -> u64 {
    Secrets::of([
        0x243f_6a88_85a3_08d3,
        0x1319_8a2e_0370_7344,
        0xa409_3822_299f_31d0,
    ])
    .value(value)
        >> DIGEST
}
