//! Mutates a `.BTF` section and keeps its header consistent with its types and names.

use libfuzzer_sys::fuzzer_mutate;

use super::{Chance, change_number, changed};
use crate::targets::elf::number;

const HEADER: usize = 24;
const WORD: usize = 4;

/// Mutates the section `.BTF` of the first `size` bytes of `data`; returns the new size, at most `max_size`.
pub fn change(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut chance = Chance::of(seed);
    let parts = parts(&data[..size]).filter(|_| chance.below(8) > 0);
    let Some((types, names)) = parts else {
        return fuzzer_mutate(data, size, max_size);
    };
    let (mut types, mut names) = (types.to_vec(), names.to_vec());
    let room = max_size.saturating_sub(HEADER + types.len() + names.len());
    match chance.below(8) {
        0 => names = changed(&names, names.len() + room.min(32)),
        1 => {
            types = changed(&types, types.len() + room.min(64));
            types.truncate(types.len() / WORD * WORD);
        }
        _ => change_words(&mut types, room, &mut chance),
    }
    if HEADER + types.len() + names.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    write(data, &types, &names)
}

/// The types and the names, if the header has the layout of `write`.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.starts_with(&[0x9f, 0xeb, 1]).then_some(())?;
    let at = |field| number::<4>(bytes, field);
    let from = |offset: usize| bytes.get(HEADER.checked_add(offset)?..);
    let types = from(at(8)?)?.get(..at(12)?)?;
    let names = from(at(16)?)?.get(..at(20)?)?;
    (at(4)? == HEADER).then_some((types, names))
}

/// Changes a number, or inserts, copies or removes a run of words.
fn change_words(types: &mut Vec<u8>, room: usize, chance: &mut Chance) {
    let words = types.len() / WORD;
    if words == 0 {
        return;
    }
    let at = WORD * chance.below(words);
    let length = WORD * (1 + chance.below((words - at / WORD).min(8)));
    match chance.below(4) {
        0 if length <= room => {
            let run = types[at..at + length].to_vec();
            let to = WORD * chance.below(words + 1);
            types.splice(to..to, run);
        }
        1 => {
            let to = WORD * chance.below(words - length / WORD + 1);
            types.copy_within(at..at + length, to);
        }
        2 => drop(types.drain(at..at + length)),
        _ => {
            // A word packs several fields, such as kind and number of members, so a part of it is changed.
            let byte = chance.below(2 * WORD).min(WORD - 1);
            let width = if chance.below(2) == 0 { WORD - byte } else { 1 };
            change_number(&mut types[at + byte..at + byte + width], chance);
        }
    }
}

fn write(data: &mut [u8], types: &[u8], names: &[u8]) -> usize {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
    let words = [24, 0, length(types), length(types), length(names)];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        data[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&[0x9f, 0xeb, 1, 0]);
    for word in words {
        put(&word.to_le_bytes());
    }
    put(types);
    put(names);
    at
}
