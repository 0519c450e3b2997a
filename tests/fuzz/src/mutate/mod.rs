//! Mutators of structured inputs: most of the structure stays valid, so that the parser reaches the changed part.
//!
//! Each function has the contract of a libFuzzer mutator: it changes the first `size` bytes of `data` and returns their
//! new number, at most `max_size`. Equal seeds give equal changes.

pub mod btf;
mod chance;
pub mod object;

use chance::Chance;
use libfuzzer_sys::fuzzer_mutate;

/// Boundary values of integers.
const BOUNDARIES: [u64; 14] = [
    0,
    1,
    2,
    4,
    8,
    0x1f,
    0xff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Changes the little-endian number in `field`.
fn change_number(field: &mut [u8], chance: &mut Chance) {
    let mut wide = [0; 8];
    for (to, from) in wide.iter_mut().zip(&*field) {
        *to = *from;
    }
    let old = u64::from_le_bytes(wide);
    let new = match chance.below(4) {
        0 => chance.one_of(&BOUNDARIES),
        1 => old.wrapping_add(chance.one_of(&BOUNDARIES[1..5])),
        2 => old.wrapping_sub(chance.one_of(&BOUNDARIES[1..5])),
        _ => old ^ 1 << chance.below(8 * field.len().clamp(1, 8)),
    };
    for (to, from) in field.iter_mut().zip(new.to_le_bytes()) {
        *to = from;
    }
}

/// Returns `part` as mutated by libFuzzer, of at most `most` bytes.
fn changed(part: &[u8], most: usize) -> Vec<u8> {
    if most == 0 {
        // libFuzzer rejects a maximum of 0 bytes.
        return Vec::new();
    }
    let mut scratch = part.to_vec();
    scratch.resize(part.len().max(most), 0);
    let size = fuzzer_mutate(&mut scratch, part.len().min(most), most);
    scratch.truncate(size);
    scratch
}
