//! The entries that the Corefile gives a map, as digests.

use std::hash::{Hash, Hasher as _};

use crate::base::digest::Digest;
use crate::plan::tables::PlannedTable;

/// Entries of one map as digests, sorted by key.
#[derive(Debug, Default, Hash, PartialEq, Eq)]
pub(super) struct EntryList(Vec<EntryDigest>);

/// Digests of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryDigest {
    /// Digest of the key.
    pub(super) key: u64,
    /// Digest of key and value.
    pub(super) whole: u64,
}

impl EntryDigest {
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

impl EntryList {
    /// Adds an entry. [`EntryList::sort`] ends a series.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.push(EntryDigest::of(key, value));
    }

    /// True if no line gives the map an entry.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if a line gives the map an entry of this key.
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        find(&self.0, EntryDigest::of(key, &[]).key).is_some()
    }

    /// Number of different keys in both lists together.
    pub(super) fn len_with(&self, other: &Self) -> usize {
        let both = self.0.iter().chain(&other.0);
        let mut keys: Vec<_> = both.map(|entry| entry.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    /// Sorts the entries by key. The last of several lines with the same key wins.
    pub(super) fn sort(&mut self) {
        self.0.reverse();
        self.0.sort_by_key(|entry| entry.key);
        self.0.dedup_by_key(|entry| entry.key);
    }

    /// The entries, sorted by key.
    pub(super) fn entries(&self) -> &[EntryDigest] {
        &self.0
    }
}

/// The entry of the sorted `list` whose key has the digest `key`.
pub(super) fn find(list: &[EntryDigest], key: u64) -> Option<EntryDigest> {
    let at = list.binary_search_by_key(&key, |entry| entry.key).ok()?;
    list.get(at).copied()
}

/// The entries of a table for the fingerprint: one digest of all of them.
pub(super) fn list_of(planned: &PlannedTable) -> EntryList {
    let mut list = EntryList::default();
    list.add(&planned.digest.to_ne_bytes(), &[]);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_of_a_key_wins() {
        let mut list = EntryList::default();
        for (key, value) in [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")] {
            list.add(key, value);
        }
        list.sort();
        let mut expected = [EntryDigest::of(b"a", b"2"), EntryDigest::of(b"b", b"1")];
        expected.sort_by_key(|entry| entry.key);
        assert_eq!(list.entries(), expected);
        assert!(list.has_key(b"a") && !list.has_key(b"c"));
    }
}
