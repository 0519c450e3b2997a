//! The distinct values of a list: a million items share a handful.

use std::collections::BTreeMap;

/// Number of a value in its [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Distinct values of one size.
#[derive(Debug)]
pub struct Values {
    size: usize,
    /// The values, concatenated.
    bytes: Vec<u8>,
    ids: BTreeMap<Box<[u8]>, ValueId>,
}

impl Values {
    /// No values; each will have `size` bytes.
    pub const fn new(size: usize) -> Self {
        Self {
            size,
            bytes: Vec::new(),
            ids: BTreeMap::new(),
        }
    }

    /// The number of `value`, which is added if it is new. Only the first `size` bytes count; missing ones are 0.
    pub fn add(&mut self, value: &[u8]) -> ValueId {
        let value = value.get(..self.size).unwrap_or(value);
        if let Some(known) = self.ids.get(value) {
            return *known;
        }
        // The items that refer to values are counted in 32 bits, too.
        let id = ValueId(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        self.ids.insert(value.into(), id);
        self.bytes.extend_from_slice(value);
        self.bytes.resize((self.ids.len()) * self.size, 0);
        id
    }

    /// The bytes of a value; empty for an unknown number.
    pub fn get(&self, id: ValueId) -> &[u8] {
        let first = id.0 as usize * self.size;
        self.bytes.get(first..first + self.size).unwrap_or_default()
    }

    /// Number of distinct values.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let mut values = Values::new(4);
        let one = values.add(&[1, 2, 3, 4]);
        let two = values.add(&[5]);
        assert_eq!(values.add(&[1, 2, 3, 4]), one);
        assert_eq!(values.add(&[5]), two);
        assert_eq!(
            (values.get(one), values.get(two)),
            (&[1, 2, 3, 4][..], &[5, 0, 0, 0][..])
        );
        assert_eq!(values.len(), 2);
        assert_eq!(values.get(ValueId(9)), &[0; 0]);
    }
}
