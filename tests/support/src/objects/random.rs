//! Pseudo-random damage, the same in each run.

/// A pseudo-random generator (xorshift) with a fixed seed, so that each run is the same.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end.max(1)
    }

    /// Changes a few bytes, or truncates them.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let Some(from) = bytes.get_mut(at..).filter(|from| !from.is_empty()) else {
            return;
        };
        match self.below(16) {
            0 => bytes.truncate(at),
            1..=4 => {
                // A boundary value of a four-byte field.
                let values = [0, 1, 7, 0x7fff_ffff, 0x8000_0000, u32::MAX];
                let value = values[self.below(values.len())].to_le_bytes();
                from.iter_mut().zip(value).for_each(|(old, new)| *old = new);
            }
            5..=7 => from[0] ^= 1 << self.below(8),
            8 => {
                let length = self.below(64).min(from.len());
                from[..length].rotate_left(length / 2);
            }
            _ => from[0] = u8::try_from(self.next() & 0xff).unwrap(),
        }
    }
}
