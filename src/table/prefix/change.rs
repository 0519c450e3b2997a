//! Sizes of a new table, and its first filling.

use super::chunk::{Chunks, Item, Roots};
use super::key::Family;
use super::lines::Room;
use super::nodes::{FIRST_LINE, LINE};
use super::order::{Order, cover_of_ip4};
use super::parts::{Key, KeyValue, Numbers, Parts};
use super::set::{PrefixSet, SetItem};
use super::switch;
use crate::base::digest;
use crate::table::{Leaf, MAX_NUMBER, NoRoom, ValueLayout, Values};

/// Lines and numbers beyond those needed, for updates in place: an eighth, and these.
const SPARE: u32 = 64;
/// The same for full entries, which are large.
const SPARE_FULL: u32 = 8;

/// Numbers of entries of the four arrays of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of `NAME`.
    pub lines: u32,
    /// Of `NAME_packets`.
    pub packets: u32,
    /// Of `NAME_keys`.
    pub keys: u32,
    /// Of `NAME_rules`.
    pub rules: u32,
}

impl Sizes {
    /// Bytes of the four arrays in the kernel.
    pub fn bytes(&self, layout: &ValueLayout) -> u64 {
        let rule = layout.size.next_multiple_of(8) as u64;
        let words = u64::from(self.packets) + u64::from(self.keys);
        4 * LINE as u64 * u64::from(self.lines) + 8 * words + rule * u64::from(self.rules)
    }
}

/// What the distinct values mean for an entry, by number.
pub(super) fn key_values(values: &Values, layout: &ValueLayout) -> Vec<KeyValue> {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let ids = (0..count).map(crate::table::ValueId);
    let ids = ids.map(|id| match values.light_action(id, layout) {
        Some(action) => KeyValue::Light(action),
        None => KeyValue::Full(digest::of(values.get(id))),
    });
    ids.collect()
}

/// The key of an item.
pub(super) fn key_of(item: &SetItem, family: Family, values: &[KeyValue]) -> Key {
    let value = values.get(item.value.0 as usize).copied();
    Key {
        prefix: item.span.prefix(family),
        source: item.source,
        value: value.unwrap_or(KeyValue::Light(0)),
    }
}

/// How many numbers the items need, with spare ones.
fn numbers(set: &PrefixSet, values: &[KeyValue]) -> Numbers {
    let mut numbers = Numbers::default();
    for family in [Family::Ip4, Family::Ip6] {
        for at in 0..set.count(family) {
            let Some(item) = set.get(family, at) else {
                continue;
            };
            let kind = match (key_of(&item, family, values).value, family) {
                (KeyValue::Full(_), _) => &mut numbers.full,
                (KeyValue::Light(_), Family::Ip4) => &mut numbers.light_ip4,
                (KeyValue::Light(_), Family::Ip6) => &mut numbers.light_ip6,
            };
            *kind += 1;
        }
    }
    numbers
}

/// As many numbers as there may be, with spare ones.
fn with_spare(count: u32, least: u32, most: u32) -> u32 {
    (count + count / 8 + least).min(most)
}

/// The numbers of a table for the items.
fn roomy_numbers(set: &PrefixSet, values: &[KeyValue]) -> Numbers {
    let Numbers {
        light_ip4,
        light_ip6,
        full,
    } = numbers(set, values);
    let light_ip4 = with_spare(light_ip4, SPARE, MAX_NUMBER - light_ip6);
    Numbers {
        light_ip4,
        light_ip6: with_spare(light_ip6, SPARE, MAX_NUMBER - light_ip4),
        full: with_spare(full, SPARE_FULL, MAX_NUMBER),
    }
}

/// The sizes of a table for a finished list, with room for updates in place.
pub fn measure(set: &PrefixSet, values: &Values, layout: &ValueLayout) -> Sizes {
    let numbers = roomy_numbers(set, &key_values(values, layout));
    let mut room = Room::NONE;
    for family in [Family::Ip4, Family::Ip6] {
        // Distinct leaves, as entries have.
        let item = |family, at| {
            let leaf = u32::try_from(at + 1).unwrap_or(0);
            let span = set.get(family, at).map(|item| item.span);
            let none = super::key::IP4;
            Item {
                span: span.unwrap_or(none),
                leaf: leaf
                    | if family == Family::Ip6 {
                        Leaf::full(0).0
                    } else {
                        0
                    },
            }
        };
        let items = |at| item(family, at);
        let above = |at| item(Family::Ip6, at);
        let cover = match family {
            Family::Ip4 => cover_of_ip4(&above, set.count(Family::Ip6)),
            Family::Ip6 => 0,
        };
        let mut chunks = Chunks::new(family, &items);
        for root in Roots::new(&items, set.count(family), cover) {
            chunks.build(&root);
            room.join(chunks.room());
        }
    }
    let used = u32::try_from(room.lines + room.halves.div_ceil(2)).unwrap_or(u32::MAX / 2);
    let first = u32::try_from(FIRST_LINE).unwrap_or(0);
    Sizes {
        lines: first + with_spare(used, SPARE, u32::MAX - first),
        packets: numbers.light() + 1,
        keys: u32::try_from(numbers.key_words()).unwrap_or(u32::MAX),
        rules: numbers.full + 1,
    }
}

/// Fills new parts, all zero, of at least the sizes that [`measure`] gives for the same list.
///
/// # Errors
/// When the parts are smaller.
pub fn build(
    set: &PrefixSet,
    values: &Values,
    layout: &ValueLayout,
    parts: Parts<'_>,
) -> Result<(), NoRoom> {
    let key_values = key_values(values, layout);
    let numbers = roomy_numbers(set, &key_values);
    if !parts.fits(numbers) || parts.lines() < FIRST_LINE {
        return Err(NoRoom);
    }
    parts.store_numbers(numbers);
    let mut next = Next::new(numbers);
    let mut order = Order::default();
    for family in [Family::Ip4, Family::Ip6] {
        for at in 0..set.count(family) {
            let Some(item) = set.get(family, at) else {
                continue;
            };
            let key = key_of(&item, family, &key_values);
            let leaf = next.take(family, key.value, &|_| true).ok_or(NoRoom)?;
            parts.store_key(numbers, leaf, &key);
            parts.set_used(numbers, leaf, true);
            if leaf.is_full() {
                parts.store_rule(leaf, values.get(item.value));
            }
            order.of_family_mut(family).push(leaf.0);
        }
    }
    switch::fill(parts, numbers, &order)?;
    parts.store_entries(order.len());
    Ok(())
}

/// The next number to try of each kind.
pub(super) struct Next {
    numbers: Numbers,
    light_ip4: u32,
    light_ip6: u32,
    full: u32,
}

impl Next {
    /// All numbers are to be tried.
    pub(super) const fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            light_ip4: 0,
            light_ip6: numbers.light_ip4,
            full: 0,
        }
    }

    /// The leaf of the next number that is free; `None` if no number is left.
    pub(super) fn take(
        &mut self,
        family: Family,
        value: KeyValue,
        is_free: &dyn Fn(Leaf) -> bool,
    ) -> Option<Leaf> {
        let (last, end) = match (value, family) {
            (KeyValue::Full(_), _) => (&mut self.full, self.numbers.full),
            (_, Family::Ip4) => (&mut self.light_ip4, self.numbers.light_ip4),
            (_, Family::Ip6) => (&mut self.light_ip6, self.numbers.light()),
        };
        while *last < end {
            *last += 1;
            let leaf = match value {
                KeyValue::Light(action) => Leaf::light(*last, action),
                KeyValue::Full(_) => Leaf::full(*last),
            };
            if is_free(leaf) {
                return Some(leaf);
            }
        }
        None
    }
}
