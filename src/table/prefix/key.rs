//! Networks, the keys of a prefix table.

/// A network. The address is in host order, an IPv4 address as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    /// First address.
    pub address: u128,
    /// Length in bits: 0 to 128, of IPv4 96 to 128.
    pub length: u8,
}

/// First 96 bits of an IPv4 address as IPv6 address.
const MAPPED: u128 = 0xffff;
/// Bits in front of an IPv4 address.
const MAPPED_BITS: u8 = 96;

impl Prefix {
    /// Size of the key of an entry: `struct prefix` of `bpf/prefix.h`.
    pub const KEY_SIZE: usize = 20;

    /// The network of `length` bits that contains `address`. A length over 128 is 128.
    pub const fn new(address: u128, length: u8) -> Self {
        let length = if length > 128 { 128 } else { length };
        Self {
            address: address & mask(length),
            length,
        }
    }

    /// The network in `struct prefix`: the length in host order and the address in network order. `None` for bytes of
    /// another size, and for a length over 128.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (length, address) = key.split_first_chunk()?;
        let length = u8::try_from(u32::from_ne_bytes(*length)).ok()?;
        if length > 128 {
            return None;
        }
        let address = u128::from_be_bytes(address.try_into().ok()?);
        Some(Self::new(address, length))
    }

    /// The network as `struct prefix`.
    pub fn to_key(self) -> [u8; Self::KEY_SIZE] {
        let mut key = [0; Self::KEY_SIZE];
        if let Some((length, address)) = key.split_first_chunk_mut() {
            *length = u32::from(self.length).to_ne_bytes();
            address.copy_from_slice(&self.address.to_be_bytes());
        }
        key
    }

    /// True if the network contains `address`.
    pub const fn contains(self, address: u128) -> bool {
        address & mask(self.length) == self.address
    }

    /// The tree that has the network, and the network's place in it. A network that contains all of IPv4 belongs to IPv6.
    pub(super) const fn place(self) -> (Family, Span) {
        if self.length < MAPPED_BITS || self.address >> 32 != MAPPED {
            let Self { address, length } = self;
            return (Family::Ip6, Span { address, length });
        }
        let span = Span {
            address: self.address << MAPPED_BITS,
            length: self.length - MAPPED_BITS,
        };
        (Family::Ip4, span)
    }
}

/// One of the two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// IPv4: two chunks of 16 bits.
    Ip4,
    /// IPv6: eight chunks of 16 bits.
    Ip6,
}

/// A network in the tree of its family: an IPv4 address has the highest 32 bits, and its length is 0 to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) address: u128,
    pub(super) length: u8,
}

impl Span {
    /// The network of this place in the tree.
    pub(super) const fn prefix(self, family: Family) -> Prefix {
        let Self { address, length } = self;
        match family {
            Family::Ip6 => Prefix { address, length },
            Family::Ip4 => Prefix {
                address: address >> MAPPED_BITS | MAPPED << 32,
                length: length.saturating_add(MAPPED_BITS),
            },
        }
    }

    /// True if this network contains the other.
    pub(super) const fn covers(self, other: Self) -> bool {
        self.length <= other.length && other.address & mask(self.length) == self.address
    }

    /// The chunk `level` of the address: its bits from 16 * `level`.
    pub(super) const fn chunk(self, level: u32) -> u32 {
        chunk(self.address, level)
    }
}

/// All IPv4 addresses, as IPv6 networks see them.
pub(super) const IP4: Span = Span {
    address: MAPPED << 32,
    length: MAPPED_BITS,
};

/// The 16 bits of an address from 16 * `level`. `level` is at most 7.
pub(super) const fn chunk(address: u128, level: u32) -> u32 {
    // The mask leaves 16 bits.
    #[expect(clippy::cast_possible_truncation, reason = "16 bits are left")]
    let chunk = (address >> (112 - 16 * level)) as u32 & 0xffff;
    chunk
}

/// The highest `length` bits, at most 128.
const fn mask(length: u8) -> u128 {
    match u128::MAX.checked_shr(length as u32) {
        Some(rest) => !rest,
        None => u128::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ip4(address: u32, length: u8) -> Prefix {
        Prefix::new(MAPPED << 32 | address as u128, 96 + length)
    }

    #[test]
    fn key_has_the_layout_of_struct_prefix() {
        let prefix = ip4(0xc000_0201, 24);
        let mut key = [0; 20];
        key[..4].copy_from_slice(&120_u32.to_ne_bytes());
        key[14..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 0]);
        assert_eq!(prefix.to_key(), key);
        assert_eq!(Prefix::from_key(&key), Some(prefix));
        assert_eq!(Prefix::from_key(&key[1..]), None);
        assert_eq!(Prefix::from_key(&[0xff; 20]), None);
        for (length, is_prefix) in [(128_u32, true), (129, false), (255, false)] {
            key[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Prefix::from_key(&key).is_some(), is_prefix);
        }
    }

    #[test]
    fn every_prefix_returns_from_its_tree() {
        for length in 0..=128 {
            for address in [0, u128::MAX, MAPPED << 32, MAPPED << 32 | 0x0a00_0001] {
                let prefix = Prefix::new(address, length);
                let (family, span) = prefix.place();
                assert_eq!(span.prefix(family), prefix);
                assert_eq!(
                    family == Family::Ip4,
                    length >= 96 && address >> 32 == MAPPED
                );
                assert!(prefix.contains(address));
            }
        }
    }

    #[test]
    fn span_covers_itself_and_longer_ones() {
        let (_, short) = ip4(0x0a00_0000, 8).place();
        let (_, long) = ip4(0x0a01_0203, 32).place();
        assert!(short.covers(long) && short.covers(short) && !long.covers(short));
        assert!(!ip4(0x0b00_0000, 8).place().1.covers(long));
        assert!(Prefix::new(0, 0).place().1.covers(IP4));
        assert_eq!((long.chunk(0), long.chunk(1)), (0x0a01, 0x0203));
    }
}
