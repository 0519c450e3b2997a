//! The entries of a running map or table, as bytes of key and value.

use nix::errno::Errno;

use super::running_table::RunningTable;
use crate::kernel::map::{Map, Shape};
use crate::kernel::map_scan::{Scan, Values};

/// A map or a table of the kernel.
#[derive(Debug)]
pub enum Content {
    /// A map, by a descriptor of its own.
    Map(Map),
    /// A table.
    Table(Box<RunningTable>),
}

impl Content {
    /// Type and sizes; of a table, those of its entries.
    pub const fn shape(&self) -> &Shape {
        match self {
            Self::Map(map) => map.shape(),
            Self::Table(table) => table.shape(),
        }
    }

    /// The maps: for each the end of its name, which begins with the name of the content. A map of its own has its name.
    pub fn maps(&self) -> impl Iterator<Item = (&'static str, &Map)> {
        let (map, table) = match self {
            Self::Map(map) => (Some(("", map)), None),
            Self::Table(table) => (None, Some(table.parts())),
        };
        map.into_iter().chain(table.into_iter().flatten())
    }

    /// Name of the type; `None` for a number that Linux 6.12 does not know.
    pub fn kind_name(&self) -> Option<&'static str> {
        match self {
            Self::Map(map) => map.shape().kind.name(),
            Self::Table(table) => Some(table.kind().name()),
        }
    }

    /// The value under `key`, [`Shape::copy_size`] bytes; `None` without such an entry.
    ///
    /// # Errors
    /// The errors of [`Scan::value`].
    pub fn value<'a>(&self, key: &[u8], scan: &'a mut Scan) -> Result<Option<&'a [u8]>, Errno> {
        match self {
            Self::Map(map) => scan.value(map, key),
            Self::Table(table) => table.value(key, scan),
        }
    }

    /// All values of an array, read in one call; see [`Scan::array`].
    pub fn array<'a>(&self, scan: &'a mut Scan) -> Option<Values<'a>> {
        match self {
            Self::Map(map) => scan.array(map),
            Self::Table(_) => None,
        }
    }

    /// Calls `visit` with key and value of each entry, and returns the number of entries.
    ///
    /// # Errors
    /// The errors of [`Scan::each`].
    pub fn each(&self, scan: &mut Scan, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, Errno> {
        match self {
            Self::Map(map) => scan.each(map, visit),
            Self::Table(table) => table.each(visit),
        }
    }
}
