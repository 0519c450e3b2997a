//! The parts of a table in this process's memory.

use nix::errno::Errno;

use crate::base::capacity::MAX_VALUE;
use crate::encode::{WIRE_SIZE, name_to_wire};
use crate::kernel::map::Map;
use crate::kernel::mapped_array::MappedArray;
use crate::object::{MapKind, TableKind};
use crate::table::prefix::Prefix;
use crate::table::{Leaf, ValueLayout, names, prefix};

/// Maximum number of maps of a table.
pub(super) const MAX_MAPS: usize = 6;

/// The arrays of a table in this process's memory.
#[derive(Debug)]
pub struct MappedParts {
    kind: TableKind,
    value_size: usize,
    /// The arrays among the parts, in their order.
    arrays: heapless::Vec<MappedArray, MAX_MAPS>,
}

/// The parts of a table as slices.
#[derive(Clone, Copy, Debug)]
pub enum Parts<'a> {
    /// Networks.
    Prefixes(prefix::Parts<'a>),
    /// Domain names.
    Names(names::Parts<'a>),
}

impl MappedParts {
    /// Maps the arrays among `parts`.
    ///
    /// # Errors
    /// The errors of [`MappedArray::new`].
    pub(super) fn new(kind: TableKind, value_size: usize, parts: &[Map]) -> Result<Self, Errno> {
        let mut arrays = heapless::Vec::new();
        let is_array = |map: &&Map| map.shape().kind == MapKind::ARRAY;
        for map in parts.iter().filter(is_array) {
            arrays
                .push(MappedArray::new(map)?)
                .map_err(|_| Errno::E2BIG)?;
        }
        Ok(Self {
            kind,
            value_size,
            arrays,
        })
    }

    /// The parts as slices.
    ///
    /// # Errors
    /// `EINVAL` if a part is missing.
    pub fn parts(&self) -> Result<Parts<'_>, Errno> {
        match (self.kind, self.arrays.as_slice()) {
            (TableKind::Prefixes, [lines, packets, keys, rules]) => {
                Ok(Parts::Prefixes(prefix::Parts::new(
                    lines.words32(),
                    packets.words64(),
                    keys.words64(),
                    rules.words64(),
                    self.value_size,
                )))
            }
            (TableKind::Names, [lines, bloom, records, rules, shape]) => {
                Ok(Parts::Names(names::Parts {
                    lines: lines.words64(),
                    bloom: bloom.words64(),
                    records: records.words64(),
                    rules: rules.words64(),
                    shape: shape.words64(),
                }))
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

impl Parts<'_> {
    /// True if the parts fit each other.
    pub fn are_built(&self, layout: &ValueLayout) -> bool {
        match self {
            Self::Prefixes(parts) => parts.is_built(),
            Self::Names(parts) => names::is_intact(parts, layout),
        }
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        match self {
            Self::Prefixes(parts) => parts.entries().into(),
            Self::Names(parts) => parts.entries(),
        }
    }

    /// The leaf of the entry under a key of the table's entries.
    pub(super) fn find(&self, key: &[u8], layout: &ValueLayout) -> Option<Leaf> {
        match self {
            Self::Prefixes(parts) => {
                let prefix = Prefix::from_key(key)?;
                Some(prefix::find(*parts, prefix)?.leaf)
            }
            Self::Names(parts) => {
                let (mut wire, mut value) = ([0; WIRE_SIZE], [0; MAX_VALUE]);
                let value = value.get_mut(..layout.size)?;
                let wire = name_to_wire(key, &mut wire);
                Some(names::find(parts, layout, wire, value)?.leaf)
            }
        }
    }
}
