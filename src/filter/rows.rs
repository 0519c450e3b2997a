//! Entries that were copied out of a map, or are to be copied into it.

use crate::kernel::map::Shape;

/// Keys and values, as the kernel copies them, one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    key_size: usize,
    copy_size: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
}

impl Rows {
    pub(super) fn of(shape: &Shape) -> Self {
        Self {
            key_size: shape.key_size,
            copy_size: shape.copy_size(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.keys.len() / self.key_size
    }

    /// Adds one. A value that is too short is filled up with zeros.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.keys.extend_from_slice(key);
        self.values.extend_from_slice(value);
        self.values.resize(self.len() * self.copy_size, 0);
    }

    pub(super) fn get(&self, row: usize) -> Option<(&[u8], &[u8])> {
        let key = self.keys.chunks_exact(self.key_size).nth(row)?;
        Some((key, self.values.chunks_exact(self.copy_size).nth(row)?))
    }
}
