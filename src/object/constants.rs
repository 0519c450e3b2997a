//! Constants of a program that mean something to corexdp: integers and enumerations in `.rodata`.

use std::ops::Range;

use super::btf::{Btf, Type};
use super::{LinkedObject, MapDef};
use crate::base::escape::Plain;

/// The section of constants, and its map.
pub(super) const SECTION: &str = ".rodata";

/// Byte range of the constant in its section; `None` if the object has no such constant.
pub(super) fn place(maps: &[MapDef], btf: Option<&Btf>, constant: &str) -> Option<Range<usize>> {
    let content = maps.iter().find(|map| map.name == SECTION)?;
    let btf = btf?;
    let mut places = btf.section(SECTION)?.places();
    let (target, offset) = places.find_map(|(id, offset)| match btf.get(id)? {
        Type::Variable { name, target } if name == constant => Some((target, offset)),
        _ => None,
    })?;
    let (Type::Int(_) | Type::Enum(_)) = btf.resolve(target).ok()?.1 else {
        return None;
    };
    let size = btf.size_of(target).ok().filter(|size| *size <= 8)?;
    let place = offset as usize..offset.checked_add(size)? as usize;
    (place.end <= content.initial.as_ref()?.len()).then_some(place)
}

/// The value of the constant; `None` if the object has no such constant.
pub(super) fn number(maps: &[MapDef], btf: Option<&Btf>, constant: &str) -> Option<u64> {
    let place = place(maps, btf, constant)?;
    let content = maps.iter().find(|map| map.name == SECTION)?;
    let bytes = content.initial.as_ref()?.get(place)?;
    let (mut value, size) = ([0; 8], bytes.len());
    value.get_mut(..size)?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(value))
}

/// A map may have this many times the entries that the object gives it.
const MAX_GROWTH: u64 = 64;

impl LinkedObject {
    /// The number of entries that the constant `NAME_entries` gives the map `NAME`.
    fn map_size(&self, map: &MapDef) -> Option<u64> {
        number(&self.maps, self.btf(), &[&map.name, "_entries"].concat())
    }

    /// The message for the first map whose constant is no size for it. Called before [`Self::set_map_sizes`], while the
    /// maps have the sizes of the object.
    pub fn wrong_map_size(&self) -> Option<String> {
        self.maps.iter().find_map(|map| {
            let (entries, name) = (self.map_size(map)?, Plain(&map.name));
            let max = u64::from(map.max_entries.max(1)) * MAX_GROWTH;
            let max = max.min(u32::MAX.into());
            (entries == 0 || entries > max).then(|| {
                format!("{name}_entries is {entries}; map {name} can have 1 to {max} entries")
            })
        })
    }

    /// Gives each map `NAME` as many entries as the constant `NAME_entries` has.
    pub fn set_map_sizes(&mut self) {
        for index in 0..self.maps.len() {
            let entries = self.maps.get(index).and_then(|map| self.map_size(map));
            let entries = entries.and_then(|entries| u32::try_from(entries).ok());
            if let (Some(entries), Some(map)) = (entries, self.maps.get_mut(index)) {
                map.max_entries = entries;
            }
        }
    }
}
