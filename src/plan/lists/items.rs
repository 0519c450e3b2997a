//! The items that the lists of a block give one map, in few bytes each: a list may have a million.

use crate::config::MapId;
use crate::list::{Item, Scope};
use crate::table::Source;

/// Bits of an IPv4 address's mapped form before the address.
const MAPPED: u128 = 0xffff << 32;
const MAPPED_BITS: u8 = 96;
/// Bytes of a record beside the name.
const NAME_EXTRA: usize = 4;

/// A value that items have, with what else they have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemValue {
    /// The items' source.
    pub source: Source,
    /// Scope of names; [`Scope::Tree`] for prefixes.
    pub scope: Scope,
    /// Bytes of the map's value.
    pub bytes: Box<[u8]>,
}

/// Index of a value.
pub(super) type ValueIndex = u16;

/// The items of one map. IPv4 prefixes take 8 bytes, other prefixes 19, and names 4 bytes and the name.
#[derive(Clone, Debug)]
pub struct MapItems {
    /// The map in its block.
    pub map: MapId,
    values: Vec<ItemValue>,
    /// Address, length after the mapped part, value.
    ipv4: Vec<(u32, u8, ValueIndex)>,
    /// Address, length, value.
    ipv6: Vec<Ipv6Record>,
    /// Records of length, value, name and length again, so that they can be read from both ends.
    names: Vec<u8>,
    name_count: usize,
}

/// A prefix that is not of IPv4.
#[derive(Clone, Copy, Debug)]
struct Ipv6Record {
    address: [u8; 16],
    length: u8,
    value: [u8; 2],
}

impl MapItems {
    pub(super) const fn new(map: MapId) -> Self {
        Self {
            map,
            values: Vec::new(),
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            names: Vec::new(),
            name_count: 0,
        }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.ipv4.len() + self.ipv6.len() + self.name_count
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a value and returns its index.
    pub(super) fn add_value(&mut self, value: ItemValue) -> ValueIndex {
        let index = self.values.len();
        self.values.push(value);
        // Lists, actions and scopes give at most 2,000 values.
        ValueIndex::try_from(index).unwrap_or(ValueIndex::MAX)
    }

    /// The value of this index.
    pub(super) fn value(&self, index: ValueIndex) -> Option<&ItemValue> {
        self.values.get(usize::from(index))
    }

    /// Adds an item.
    pub(super) fn push(&mut self, item: &Item<'_>, value: ValueIndex) {
        match *item {
            Item::Prefix { address, length } => {
                let mapped = length.checked_sub(MAPPED_BITS);
                match mapped.filter(|_| address >> 32 == MAPPED >> 32) {
                    Some(length) => {
                        let low = u32::try_from(address & u128::from(u32::MAX));
                        self.ipv4.push((low.unwrap_or_default(), length, value));
                    }
                    None => self.ipv6.push(Ipv6Record {
                        address: address.to_be_bytes(),
                        length,
                        value: value.to_ne_bytes(),
                    }),
                }
            }
            Item::Name { wire, .. } => {
                let length = u8::try_from(wire.len()).unwrap_or_default();
                self.names.push(length);
                self.names.extend(value.to_ne_bytes());
                self.names.extend(wire);
                self.names.push(length);
                self.name_count += 1;
            }
        }
    }

    /// Gives the last name the value `to`, if it is `wire` with the value `from`. Returns false otherwise.
    pub(super) fn replace_last(&mut self, wire: &[u8], from: ValueIndex, to: ValueIndex) -> bool {
        let size = wire.len() + NAME_EXTRA;
        let Some(start) = self.names.len().checked_sub(size) else {
            return false;
        };
        let is_same =
            last_name(&self.names).is_some_and(|(_, last, value)| last == wire && value == from);
        if let Some(value) = self.names.get_mut(start + 1..start + 3).filter(|_| is_same) {
            value.copy_from_slice(&to.to_ne_bytes());
            return true;
        }
        false
    }

    /// Passes each item with its value to `visit`: those of a later list before those of an earlier one, within a list
    /// those of a higher rank first, and within a rank from the last to the first. So whoever keeps the last item of a key
    /// keeps the one that takes precedence.
    ///
    /// # Errors
    /// The first error of `visit`.
    pub fn each<E>(
        &self,
        visit: &mut dyn FnMut(&Item<'_>, &ItemValue) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut put = |item: Item<'_>, value: ValueIndex| match self.values.get(usize::from(value))
        {
            Some(value) => match item {
                Item::Name { wire, .. } => visit(
                    &Item::Name {
                        wire,
                        scope: value.scope,
                    },
                    value,
                ),
                prefix @ Item::Prefix { .. } => visit(&prefix, value),
            },
            None => Ok(()),
        };
        for &(address, length, value) in self.ipv4.iter().rev() {
            let (address, length) = (MAPPED | u128::from(address), length + MAPPED_BITS);
            put(Item::Prefix { address, length }, value)?;
        }
        for record in self.ipv6.iter().rev() {
            let (address, length) = (u128::from_be_bytes(record.address), record.length);
            put(
                Item::Prefix { address, length },
                ValueIndex::from_ne_bytes(record.value),
            )?;
        }
        // Only names have items of several ranks in one list.
        for source in (0..=Source::MAX).rev() {
            let mut values = self.values.iter();
            if values.all(|value| value.source != source) {
                continue;
            }
            let mut rest = self.names.as_slice();
            while let Some((before, wire, index)) = last_name(rest) {
                rest = before;
                let value = self.value(index);
                if value.is_some_and(|value| value.source == source) {
                    let scope = Scope::Tree;
                    put(Item::Name { wire, scope }, index)?;
                }
            }
        }
        Ok(())
    }
}

/// The last record of a name: the bytes before it, the name and its value.
fn last_name(names: &[u8]) -> Option<(&[u8], &[u8], ValueIndex)> {
    let size = usize::from(*names.last()?) + NAME_EXTRA;
    let (before, record) = names.split_at_checked(names.len().checked_sub(size)?)?;
    let (_, record) = record.split_first()?;
    let (value, record) = record.split_first_chunk()?;
    let (_, wire) = record.split_last()?;
    Some((before, wire, ValueIndex::from_ne_bytes(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Items with their sources, in the order in which they are passed on.
    fn passed(items: &MapItems) -> Vec<(u8, String)> {
        let mut passed = Vec::new();
        let _: Result<(), Infallible> = items.each(&mut |item, value| {
            passed.push((value.source, format!("{item:?}")));
            Ok(())
        });
        passed
    }

    fn value(items: &mut MapItems, source: u8, scope: Scope) -> u16 {
        items.add_value(ItemValue {
            source,
            scope,
            bytes: Box::new([]),
        })
    }

    #[test]
    fn items_are_passed_on_from_the_last_to_the_first() {
        let mut items = MapItems::new(MapId::default());
        let (one, two) = (
            value(&mut items, 2, Scope::Tree),
            value(&mut items, 4, Scope::Exact),
        );
        let mapped = 0xffff_c000_0200;
        let all = [
            (
                Item::Prefix {
                    address: mapped,
                    length: 120,
                },
                one,
            ),
            (
                Item::Prefix {
                    address: mapped,
                    length: 128,
                },
                two,
            ),
            (
                Item::Prefix {
                    address: 0x2001 << 112,
                    length: 16,
                },
                one,
            ),
            // Shorter than the mapped part.
            (
                Item::Prefix {
                    address: 0,
                    length: 80,
                },
                two,
            ),
            (
                Item::Name {
                    wire: b"\x01a",
                    scope: Scope::Tree,
                },
                one,
            ),
            (
                Item::Name {
                    wire: b"\x02bc\x01d",
                    scope: Scope::Exact,
                },
                two,
            ),
        ];
        for (item, value) in &all {
            items.push(item, *value);
        }
        assert_eq!(items.len(), all.len());
        let sources = [4, 2, 4, 2, 4, 2];
        let order = [1, 0, 3, 2, 5, 4].map(|at| format!("{:?}", all[at].0));
        let expected: Vec<_> = sources.into_iter().zip(order).collect();
        assert_eq!(passed(&items), expected);
    }

    #[test]
    fn only_the_last_name_gets_another_value() {
        let mut items = MapItems::new(MapId::default());
        let exact = value(&mut items, 2, Scope::Exact);
        let tree = value(&mut items, 2, Scope::Tree);
        assert!(!items.replace_last(b"\x01a", exact, tree));
        for wire in [b"\x01a", b"\x01b"] {
            let scope = Scope::Exact;
            items.push(&Item::Name { wire, scope }, exact);
        }
        assert!(!items.replace_last(b"\x01a", exact, tree));
        assert!(!items.replace_last(b"\x01b", tree, exact));
        assert!(items.replace_last(b"\x01b", exact, tree));
        let last = &passed(&items)[0].1;
        assert!(last.contains("Tree"), "{last}");
    }
}
