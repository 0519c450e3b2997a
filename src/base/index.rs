//! Places in a list, by key.

use std::collections::HashMap;

/// Places in a list, by key: a name, or the bytes of a value. One type for all lists keeps the binary small, since each
/// instance of a map is compiled code.
#[derive(Debug, Default)]
pub struct Index(HashMap<Box<[u8]>, usize>);

impl Index {
    /// The place of `key`.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<usize> {
        self.0.get(key.as_ref()).copied()
    }

    /// Sets the place of `key`.
    pub fn insert(&mut self, key: impl AsRef<[u8]>, place: usize) {
        self.0.insert(key.as_ref().into(), place);
    }
}
