//! The entries of a table in the order of their networks, from which its nodes are built.

use super::chunk::Item;
use super::key::{Family, IP4};
use super::parts::{KeyValue, Numbers, Parts};
use crate::table::Leaf;

/// Leaves of the entries of both families, sorted by network. Four bytes an entry: the parts have the networks.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) ip4: Vec<u32>,
    pub(super) ip6: Vec<u32>,
}

impl Order {
    /// The entries in use for which `is_wanted` is true.
    pub(super) fn of(
        parts: &Parts<'_>,
        numbers: Numbers,
        is_wanted: &dyn Fn(Leaf) -> bool,
    ) -> Self {
        let mut order = Self::default();
        for number in numbers.leaves().filter(|number| is_wanted(*number)) {
            let Some(key) = parts.key(numbers, number) else {
                continue;
            };
            let leaf = match key.value {
                KeyValue::Light(action) => Leaf::light(number.number(), action),
                KeyValue::Full(_) => number,
            };
            order.of_family_mut(key.prefix.place().0).push(leaf.0);
        }
        // Nearly sorted already: `build` numbers the entries in this order.
        for leaves in [&mut order.ip4, &mut order.ip6] {
            let place = |leaf| parts.place(numbers, Leaf(leaf)).1;
            sort(leaves, &|a, b| place(a) <= place(b));
        }
        order
    }

    /// The leaves of a family.
    pub(super) fn of_family(&self, family: Family) -> &[u32] {
        match family {
            Family::Ip4 => &self.ip4,
            Family::Ip6 => &self.ip6,
        }
    }

    /// The leaves of a family, to be changed.
    pub(super) const fn of_family_mut(&mut self, family: Family) -> &mut Vec<u32> {
        match family {
            Family::Ip4 => &mut self.ip4,
            Family::Ip6 => &mut self.ip6,
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.ip4.len() + self.ip6.len()).unwrap_or(u32::MAX)
    }

    /// The entry at an index of a family.
    pub(super) fn item(
        &self,
        parts: &Parts<'_>,
        numbers: Numbers,
        family: Family,
        at: usize,
    ) -> Item {
        let leaf = self.of_family(family).get(at).copied().unwrap_or(0);
        let (_, span) = parts.place(numbers, Leaf(leaf));
        Item { span, leaf }
    }
}

/// Passes of a sort that are enough for all numbers: each halves the runs.
const MAX_PASSES: u32 = 25;

/// Sorts by merging runs that are in order. Unlike the standard library's sort, it never panics when keys change meanwhile,
/// as another process can make them.
fn sort(leaves: &mut Vec<u32>, in_order: &dyn Fn(u32, u32) -> bool) {
    let mut merged = Vec::with_capacity(leaves.len());
    for _ in 0..MAX_PASSES {
        let mut runs = leaves.chunk_by(|a, b| in_order(*a, *b));
        let mut count = 0;
        while let Some(run) = runs.next() {
            count += 1;
            let mut left = run.iter().copied().peekable();
            for right in runs.next().unwrap_or_default() {
                while let Some(first) = left.next_if(|left| in_order(*left, *right)) {
                    merged.push(first);
                }
                merged.push(*right);
            }
            merged.extend(left);
        }
        std::mem::swap(leaves, &mut merged);
        merged.clear();
        if count <= 1 {
            return;
        }
    }
}

/// The leaf of the longest IPv6 network that contains all of IPv4; 0 without one. `count` networks are sorted.
pub(super) fn cover_of_ip4(item: &dyn Fn(usize) -> Item, count: usize) -> u32 {
    (0..count)
        .map(item)
        .take_while(|item| item.span.address <= IP4.address)
        .filter(|item| item.span.covers(IP4))
        .last()
        .map_or(0, |item| item.leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_sorted_whatever_the_order_before() {
        for leaves in [
            vec![],
            vec![7],
            vec![1, 2, 3, 9, 4, 8],
            (0..1000).rev().collect(),
            (0..1000).map(|n| n * 7919 % 1009).collect(),
        ] {
            let (mut sorted, mut expected) = (leaves.clone(), leaves);
            sort(&mut sorted, &|a, b| a <= b);
            expected.sort_unstable();
            assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn sort_ends_when_keys_change_meanwhile() {
        let flips = std::cell::Cell::new(0);
        let mut leaves: Vec<u32> = (0..1000).collect();
        sort(&mut leaves, &|_, _| {
            flips.set(flips.get() + 1);
            flips.get() % 3 == 0
        });
        leaves.sort_unstable();
        assert_eq!(leaves, (0..1000).collect::<Vec<_>>());
    }
}
