//! Compiled tables: lists of prefixes or names as plain arrays, which programs search faster than the kernel's maps.
//!
//! A *table* consists of *parts*, the maps of an object that one macro of `bpf/prefix_table.h` or `bpf/name_table.h`
//! declares. A lookup ends in a *leaf*. The leaf has the *action*, the first member of an entry's value, so most entries
//! need no more memory than their hit counter: they are *light*. Other entries are *full*: their value is in a part of its
//! own. Only the parts hold state, so another process can go on with a table.
//!
//! This room does no I/O and knows no kernel. It reads and writes parts as slices of atomic words.

pub mod names;
pub mod prefix;
pub mod values;

pub use values::{ValueId, Values};

/// The `list` line that gave an item, counted from 1; 0 for `map` and `entry` lines. Lower sources take precedence.
pub type Source = u8;

/// The parts of a table are too small for its list, or a part cannot be used again yet. The table is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// Maximum number of a leaf. Number 0 stands for no entry.
pub const MAX_NUMBER: u32 = (1 << 24) - 1;
/// Maximum action of a light entry.
pub const MAX_ACTION: u32 = 15;

const ACTION: u32 = 24;
const FULL: u32 = 1 << 28;

/// The result of a lookup, as programs see it: the number in bits 0 to 23, the action in bits 24 to 27, and bit 28 for a
/// full entry. 0 if no entry matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaf(pub u32);

impl Leaf {
    /// No entry matches.
    pub const NONE: Self = Self(0);

    /// The leaf of a light entry. Bits of `number` and `action` above their fields are cut off.
    pub const fn light(number: u32, action: u32) -> Self {
        Self(number & MAX_NUMBER | (action & MAX_ACTION) << ACTION)
    }

    /// The leaf of a full entry.
    pub const fn full(number: u32) -> Self {
        Self(number & MAX_NUMBER | FULL)
    }

    /// Number of the entry among the light or the full ones; 0 if no entry matches.
    pub const fn number(self) -> u32 {
        self.0 & MAX_NUMBER
    }

    /// The action of a light entry; 0 for a full one.
    pub const fn action(self) -> u32 {
        self.0 >> ACTION & MAX_ACTION
    }

    /// True if the value is in the part for full entries.
    pub const fn is_full(self) -> bool {
        self.0 & FULL != 0
    }
}

/// The members of a value that tables know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueLayout {
    /// Size of a value in bytes.
    pub size: usize,
    /// Size of the first member, the action, in bytes: 1, 2 or 4; 0 if the first member is no such number. All entries of
    /// such a table are full.
    pub action: usize,
    /// Offset of the `__u64` member `packets`, the hit counter; `None` without one.
    pub packets: Option<usize>,
    /// Offset of the `bool` member `exact`; `None` without one, and in prefix tables.
    pub exact: Option<usize>,
}

impl ValueLayout {
    /// The action of a value that a light entry can hold; `None` for any other value.
    pub fn light_action(&self, value: &[u8]) -> Option<u32> {
        let (action, rest) = value.split_at_checked(self.action)?;
        let is_rest = |(at, byte): (usize, &u8)| {
            *byte != 0 && self.exact.is_none_or(|exact| exact != at + self.action)
        };
        if self.action == 0 || rest.iter().enumerate().any(is_rest) {
            return None;
        }
        Some(number(action)?).filter(|action| *action <= MAX_ACTION)
    }

    /// True if the value's member `exact` is set.
    pub fn is_exact(&self, value: &[u8]) -> bool {
        let exact = self.exact.and_then(|at| value.get(at));
        exact.is_some_and(|exact| *exact != 0)
    }

    /// Writes the value of a light entry to `value`, which has the layout's size.
    pub fn write_light(&self, action: u32, packets: u64, is_exact: bool, value: &mut [u8]) {
        value.fill(0);
        let mut set = |at: usize, bytes: &[u8]| {
            if let Some(member) = value.get_mut(at..at + bytes.len()) {
                member.copy_from_slice(bytes);
            }
        };
        match self.action {
            1 => set(0, &[action.to_le_bytes()[0]]),
            2 => set(0, &u16::try_from(action).unwrap_or(0).to_ne_bytes()),
            _ => set(0, &action.to_ne_bytes()),
        }
        if let Some(at) = self.packets {
            set(at, &packets.to_ne_bytes());
        }
        if let Some(at) = self.exact {
            set(at, &[u8::from(is_exact)]);
        }
    }
}

/// A number of 1, 2 or 4 bytes in host byte order.
fn number(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [one] => Some(u32::from(one)),
        [one, two] => Some(u32::from(u16::from_ne_bytes([one, two]))),
        _ => Some(u32::from_ne_bytes(bytes.try_into().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct { u8 action; bool exact; u16 port; u32 pad; u64 packets; u64 bytes; }`
    const LAYOUT: ValueLayout = ValueLayout {
        size: 24,
        action: 1,
        packets: Some(8),
        exact: Some(1),
    };

    fn value(bytes: &[(usize, u8)]) -> [u8; 24] {
        let mut value = [0; 24];
        for (at, byte) in bytes {
            value[*at] = *byte;
        }
        value
    }

    #[test]
    fn light_values_have_only_action_and_exact() {
        for (bytes, expected) in [
            (&[][..], Some(0)),
            (&[(0, 2)], Some(2)),
            (&[(0, 15), (1, 1)], Some(15)),
            (&[(0, 16)], None),
            (&[(0, 2), (2, 53)], None),
            (&[(0, 2), (8, 1)], None),
            (&[(0, 2), (23, 1)], None),
        ] {
            assert_eq!(LAYOUT.light_action(&value(bytes)), expected, "{bytes:?}");
        }
        let opaque = ValueLayout {
            action: 0,
            ..LAYOUT
        };
        assert_eq!(opaque.light_action(&value(&[])), None);
    }

    #[test]
    fn written_light_value_reads_as_written() {
        for action in [1, 2, 4] {
            let layout = ValueLayout {
                action,
                exact: Some(4),
                ..LAYOUT
            };
            let mut written = [0xff; 24];
            layout.write_light(7, 0, true, &mut written);
            assert_eq!(layout.light_action(&written), Some(7));
            assert!(layout.is_exact(&written));
            layout.write_light(7, 5, false, &mut written);
            assert!(!layout.is_exact(&written));
            assert_eq!(written[8..16], 5_u64.to_ne_bytes());
        }
    }

    #[test]
    fn leaf_keeps_number_action_and_kind() {
        let leaf = Leaf::light(MAX_NUMBER, MAX_ACTION);
        assert_eq!(
            (leaf.number(), leaf.action(), leaf.is_full()),
            (MAX_NUMBER, MAX_ACTION, false)
        );
        let leaf = Leaf::full(7);
        assert_eq!((leaf.number(), leaf.action(), leaf.is_full()), (7, 0, true));
        assert_eq!(Leaf::light(MAX_NUMBER + 1, MAX_ACTION + 1), Leaf::NONE);
    }
}
