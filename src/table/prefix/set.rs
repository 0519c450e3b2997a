//! A list of networks in memory, sorted and merged.

use super::key::{Family, IP4, Prefix, Span};
use crate::table::{MAX_NUMBER, NoRoom, Source, ValueId};

/// Bits of the order of adding, and of a value's number.
const LOW: u32 = MAX_NUMBER;
/// Position of the byte above.
const HIGH: u32 = 24;

/// Networks with their sources and values: 12 bytes for one of IPv4, 24 for one of IPv6.
#[derive(Debug, Default)]
pub struct PrefixSet {
    ip4: Vec<Item<1>>,
    ip6: Vec<Item<4>>,
    added: u32,
}

/// Numbers of items after [`PrefixSet::finish`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items that are entries of the table.
    pub kept: u32,
    /// Items that were dropped because a shorter prefix decides about all of their addresses in the same way, or comes
    /// from a lower source.
    pub covered: u32,
    /// Items that were dropped because another item has the same prefix.
    pub duplicates: u32,
}

/// A network of the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetItem {
    pub(super) span: Span,
    pub(super) source: Source,
    pub(super) value: ValueId,
}

/// An item with an address of `WORDS` words, the highest word first.
#[derive(Clone, Copy, Debug)]
struct Item<const WORDS: usize> {
    address: [u32; WORDS],
    /// Length in the highest byte, then the order of adding: of two items with the same prefix and source, the lower wins.
    length: u32,
    /// Source in the highest byte, then the value's number.
    value: u32,
}

impl<const WORDS: usize> Item<WORDS> {
    fn new(item: SetItem, order: u32) -> Self {
        let mut address = item.span.address;
        let address = std::array::from_fn(|_| {
            address = address.rotate_left(32);
            // The highest word has become the lowest.
            #[expect(clippy::cast_possible_truncation, reason = "the low word is wanted")]
            let word = address as u32;
            word
        });
        Self {
            address,
            length: u32::from(item.span.length) << HIGH | order & LOW,
            value: u32::from(item.source) << HIGH | item.value.0 & LOW,
        }
    }

    /// Sorts by prefix, and the item that wins first.
    fn sort_key(&self) -> ([u32; WORDS], u32, u32, u32) {
        let Self {
            address,
            length,
            value,
        } = *self;
        (address, length >> HIGH, value >> HIGH, length & LOW)
    }

    fn get(&self) -> SetItem {
        let address = self.address.iter().rev();
        let address = address.fold(0, |low: u128, word| u128::from(*word) << 96 | low >> 32);
        let [length, ..] = self.length.to_be_bytes();
        let [source, ..] = self.value.to_be_bytes();
        SetItem {
            span: Span { address, length },
            source,
            value: ValueId(self.value & LOW),
        }
    }
}

impl PrefixSet {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            ip4: Vec::new(),
            ip6: Vec::new(),
            added: 0,
        }
    }

    /// Adds a network. If the prefix occurs again, the lowest source wins. Of source 0, the network added last wins; of
    /// another source, the network added first.
    ///
    /// # Errors
    /// After 16,777,215 networks or values.
    pub fn add(&mut self, prefix: Prefix, source: Source, value: ValueId) -> Result<(), NoRoom> {
        if self.added == LOW || value.0 > LOW {
            return Err(NoRoom);
        }
        let order = if source == 0 {
            LOW - self.added
        } else {
            self.added
        };
        self.added += 1;
        let (family, span) = prefix.place();
        let item = SetItem {
            span,
            source,
            value,
        };
        match family {
            Family::Ip4 => self.ip4.push(Item::new(item, order)),
            Family::Ip6 => self.ip6.push(Item::new(item, order)),
        }
        Ok(())
    }

    /// Sorts the networks, and drops those that decide about no address. After that, the longest prefix that matches an
    /// address is the one of the lowest source that matches, and the longest of that source. Networks of source 0 are kept
    /// beside each other: each has a counter of its own.
    pub fn finish(&mut self) -> Counts {
        let mut counts = Counts::default();
        finish(&mut self.ip6, None, &mut counts);
        let mut above = self.ip6.iter().map(Item::get);
        let above = above.rfind(|item| item.span.covers(IP4));
        let all = Span {
            address: 0,
            length: 0,
        };
        let above = above.map(|above| SetItem { span: all, ..above });
        finish(&mut self.ip4, above, &mut counts);
        counts.kept = u32::try_from(self.len()).unwrap_or(u32::MAX);
        counts
    }

    /// Number of networks.
    pub fn len(&self) -> usize {
        self.ip4.len() + self.ip6.len()
    }

    /// True without networks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of networks of a family.
    pub(super) fn count(&self, family: Family) -> usize {
        match family {
            Family::Ip4 => self.ip4.len(),
            Family::Ip6 => self.ip6.len(),
        }
    }

    /// The network number `at` of a family, in order of address and length.
    pub(super) fn get(&self, family: Family, at: usize) -> Option<SetItem> {
        match family {
            Family::Ip4 => self.ip4.get(at).map(Item::get),
            Family::Ip6 => self.ip6.get(at).map(Item::get),
        }
    }
}

/// Sorts and merges the items of a family; `above` covers all of them.
fn finish<const WORDS: usize>(
    items: &mut Vec<Item<WORDS>>,
    above: Option<SetItem>,
    counts: &mut Counts,
) {
    items.sort_unstable_by_key(Item::sort_key);
    let before = items.len();
    items.dedup_by(|item, kept| {
        (item.address, item.length >> HIGH) == (kept.address, kept.length >> HIGH)
    });
    let distinct = items.len();
    // Kept items that contain the current one, the longest last. Going down, their sources never grow.
    let mut open: Vec<SetItem> = above.into_iter().collect();
    items.retain(|item| {
        let item = item.get();
        while open.pop_if(|over| !over.span.covers(item.span)).is_some() {}
        let is_covered = open.last().is_some_and(|over| {
            over.source < item.source
                || over.source == item.source && item.source != 0 && over.value == item.value
        });
        if !is_covered {
            open.push(item);
        }
        !is_covered
    });
    let less = |before: usize, after: usize| u32::try_from(before - after).unwrap_or(u32::MAX);
    counts.duplicates += less(before, distinct);
    counts.covered += less(distinct, items.len());
    items.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const fn ip4(address: u32, length: u8) -> Prefix {
        Prefix::new(0xffff << 32 | address as u128, 96 + length)
    }

    fn kept(items: &[(Prefix, Source, u32)]) -> (Vec<(Prefix, Source, u32)>, Counts) {
        let mut set = PrefixSet::new();
        for (prefix, source, value) in items {
            set.add(*prefix, *source, ValueId(*value)).unwrap();
        }
        let counts = set.finish();
        let mut kept = Vec::new();
        for family in [Family::Ip4, Family::Ip6] {
            for at in 0..set.count(family) {
                let item = set.get(family, at).unwrap();
                kept.push((item.span.prefix(family), item.source, item.value.0));
            }
        }
        (kept, counts)
    }

    #[test]
    fn items_take_12_and_24_bytes() {
        assert_eq!((size_of::<Item<1>>(), size_of::<Item<4>>()), (12, 24));
    }

    #[test]
    fn same_prefix_is_decided_by_source_and_order() {
        let net = ip4(0x0a00_0000, 8);
        for (items, winner) in [
            (&[(0, 1), (0, 2)][..], (0, 2)),
            (&[(1, 1), (1, 2)], (1, 1)),
            (&[(2, 1), (1, 2), (1, 3)], (1, 2)),
            (&[(1, 1), (0, 2), (0, 3), (3, 4)], (0, 3)),
        ] {
            let items: Vec<_> = items
                .iter()
                .map(|(source, value)| (net, *source, *value))
                .collect();
            let (kept, counts) = kept(&items);
            assert_eq!(kept, [(net, winner.0, winner.1)]);
            assert_eq!(counts.duplicates as usize, items.len() - 1);
        }
    }

    #[test]
    fn covered_items_are_dropped() {
        let (outer, inner, host) = (
            ip4(0x0a00_0000, 8),
            ip4(0x0a01_0000, 16),
            ip4(0x0a01_0001, 32),
        );
        // A lower source covers any value; the same source the same value.
        let (list, counts) = kept(&[(outer, 1, 1), (inner, 2, 2), (host, 1, 1)]);
        assert_eq!(list, [(outer, 1, 1)]);
        assert_eq!(
            counts,
            Counts {
                kept: 1,
                covered: 2,
                duplicates: 0
            }
        );
        // Another value between them keeps the inner one.
        assert_eq!(
            kept(&[(outer, 1, 1), (inner, 1, 2), (host, 1, 1)]).0.len(),
            3
        );
        assert_eq!(
            kept(&[(outer, 2, 1), (inner, 1, 1), (host, 2, 1)]).0.len(),
            2
        );
        // Source 0 keeps all of its entries.
        assert_eq!(
            kept(&[(outer, 0, 1), (inner, 0, 1), (host, 1, 1)]).0.len(),
            2
        );
    }

    #[test]
    fn network_over_both_families_covers_ipv4() {
        let all = Prefix::new(0, 0);
        let (list, _) = kept(&[
            (ip4(0, 0), 2, 1),
            (all, 1, 1),
            (Prefix::new(1 << 127, 1), 1, 2),
        ]);
        assert_eq!(list, [(all, 1, 1), (Prefix::new(1 << 127, 1), 1, 2)]);
    }
}
