//! Constants of a program that mean something to corexdp: integers and enumerations in `.rodata`.

use std::ops::Range;

use super::btf::{Btf, Type};
use super::{LinkedObject, MapDef};

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

impl LinkedObject {
    /// Gives each map `NAME` as many entries as the constant `NAME_entries` has.
    pub fn set_map_sizes(&mut self) {
        for index in 0..self.maps.len() {
            let name = self
                .maps
                .get(index)
                .map(|map| [&map.name, "_entries"].concat());
            let entries = name.and_then(|name| number(&self.maps, self.btf(), &name));
            let entries = entries.and_then(|entries| u32::try_from(entries).ok());
            if let (Some(entries), Some(map)) = (entries, self.maps.get_mut(index)) {
                map.max_entries = entries;
            }
        }
    }
}
