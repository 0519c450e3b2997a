//! The sink of one line: passes its items to the caller of the parser.

use super::{Action, Found, Item, Reason, Scope, Visit, name};

/// Takes the items of one line.
pub(super) struct Sink<'a, 'v> {
    pub(super) visit: &'a mut Visit<'v>,
    /// Rank of the items.
    pub(super) rank: u8,
    /// Number of items that the caller took.
    pub(super) kept: u64,
    /// Number of prefixes whose host bits were cleared.
    pub(super) masked: u64,
    /// The first reason for which the caller did not take an item.
    pub(super) refused: Option<Reason>,
}

impl Sink<'_, '_> {
    /// Passes on an item.
    pub(super) fn put(&mut self, found: &Found<'_>) {
        match (self.visit)(found) {
            Ok(()) => self.kept += 1,
            Err(reason) => {
                self.refused.get_or_insert(reason);
            }
        }
    }

    /// Passes on a prefix.
    pub(super) fn prefix(&mut self, address: u128, length: u8) {
        self.put(&Found {
            item: Item::Prefix { address, length },
            action: None,
            rank: self.rank,
        });
    }

    /// Passes on the name `text`.
    ///
    /// # Errors
    /// When `text` is not a name.
    pub(super) fn name(
        &mut self,
        text: &str,
        scope: Scope,
        action: Option<Action>,
    ) -> Result<(), Reason> {
        let wire = name::parse(text)?;
        self.put(&Found {
            item: Item::Name {
                wire: wire.as_slice(),
                scope,
            },
            action,
            rank: self.rank,
        });
        Ok(())
    }
}
