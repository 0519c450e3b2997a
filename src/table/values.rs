//! The distinct values of a list: a million items share a handful.

use super::ValueLayout;
use crate::base::index::Index;

/// Number of a value in its [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Distinct values of one size.
#[derive(Debug)]
pub struct Values {
    size: usize,
    /// The values, concatenated.
    bytes: Vec<u8>,
    /// For each value, whether its entries are full whatever the value is.
    forced: Vec<bool>,
    ids: Index,
    forced_ids: Index,
}

impl Values {
    /// No values; each will have `size` bytes.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            bytes: Vec::new(),
            forced: Vec::new(),
            ids: Index::default(),
            forced_ids: Index::default(),
        }
    }

    /// The number of `value`, which is added if it is new. Only the first `size` bytes count; missing ones are 0.
    pub fn add(&mut self, value: &[u8]) -> ValueId {
        self.insert(value, false)
    }

    /// The number of a value whose entries are full: a metric reads another member than the action or `packets`.
    pub fn add_full(&mut self, value: &[u8]) -> ValueId {
        self.insert(value, true)
    }

    fn insert(&mut self, value: &[u8], forced: bool) -> ValueId {
        let value = value.get(..self.size).unwrap_or(value);
        let ids = if forced {
            &mut self.forced_ids
        } else {
            &mut self.ids
        };
        // The items that refer to values are counted in 32 bits, too.
        let id = |place| ValueId(u32::try_from(place).unwrap_or(u32::MAX));
        if let Some(known) = ids.get(value) {
            return id(known);
        }
        let new = self.forced.len();
        ids.insert(value, new);
        self.forced.push(forced);
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.forced.len() * self.size, 0);
        id(new)
    }

    /// The bytes of a value; empty for an unknown number.
    pub fn get(&self, id: ValueId) -> &[u8] {
        let first = id.0 as usize * self.size;
        self.bytes.get(first..first + self.size).unwrap_or_default()
    }

    /// The action of a light entry with this value; `None` if the entry is full.
    pub fn light_action(&self, id: ValueId, layout: &ValueLayout) -> Option<u32> {
        if self.forced.get(id.0 as usize) == Some(&true) {
            return None;
        }
        layout.light_action(self.get(id))
    }

    /// Number of distinct values.
    pub fn len(&self) -> usize {
        self.forced.len()
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.forced.is_empty()
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

    #[test]
    fn value_is_light_unless_a_metric_reads_it() {
        let layout = ValueLayout {
            size: 4,
            action: 1,
            packets: None,
            exact: None,
        };
        let mut values = Values::new(4);
        let (light, full, read) = (
            values.add(&[2, 0, 0, 0]),
            values.add(&[2, 1, 0, 0]),
            values.add_full(&[2, 0, 0, 0]),
        );
        let actions = [light, full, read].map(|id| values.light_action(id, &layout));
        assert_eq!(actions, [Some(2), None, None]);
        assert_eq!(values.add_full(&[2, 0, 0, 0]), read);
        assert_eq!(values.get(light), values.get(read));
    }
}
