//! The heaviest keys of a stream in a fixed number of entries, by the Space-Saving algorithm (Metwally, Agrawal and
//! El Abbadi: "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005), with weights (Berinde,
//! Indyk, Cormode and Strauss: "Space-optimal Heavy Hitters with Strong Error Bounds", 2010).
//!
//! A key without an entry takes the entry with the least bound, and inherits the bound. With `W` the weight of the stream:
//! - a key whose weight is above `W / CAPACITY` has an entry;
//! - the weight of a key with an entry is at least the sum of its verdicts, and exceeds the sum by at most `excess`;
//! - `excess` is at most `W / CAPACITY`.

use super::weights::{Weights, decay};
use crate::object::frame::sample::HEAD;

/// Maximum number of keys.
pub(super) const CAPACITY: usize = 512;

/// Bytes that identify a source, a name or a type.
pub(super) type Key = heapless::Vec<u8, HEAD>;

/// A key and its weight.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Hash of the key, compared first.
    hash: u32,
    /// Greatest possible weight of the key: the sum of `verdicts`, and `excess`.
    bound: u64,
    /// Apart from the numbers above, which each new sample reads for all entries.
    pub(super) counts: Box<Counts>,
}

/// The counts of a key.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) key: Key,
    /// Weights since the key got the entry.
    pub(super) verdicts: Weights,
    /// Weight that the key had at most before it got the entry.
    pub(super) excess: u64,
}

/// The heaviest keys.
#[derive(Debug)]
pub(super) struct Sketch {
    /// Weight of the stream.
    pub(super) total: Weights,
    /// At most [`CAPACITY`].
    entries: Vec<Entry>,
}

impl Sketch {
    pub(super) fn new() -> Self {
        Self {
            total: Weights::default(),
            entries: Vec::with_capacity(CAPACITY),
        }
    }

    /// Adds the weight of packets with this key and verdict. A key that is longer than a sample has no entry.
    pub(super) fn add(&mut self, key: &[u8], verdict: u16, weight: u64) {
        self.total.add(verdict, weight);
        let hash = hash(key);
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.has(hash, key)) {
            entry.bound = entry.bound.saturating_add(weight);
            entry.counts.verdicts.add(verdict, weight);
            return;
        }
        let Ok(key) = Key::from_slice(key) else {
            return;
        };
        let mut counts = Counts {
            key,
            verdicts: Weights::default(),
            excess: 0,
        };
        counts.verdicts.add(verdict, weight);
        if self.entries.len() < CAPACITY {
            self.entries.push(Entry {
                hash,
                bound: weight,
                counts: Box::new(counts),
            });
        } else if let Some(least) = self.entries.iter_mut().min_by_key(|entry| entry.bound) {
            counts.excess = least.bound;
            least.hash = hash;
            least.bound = least.bound.saturating_add(weight);
            *least.counts = counts;
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Entry> {
        let hash = hash(key);
        self.entries.iter().find(|entry| entry.has(hash, key))
    }

    /// Decays all weights, and removes entries without weight. Rounding loses less than four units of each weight over
    /// all calls.
    pub(super) fn decay(&mut self) {
        self.total.decay();
        for entry in &mut self.entries {
            let counts = &mut entry.counts;
            counts.verdicts.decay();
            decay(&mut counts.excess);
            entry.bound = counts.verdicts.sum().saturating_add(counts.excess);
        }
        self.entries.retain(|entry| entry.bound > 0);
    }
}

impl Entry {
    fn has(&self, hash: u32, key: &[u8]) -> bool {
        self.hash == hash && self.counts.key == key
    }
}

/// FNV-1a. Collisions only cost time: keys are compared too.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Numbers of xorshift64, drawn anew from each seed.
    fn numbers(mut state: u64) -> impl Iterator<Item = u64> {
        std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
    }

    /// Keys and weights of a stream: few heavy keys among a great many light ones.
    fn stream(seed: u64) -> Vec<(u16, u64)> {
        let draws = numbers(seed).map(|draw| {
            let key = match draw % 4 {
                0 => (draw >> 8) % 8,
                1 => 8 + (draw >> 8) % 300,
                _ => 308 + (draw >> 8) % 60_000,
            };
            (u16::try_from(key).unwrap(), 1 + (draw >> 32) % 1000)
        });
        draws.take(20_000).collect()
    }

    #[test]
    fn heavy_keys_have_entries_and_bounds_hold() {
        for seed in 1..6 {
            let (mut sketch, mut truth) = (Sketch::new(), HashMap::<u16, u64>::new());
            for (number, (key, weight)) in stream(seed).into_iter().enumerate() {
                sketch.add(
                    &key.to_be_bytes(),
                    u16::try_from(number % 7).unwrap(),
                    weight,
                );
                *truth.entry(key).or_default() += weight;
            }
            let total: u64 = truth.values().sum();
            let share = total / CAPACITY as u64;
            assert!(truth.len() > 10 * CAPACITY);
            assert_eq!(sketch.entries().len(), CAPACITY);
            let bounds: u64 = sketch.entries().iter().map(|entry| entry.bound).sum();
            assert_eq!((bounds, sketch.total.sum()), (total, total));
            for (key, weight) in &truth {
                match sketch.get(&key.to_be_bytes()) {
                    None => assert!(*weight <= share, "{key} weighs {weight} of {total}"),
                    Some(entry) => {
                        let least = entry.counts.verdicts.sum();
                        assert_eq!(entry.bound, least + entry.counts.excess);
                        assert!(
                            (least..=entry.bound).contains(weight),
                            "{entry:?}: {weight}"
                        );
                        assert!(entry.counts.excess <= share, "{entry:?}: {total}");
                    }
                }
            }
        }
    }

    #[test]
    fn weights_saturate() {
        let mut sketch = Sketch::new();
        for verdict in [1, 2, 1] {
            sketch.add(b"key", verdict, u64::MAX);
        }
        let entry = sketch.get(b"key").unwrap();
        assert_eq!(entry.bound, u64::MAX);
        assert_eq!(entry.counts.verdicts.sum(), u64::MAX);
    }

    #[test]
    fn weights_decay_until_the_entry_is_removed() {
        let mut sketch = Sketch::new();
        sketch.add(b"key", 1, 1 << 20);
        sketch.add(b"key", 2, 1 << 10);
        sketch.decay();
        let entry = sketch.get(b"key").unwrap();
        let verdicts = &entry.counts.verdicts;
        assert_eq!(verdicts.dropped(), 3 << 18);
        assert_eq!(verdicts.sum(), (3 << 18) + (3 << 8));
        for _ in 0..100 {
            sketch.decay();
        }
        assert!(sketch.entries().is_empty());
    }
}
