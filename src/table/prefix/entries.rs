//! Reads the entries of a table.

use super::key::{Family, Prefix};
use super::nodes;
use super::order::Order;
use super::parts::{Entry, Key, KeyValue, Numbers, Parts};
use crate::table::Leaf;

/// The entry that decides about an address, without regard to decisions.
pub fn deciding(parts: Parts<'_>, address: u128) -> Option<Entry> {
    entry_of(&parts, parts.numbers(), deciding_leaf(&parts, address))
}

/// The leaf that a program finds for an address.
pub(super) fn deciding_leaf(parts: &Parts<'_>, address: u128) -> Leaf {
    let (family, span) = Prefix::new(address, 128).place();
    let root = parts.word(nodes::root(family, span.chunk(0)));
    Leaf(nodes::decide(root, family, span.address, &|code| {
        parts.node(code)
    }))
}

/// The entry with exactly this prefix.
pub fn find(parts: Parts<'_>, prefix: Prefix) -> Option<Entry> {
    let numbers = parts.numbers();
    let Prefix { address, length } = prefix;
    let rest = u128::MAX.checked_shr(length.into()).unwrap_or(0);
    // Longer prefixes rarely decide about both the first address and the last one.
    let ends = [address, address | rest].map(|address| deciding_leaf(&parts, address));
    let is_wanted = |leaf: &Leaf| {
        let key = parts.key(numbers, *leaf);
        key.is_some_and(|key| key.prefix == prefix)
    };
    let leaf = ends.into_iter().find(is_wanted);
    let leaf = leaf.or_else(|| numbers.leaves().find(is_wanted))?;
    entry_of(&parts, numbers, leaf)
}

/// Passes each entry to `visit`, in order of their numbers.
pub fn each(parts: Parts<'_>, visit: &mut dyn FnMut(Entry)) {
    let numbers = parts.numbers();
    for leaf in numbers.leaves() {
        if let Some(entry) = entry_of(&parts, numbers, leaf) {
            visit(entry);
        }
    }
}

/// The entry of a number in use.
fn entry_of(parts: &Parts<'_>, numbers: Numbers, leaf: Leaf) -> Option<Entry> {
    let Key {
        prefix,
        source,
        value,
    } = parts.key(numbers, leaf)?;
    let leaf = match value {
        KeyValue::Light(action) => Leaf::light(leaf.number(), action),
        KeyValue::Full(_) => leaf,
    };
    Some(Entry {
        prefix,
        source,
        leaf,
    })
}

/// Copies the counters of entries with the same prefix and value from one table to a larger one.
pub fn carry(from: Parts<'_>, to: Parts<'_>) {
    let (old, new) = (from.numbers(), to.numbers());
    let (before, after) = (
        Order::of(&from, old, &|_| true),
        Order::of(&to, new, &|_| true),
    );
    for family in [Family::Ip4, Family::Ip6] {
        let mut olds = before
            .of_family(family)
            .iter()
            .map(|leaf| Leaf(*leaf))
            .peekable();
        for leaf in after.of_family(family).iter().map(|leaf| Leaf(*leaf)) {
            let Some(key) = to.key(new, leaf) else {
                continue;
            };
            let span = to.place(new, leaf).1;
            while let Some(source) = olds.next_if(|old_leaf| from.place(old, *old_leaf).1 <= span) {
                let is_same = from
                    .key(old, source)
                    .is_some_and(|old| (old.prefix, old.value) == (key.prefix, key.value));
                if is_same {
                    copy_counters(&from, source, &to, leaf);
                }
            }
        }
    }
}

fn copy_counters(from: &Parts<'_>, source: Leaf, to: &Parts<'_>, target: Leaf) {
    if !target.is_full() {
        return to.store_packets(target, from.packets(source));
    }
    for at in 0..to.stride() {
        let word = from.rule_word(source, at);
        let word = word.map_or(0, |word| word.load(std::sync::atomic::Ordering::Relaxed));
        to.store_rule_word(target, at, word);
    }
}
