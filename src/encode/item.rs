//! Items of lists as keys of a map, and the members of a value that lists set: the action and the scope of a name.

use super::integer::Number;
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

    /// `FIELD=VALUE` of an action; `None` if the first member has no enumerator for it.
    pub fn action_field(&mut self, action: Action) -> Option<String> {
        let mut value = vec![0; self.value.as_ref()?.whole().size as usize];
        self.write_action(action, &mut value).ok()?;
        let fields = self.assignments(&value).assignments;
        let named = fields.iter().find(|field| !field.is_zero);
        Some(named.or(fields.first())?.to_string())
    }

    /// Writes the scope of a name to the member `exact` of a value, if there is one.
    ///
    /// # Errors
    /// The reason that the member cannot say so.
    pub fn write_scope(&self, scope: Scope, value: &mut [u8]) -> Result<(), Reason> {
        let Some(field) = self.exact() else {
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

    /// The scope that the member `exact` of a value says; `None` without the member.
    pub fn scope(&self, value: &[u8]) -> Option<Scope> {
        let field = self.exact()?;
        let size = self.value.as_ref()?.shape(field.shape).size as usize;
        let start = field.offset as usize;
        let bytes = value.get(start..start.checked_add(size)?)?;
        Some(match Number::little_endian(0, size).read(bytes) {
            0 => Scope::Tree,
            2 => Scope::Below,
            _ => Scope::Exact,
        })
    }

    /// Place of the member `exact` of a value.
    fn exact(&self) -> Option<Field> {
        let layout = self.value.as_ref()?;
        let field = layout.find(EXACT).ok()?;
        (layout.shape(field.shape).size <= 8).then_some(field)
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
        let Kind::Enum(values) = &layout.shape(shape).kind else {
            return None;
        };
        let named = values
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_keys_of_maps_that_can_hold_them() {
        use ItemKeys::{Address, Name, Prefix};
        let prefix = |address, length| Item::Prefix { address, length };
        let mapped = 0xffff_c000_0200;
        let (ipv4, one) = (prefix(mapped, 120), prefix(mapped, 128));
        let (ipv6, all) = (prefix(0x2001_0db8 << 96, 32), prefix(0, 80));
        let scope = Scope::Exact;
        let name = Item::Name {
            wire: b"\x03ads\x07example",
            scope,
        };
        let key = |bits: u8, address: &[u8]| {
            let bits = u32::from(bits).to_ne_bytes();
            Ok([&bits[..], address].concat())
        };
        let octets = |item: &Item<'_>| match item {
            Item::Prefix { address, .. } => address.to_be_bytes(),
            Item::Name { .. } => [0; 16],
        };
        for (keys, size, item, expected) in [
            (Prefix(4), 8, ipv4, key(24, &[192, 0, 2, 0])),
            (Prefix(4), 8, one, key(32, &[192, 0, 2, 0])),
            (Prefix(4), 8, ipv6, Err(Reason::NoIpv6)),
            (Prefix(4), 8, all, Err(Reason::NoIpv6)),
            (Prefix(16), 20, ipv4, key(120, &octets(&ipv4))),
            (Prefix(16), 20, ipv6, key(32, &octets(&ipv6))),
            (Prefix(16), 20, name, Err(Reason::NoName)),
            (Address(4), 4, one, Ok(vec![192, 0, 2, 0])),
            (Address(4), 4, ipv4, Err(Reason::NoNetwork)),
            (Address(4), 4, prefix(1, 128), Err(Reason::NoIpv6)),
            (Address(16), 16, one, Ok(octets(&one).to_vec())),
            (Name, 12, name, Ok(b"ads.example\0".to_vec())),
            (Name, 11, name, Ok(b"ads.example".to_vec())),
            (Name, 10, name, Err(Reason::LongName)),
            (Name, 12, one, Err(Reason::NoAddress)),
        ] {
            let mut out = vec![0xaa; size];
            let written = Encoder::item_key(keys, &item, &mut out);
            assert_eq!(written.map(|()| out), expected, "{keys:?} {item:?}");
        }
    }
}
