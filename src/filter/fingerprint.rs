//! What a filter was made from, remembered as digests: so that a reload can tell what it changes from what it leaves
//! alone.
//!
//! Digests are not keyed anew by each process, since they outlive this one in the names of pinned maps. Nobody but the
//! Corefile's author chooses what goes into them.

use std::hash::{Hash, Hasher as _};
use std::rc::Rc;

use super::Context;
use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;

/// A digest of a program, its maps and their entries. It is the same for the same version of corexdp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u64);

impl Identity {
    /// Of maps that are being changed.
    pub(super) const MODIFIED: Self = Self(0);
}

/// What a filter was made from.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    pub(super) identity: Identity,
    /// A digest of program and maps; `None` where an earlier daemon read them, and the entries.
    code: Option<u64>,
    lists: Rc<Lists>,
}

/// The entries that the Corefile gives each of the object's maps.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<List>);

/// Those of one map, in the order of their lines.
#[derive(Debug, Default, Hash)]
pub(super) struct List(Vec<Digests>);

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Digests {
    pub(super) key: u64,
    /// Of key and value.
    pub(super) whole: u64,
}

impl Digests {
    pub(super) fn of(key: &[u8], value: &[u8]) -> Self {
        let mut hasher = Digest::default();
        hasher.write(key);
        let key = hasher.finish();
        hasher.write(value);
        Self {
            key,
            whole: hasher.finish(),
        }
    }
}

impl List {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.push(Digests::of(key, value));
    }

    /// How many keys there are in either list.
    pub(super) fn len_with(&self, other: &Self) -> usize {
        let both = self.0.iter().chain(&other.0);
        let mut keys: Vec<_> = both.map(|entry| entry.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    /// Sorted by key. Of several lines with the same key, the last counts.
    pub(super) fn sorted(&self) -> Vec<Digests> {
        let mut sorted = self.0.clone();
        sorted.reverse();
        sorted.sort_by_key(|entry| entry.key);
        sorted.dedup_by_key(|entry| entry.key);
        sorted
    }
}

impl Lists {
    /// Empty ones for the object's maps.
    pub(super) fn of(order: &Context<'_>) -> Self {
        Self(order.object.maps.iter().map(|_| List::default()).collect())
    }

    /// Those of a map, by its place among the object's.
    pub(super) fn put(&mut self, map: usize, list: List) {
        if let Some(place) = self.0.get_mut(map) {
            *place = list;
        }
    }
}

impl Fingerprint {
    /// Of a filter that this order makes, with these entries.
    pub(super) fn new(order: &Context<'_>, lists: Lists) -> Self {
        let mut hasher = Digest::default();
        order.object.code(&mut hasher);
        let code = hasher.finish();
        lists.0.hash(&mut hasher);
        // The one number that means something else.
        let identity = Identity(hasher.finish().max(1));
        Self {
            identity,
            code: Some(code),
            lists: Rc::new(lists),
        }
    }

    /// The entries of a map, by its place among the object's.
    pub(super) fn list(&self, map: usize) -> Option<&List> {
        self.lists.0.get(map)
    }

    /// Of what an earlier daemon made from something else.
    pub(super) fn foreign(identity: Identity) -> Self {
        Self {
            identity,
            code: None,
            lists: Rc::default(),
        }
    }

    /// Whether it is the same program with maps like these, be their entries what they may.
    pub(super) fn has_code_of(&self, other: &Self) -> bool {
        self.code.is_some() && self.code == other.code
    }
}

impl Context<'_> {
    /// What this filter will be made from.
    ///
    /// # Errors
    /// When a line was not checked.
    pub(super) fn origin(&self) -> Result<Fingerprint, Diagnostic> {
        let mut lists = Lists::of(self);
        for mut lines in self.lines() {
            let mut list = List::default();
            lines.each(|_, key, value| list.add(key, value))?;
            lists.put(lines.map, list);
        }
        Ok(Fingerprint::new(self, lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_lines_with_the_same_key_the_last_counts() {
        let mut list = List::default();
        for (key, value) in [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")] {
            list.add(key, value);
        }
        let mut expected = [Digests::of(b"a", b"2"), Digests::of(b"b", b"1")];
        expected.sort_by_key(|entry| entry.key);
        assert_eq!(list.sorted(), expected);
    }
}
