//! Random numbers, derived from libFuzzer's seed.

/// A pseudorandom generator (xorshift64).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u32) -> Self {
        // The state must not be 0. The first rounds separate the sequences of adjacent seeds.
        let mut chance = Self(u64::from(seed) << 1 | 1);
        for _ in 0..4 {
            chance.next();
        }
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).map_or(0, |number| number % end.max(1))
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A seed for another generator.
    pub(super) fn seed(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or_default()
    }
}
