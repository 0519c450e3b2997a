//! Mutates one section of an object, in place or moved to the end of the file.

use libfuzzer_sys::fuzzer_mutate;

use super::{Chance, btf, change_number, changed};
use crate::targets::elf::{HEADER, OFFSET, SIZE, Section, sections};

/// Mutates the object in the first `size` bytes of `data`; returns the new size, at most `max_size`.
pub fn change(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut chance = Chance::of(seed);
    let places: Vec<Place> = sections(&data[..size]).iter().map(Place::of).collect();
    if places.is_empty() || chance.below(16) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    if size > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    let place = chance.one_of(&places);
    match chance.below(8) {
        0 => {
            let field = place.header + 4 * chance.below(HEADER / 4);
            change_number(&mut data[field..field + 4], &mut chance);
            size
        }
        1 | 2 => append(data, size, max_size, place, &mut chance),
        3..=5 => {
            change_record(&mut data[place.offset..][..place.size], place, &mut chance);
            size
        }
        _ => {
            let new = content(
                &data[place.offset..][..place.size],
                place.size,
                place,
                &mut chance,
            );
            data[place.offset..place.offset + new.len()].copy_from_slice(&new);
            size
        }
    }
}

/// The place of a section and the size of its records.
#[derive(Clone, Copy)]
struct Place {
    header: usize,
    offset: usize,
    size: usize,
    /// Bytes of a record.
    record: usize,
    types: bool,
}

impl Place {
    fn of(section: &Section) -> Self {
        let record = match section.name {
            b".symtab" => 24,
            b".BTF" | b".BTF.ext" | b"maps" => 4,
            b".strtab" => 1,
            name if name.starts_with(b".rel") => 16,
            _ => 8,
        };
        Self {
            header: section.header,
            offset: section.offset,
            size: section.size,
            record,
            types: section.name == b".BTF",
        }
    }
}

/// The mutated content of a section, of at most `most` bytes.
fn content(old: &[u8], most: usize, place: Place, chance: &mut Chance) -> Vec<u8> {
    if !place.types {
        return changed(old, most);
    }
    let mut scratch = old.to_vec();
    scratch.resize(old.len().max(most), 0);
    let size = btf::change(&mut scratch, old.len(), most, chance.seed());
    scratch.truncate(size);
    scratch
}

/// Writes the mutated section to the end of the file, where it can grow.
fn append(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    place: Place,
    chance: &mut Chance,
) -> usize {
    let at = size.next_multiple_of(8);
    let room = max_size.saturating_sub(at).min(place.size + 64);
    if room < place.record {
        return fuzzer_mutate(data, size, max_size);
    }
    let old = data[place.offset..][..place.size].to_vec();
    let new = content(&old, room, place, chance);
    data[size..at].fill(0);
    data[at..at + new.len()].copy_from_slice(&new);
    for (field, value) in [(OFFSET, at), (SIZE, new.len())] {
        let field = place.header + field;
        data[field..field + 8].copy_from_slice(&(value as u64).to_le_bytes());
    }
    at + new.len()
}

/// Changes one field of a record, or overwrites a record with another.
fn change_record(section: &mut [u8], place: Place, chance: &mut Chance) {
    let records = section.len() / place.record;
    if records == 0 {
        return;
    }
    let at = place.record * chance.below(records);
    if chance.below(3) == 0 {
        let to = place.record * chance.below(records);
        section.copy_within(at..at + place.record, to);
        return;
    }
    let width = chance.one_of(&[1, 2, 4, 8]).min(place.record);
    let field = at + width * chance.below(place.record / width);
    change_number(&mut section[field..field + width], chance);
}
