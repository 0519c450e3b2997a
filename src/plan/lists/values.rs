//! The values of a list's items: one for each action and scope that its items have.

use super::items::{ItemValue, MapItems, ValueIndex};
use crate::encode::Encoder;
use crate::list::{Action, Found, Item, Reason, Scope};
use crate::plan::tables::PlannedTable;
use crate::table::{NoRoom, Source};

/// Values of one list, made when an item first needs them.
pub(super) struct ListValues<'a> {
    encoder: &'a Encoder<'a>,
    /// Bytes that FIELD=VALUE give.
    base: &'a [u8],
    /// True if the line has FIELD=VALUE.
    has_fields: bool,
    /// Source of the items of rank 0; each further rank has the next.
    first: Source,
    known: Vec<(Key, Result<ValueIndex, Reason>)>,
    /// Buffer for a value.
    scratch: Vec<u8>,
}

/// Scope of a name; [`Scope::Tree`] for a prefix.
const fn scope_of(item: &Item<'_>) -> Scope {
    match item {
        Item::Name { scope, .. } => *scope,
        Item::Prefix { .. } => Scope::Tree,
    }
}

/// The properties of an item on which its value depends.
type Key = (Option<Action>, Scope, u8);

impl<'a> ListValues<'a> {
    pub(super) const fn new(
        encoder: &'a Encoder<'a>,
        base: &'a [u8],
        has_fields: bool,
        first: Source,
    ) -> Self {
        Self {
            encoder,
            base,
            has_fields,
            first,
            known: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Adds an item with its value to `items`.
    ///
    /// # Errors
    /// The reason that the program has no such action or scope.
    pub(super) fn push(&mut self, found: &Found<'_>, items: &mut MapItems) -> Result<(), Reason> {
        let key = (found.action, scope_of(&found.item), found.rank);
        match self.value(key, items) {
            Ok(value) => {
                items.push(&found.item, value);
                Ok(())
            }
            Err(Reason::NoScope) if self.joins(found, items) => Ok(()),
            Err(reason) => Err(reason),
        }
    }

    /// Adds an item with its value to `table`; `items` has the values.
    ///
    /// # Errors
    /// The reason that the program has no such action or scope, or that the table is full.
    pub(super) fn add(
        &mut self,
        found: &Found<'_>,
        items: &mut MapItems,
        key: &[u8],
        table: &mut PlannedTable,
    ) -> Result<(), Reason> {
        let index = self.value((found.action, scope_of(&found.item), found.rank), items)?;
        let value = items.value(index).ok_or(Reason::Full)?;
        self.scratch.clear();
        self.scratch.extend_from_slice(&value.bytes);
        let added = table.add(key, value.source, &mut self.scratch);
        added.map_err(|NoRoom| Reason::Full)
    }

    /// Makes the last name match the names below it too, if `found` says so: zones have the line of a name before the line
    /// of the names below. Returns false if the lines do not belong together.
    fn joins(&mut self, found: &Found<'_>, items: &mut MapItems) -> bool {
        let Item::Name { wire, .. } = found.item else {
            return false;
        };
        let mut value = |scope| self.value((found.action, scope, found.rank), items);
        let (exact, tree) = (value(Scope::Exact), value(Scope::Tree));
        let both = exact.ok().zip(tree.ok());
        both.is_some_and(|(exact, tree)| items.replace_last(wire, exact, tree))
    }

    fn value(&mut self, key: Key, items: &mut MapItems) -> Result<ValueIndex, Reason> {
        if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == key) {
            return *value;
        }
        let value = self.make(key).map(|value| items.add_value(value));
        self.known.push((key, value));
        value
    }

    fn make(&self, (action, scope, rank): Key) -> Result<ItemValue, Reason> {
        let mut bytes: Box<[u8]> = self.base.into();
        match action {
            Some(Action::Passthru) => {
                bytes.fill(0);
                self.encoder.write_action(Action::Passthru, &mut bytes)?;
            }
            Some(action) if !self.has_fields => self.encoder.write_action(action, &mut bytes)?,
            _ => {}
        }
        self.encoder.write_scope(scope, &mut bytes)?;
        Ok(ItemValue {
            source: self.first.saturating_add(rank),
            // FIELD=VALUE may say that all names match exactly.
            scope: self.encoder.scope(&bytes).unwrap_or(scope),
            bytes,
        })
    }
}
