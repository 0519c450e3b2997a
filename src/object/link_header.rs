//! The *link header*: the first header of the packets of an interface, and the variable that holds its kind.

use std::ops::Range;

use super::btf::{Btf, Type};
use super::{LinkedObject, MapDef, Survey};

/// Name of the variable: a constant integer or enumeration in `.rodata`.
pub const LINK_HEADER: &str = "corexdp_link_header";
const SECTION: &str = ".rodata";

/// The first header of the packets of an interface, with its value in the variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkHeader {
    /// An Ethernet header.
    Ethernet = 0,
    /// An IPv4 or IPv6 header.
    Ip = 1,
}

impl LinkHeader {
    /// The header with this value in the variable.
    pub const fn of(value: u64) -> Option<Self> {
        match value {
            0 => Some(Self::Ethernet),
            1 => Some(Self::Ip),
            _ => None,
        }
    }
}

impl LinkedObject {
    /// The value of the variable; `None` if the object has no such variable.
    pub fn link_header(&self) -> Option<u64> {
        let bytes = self.map(SECTION)?.initial.as_ref()?;
        let bytes = bytes.get(place(&self.maps, self.btf())?)?;
        let (mut value, size) = ([0; 8], bytes.len());
        value.get_mut(..size)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(value))
    }

    /// Index of the map that contains the variable.
    pub fn link_header_map(&self) -> Option<usize> {
        self.maps.iter().position(|map| map.name == SECTION)
    }

    /// Sets the variable; does nothing if the object has no such variable.
    pub fn set_link_header(&mut self, header: LinkHeader) {
        let Some(place) = place(&self.maps, self.btf()) else {
            return;
        };
        let map = self.maps.iter_mut().find(|map| map.name == SECTION);
        let bytes = map.and_then(|map| map.initial.as_mut()?.get_mut(place));
        let value = (header as u64).to_le_bytes();
        if let Some(bytes) = bytes
            && let Some(value) = value.get(..bytes.len())
        {
            bytes.copy_from_slice(value);
        }
    }
}

impl Survey {
    /// True if the object has the variable.
    pub fn has_link_header(&self) -> bool {
        place(&self.maps, self.btf.as_ref()).is_some()
    }
}

/// Byte range of the variable in its section; `None` if the object has no such variable.
fn place(maps: &[MapDef], btf: Option<&Btf>) -> Option<Range<usize>> {
    let content = maps.iter().find(|map| map.name == SECTION)?;
    let btf = btf?;
    let mut places = btf.section(SECTION)?.places();
    let (target, offset) = places.find_map(|(id, offset)| match btf.get(id)? {
        Type::Variable { name, target } if name == LINK_HEADER => Some((target, offset)),
        _ => None,
    })?;
    let (Type::Int(_) | Type::Enum(_)) = btf.resolve(target).ok()?.1 else {
        return None;
    };
    let size = btf.size_of(target).ok().filter(|size| *size <= 8)?;
    let place = offset as usize..offset.checked_add(size)? as usize;
    (place.end <= content.initial.as_ref()?.len()).then_some(place)
}
