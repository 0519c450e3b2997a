//! Reasons why a decision is refused.

use nix::errno::Errno;

use crate::base::capacity::MAX_DECISIONS;
use crate::base::escape::Plain;
use crate::base::quantity::Quantity;
use crate::kernel::describe;

/// Reason why a decision is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The entries of the map cannot be deleted, or it belongs to the program's frame.
    Kind,
    /// The Corefile gives the map an entry of this key.
    Given,
    /// There is no decision about the key.
    Unknown,
    /// The kernel refuses. `EDQUOT` for more decisions than a map may have.
    Kernel(Errno),
}

impl Refused {
    /// The reason and its remedy, for a decision about `key` in the `map`, which has room for `room` entries.
    pub fn message(self, key: &str, map: &str, room: u32) -> String {
        let (key, map) = (Plain(key), Plain(map));
        match self {
            Self::Kind => format!(
                "{map} cannot have decisions; its entries cannot be deleted one by one: name a hash or an lpm_trie"
            ),
            Self::Given => format!("{key} is given by the Corefile; change it there"),
            Self::Unknown => format!("no decision about {key} in {map}"),
            Self::Kernel(Errno::EDQUOT) => format!(
                "{map} has {MAX_DECISIONS} decisions; build with a larger COREXDP_MAX_DECISIONS"
            ),
            // The kernel has one errno for a full hash, and another for a full trie.
            Self::Kernel(Errno::E2BIG | Errno::ENOSPC) => {
                let room = Quantity(room.into(), "entry");
                format!("{map} is full; it has room for {room}")
            }
            Self::Kernel(Errno::ENOMEM) => format!("no memory for this entry of {map}"),
            Self::Kernel(errno) => {
                format!(
                    "the kernel refused this entry of {map}: {}",
                    describe(errno)
                )
            }
        }
    }
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_maps_are_named_with_their_room() {
        for errno in [Errno::E2BIG, Errno::ENOSPC] {
            let message = Refused::from(errno).message("192.0.2.0/24", "nets", 4);
            assert_eq!(message, "nets is full; it has room for 4 entries");
        }
    }
}
