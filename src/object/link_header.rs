//! The *link header*: the first header of the packets of an interface, and the variable that holds its kind.

use super::constants::{SECTION, number, place};
use super::{LinkedObject, Survey};

/// Name of the variable: a constant integer or enumeration in `.rodata`.
pub const LINK_HEADER: &str = "corexdp_link_header";

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
        number(&self.maps, self.btf(), LINK_HEADER)
    }

    /// Index of the map that contains the variable.
    pub fn link_header_map(&self) -> Option<usize> {
        self.maps.iter().position(|map| map.name == SECTION)
    }

    /// Sets the variable; does nothing if the object has no such variable.
    pub fn set_link_header(&mut self, header: LinkHeader) {
        let Some(place) = place(&self.maps, self.btf(), LINK_HEADER) else {
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
        place(&self.maps, self.btf.as_ref(), LINK_HEADER).is_some()
    }
}
