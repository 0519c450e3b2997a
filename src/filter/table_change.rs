//! The change of a table in use, kept for a rollback.

use nix::errno::Errno;

use super::mapped_parts::Parts;
use super::running_table::RunningTable;
use crate::kernel::membarrier;
use crate::table::{names, prefix};

/// The previous entries of a table, kept for a rollback until the change is final.
#[derive(Debug)]
pub(super) struct TableChange {
    /// Name of the table.
    pub(super) name: String,
    pub(super) table: Box<RunningTable>,
    pub(super) undo: Undo,
}

/// The previous entries of a table of either kind.
#[derive(Debug)]
pub(super) enum Undo {
    Prefixes(prefix::Undo),
    Names(names::Undo),
}

impl TableChange {
    /// Restores the previous entries of the table.
    ///
    /// # Errors
    /// When the parts cannot be mapped into memory; `EBUSY` when packets may still be in nodes that are needed.
    pub(super) fn undo(self) -> Result<(), Errno> {
        let mapped = self.table.map_parts()?;
        let is_undone = match (self.undo, mapped.parts()?) {
            (Undo::Prefixes(undo), Parts::Prefixes(parts)) => {
                undo.restore(parts, &mut membarrier::synchronize)
            }
            (Undo::Names(undo), Parts::Names(parts)) => {
                undo.restore(&parts, &mut membarrier::synchronize);
                true
            }
            _ => false,
        };
        if is_undone { Ok(()) } else { Err(Errno::EBUSY) }
    }
}
