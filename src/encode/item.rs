//! Items of lists as keys of a map, and the members of a value that lists set: the action and the scope of a name.

use super::prefix::{LENGTH, MAPPED_BITS, mapped_ipv4};
use super::{Encoder, domain};
use crate::list::{Action, Item, Reason, Scope};
use crate::object::MapKind;
use crate::object::layout::{Field, Kind, ShapeId};

/// Name of the member that says which names an entry matches: 0 the name and all below it, 1 the name alone, 2 the names
/// below it.
const EXACT: &str = "exact";

/// The keys of a map, for items of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKeys {
    /// Prefixes of addresses of this size in bytes.
    Prefix(usize),
    /// Addresses of this size in bytes.
    Address(usize),
    /// Domain names.
    Name,
}

impl Encoder<'_> {
    /// The keys of the map; `None` if they are neither prefixes, addresses nor domain names.
    pub fn item_keys(&self) -> Option<ItemKeys> {
        let size = self.map.key_size as usize;
        match (self.map.kind, size) {
            (MapKind::LPM_TRIE, 8 | 20) => Some(ItemKeys::Prefix(size - LENGTH)),
            (kind, _) if kind == MapKind::LPM_TRIE || kind.is_array() => None,
            _ if self.has_domain_keys() => Some(ItemKeys::Name),
            (_, 4 | 16) => Some(ItemKeys::Address(size)),
            _ => None,
        }
    }

    /// Writes the key of an item to `out`, which has the size of a key.
    ///
    /// # Errors
    /// The reason for which the map cannot hold the item.
    pub fn item_key(keys: ItemKeys, item: &Item<'_>, out: &mut [u8]) -> Result<(), Reason> {
        match (keys, *item) {
            (ItemKeys::Name, Item::Name { wire, .. }) => domain::write_wire(wire, out),
            (ItemKeys::Name, Item::Prefix { .. }) => Err(Reason::NoAddress),
            (_, Item::Name { .. }) => Err(Reason::NoName),
            (ItemKeys::Prefix(size), Item::Prefix { address, length }) => {
                let (bits, data) = out
                    .split_first_chunk_mut::<LENGTH>()
                    .ok_or(Reason::NoIpv6)?;
                let skipped = if size == 4 { MAPPED_BITS } else { 0 };
                let length = u32::from(length).checked_sub(skipped);
                *bits = length.ok_or(Reason::NoIpv6)?.to_ne_bytes();
                write_address(address, data)
            }
            (
                ItemKeys::Address(_),
                Item::Prefix {
                    length: 128,
                    address,
                },
            ) => write_address(address, out),
            (ItemKeys::Address(_), Item::Prefix { .. }) => Err(Reason::NoNetwork),
        }
    }

    /// Writes `action` to the first member of a value.
    ///
    /// # Errors
    /// The reason that the member has no enumerator for the action.
    pub fn write_action(&self, action: Action, value: &mut [u8]) -> Result<(), Reason> {
        let number = self.action(action).ok_or(Reason::without(action))?;
        let (first, number) = number;
        self.write_number(first, number, value);
        Ok(())
    }

    /// Writes the scope of a name to the member `exact` of a value, if there is one.
    ///
    /// # Errors
    /// The reason that the member cannot say so.
    pub fn write_scope(&self, scope: Scope, value: &mut [u8]) -> Result<(), Reason> {
        let Some(field) = self
            .value
            .as_ref()
            .and_then(|layout| layout.find(EXACT).ok())
        else {
            return Ok(());
        };
        let number = match scope {
            Scope::Tree => return Ok(()),
            Scope::Exact => 1,
            Scope::Below => 2,
        };
        if number == 2 && !self.is_named(field.shape, number) {
            return Err(Reason::NoScope);
        }
        self.write_number(field, number, value);
        Ok(())
    }

    /// The first member of a value, and its number for `action`.
    fn action(&self, action: Action) -> Option<(Field, i64)> {
        let layout = self.value.as_ref()?;
        let (mut shape, mut depth) = (crate::object::Layout::WHOLE, 0);
        while let Kind::Composite(members) = &layout.shape(shape).kind {
            // The number of steps is bounded, because a damaged struct may contain itself.
            depth += 1;
            let first = members
                .first()
                .filter(|first| first.bit_offset == 0 && depth < 8)?;
            shape = first.shape;
        }
        let Kind::Enum(names) = &layout.shape(shape).kind else {
            return None;
        };
        let named = names
            .iter()
            .find(|one| one.name.ends_with(action.ending()))?;
        Some((Field { offset: 0, shape }, named.value))
    }

    /// True if `number` has a name in an enumeration.
    fn is_named(&self, shape: ShapeId, number: i64) -> bool {
        let kind = self.value.as_ref().map(|layout| &layout.shape(shape).kind);
        matches!(kind, Some(Kind::Enum(names)) if names.iter().any(|one| one.value == number))
    }

    fn write_number(&self, field: Field, number: i64, value: &mut [u8]) {
        let size = self
            .value
            .as_ref()
            .map_or(0, |layout| layout.shape(field.shape).size);
        let start = field.offset as usize;
        let bytes = value.get_mut(start..start.saturating_add(size as usize));
        for (byte, source) in bytes
            .unwrap_or_default()
            .iter_mut()
            .zip(number.to_le_bytes())
        {
            *byte = source;
        }
    }
}

/// Writes an address of 4 or 16 bytes.
fn write_address(address: u128, out: &mut [u8]) -> Result<(), Reason> {
    let bytes = address.to_be_bytes();
    let bytes = match out.len() {
        4 => mapped_ipv4(&bytes).ok_or(Reason::NoIpv6)?,
        _ => &bytes,
    };
    out.copy_from_slice(bytes.get(..out.len()).ok_or(Reason::NoIpv6)?);
    Ok(())
}
