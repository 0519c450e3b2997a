//! Lines of eight entries. An entry is the print of its name in the high half and the place of its record in the low half.
//!
//! An entry is in its first line or, if it did not fit there, in its second one. Bit 31 of a line's first word says that a
//! lookup must go on in the second line. The print alone gives the second line. No line has two equal prints, so a program
//! may combine matches of a line by OR.

use super::hash::{Hashed, Secrets};
use super::parts::{Field, LINE, Parts, read, write};
use super::record::Record;
use super::wire::MAX_NAME;

/// Bits of a record's place. 0 is no entry.
pub(super) const RECORD: u64 = 0x7fff_ffff;
const OVERFLOW: u64 = 0x8000_0000;
/// An odd multiplier, as the program's, from the golden ratio.
const SECOND: u32 = 0x9e37_79b1;

/// Lines of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) print: u32,
    pub(super) first: u64,
    pub(super) second: u64,
}

impl Place {
    pub(super) fn of(parts: &Parts, secrets: Secrets, hash: u64) -> Self {
        let place = secrets.place(hash);
        let print = u32::try_from(place >> 32).unwrap_or(0);
        Self {
            print,
            first: scale(place & 0xffff_ffff, parts),
            second: second_line(parts, print),
        }
    }

    /// The other line of an entry that is in `line`.
    pub(super) const fn other(self, line: u64) -> u64 {
        if line == self.first {
            self.second
        } else {
            self.first
        }
    }
}

pub(super) fn second_line(parts: &Parts, print: u32) -> u64 {
    scale(u64::from(print.wrapping_mul(SECOND)), parts)
}

/// A number below the number of lines, from a number of 32 bits.
fn scale(number: u64, parts: &Parts) -> u64 {
    number.wrapping_mul(parts.get(Field::Lines)) >> 32
}

/// All slots of the lines in use.
pub(super) fn all_slots(parts: &Parts) -> std::ops::Range<u64> {
    let used = parts.get(Field::Lines).saturating_mul(LINE);
    0..used.min(parts.lines.len() as u64)
}

/// The slots of a line.
pub(super) fn slots(line: u64) -> std::ops::Range<u64> {
    let first = line.saturating_mul(LINE);
    first..first.saturating_add(LINE)
}

/// The entry's print, and the place of its record or 0.
pub(super) fn entry(parts: &Parts, slot: u64) -> (u32, u64) {
    let word = read(parts.lines, slot);
    (u32::try_from(word >> 32).unwrap_or(0), word & RECORD)
}

/// The slot of `line` with `print`.
pub(super) fn with_print(parts: &Parts, line: u64, print: u32) -> Option<u64> {
    slots(line).find(|slot| {
        let (found, record) = entry(parts, *slot);
        found == print && record != 0
    })
}

pub(super) fn free_slot(parts: &Parts, line: u64) -> Option<u64> {
    slots(line).find(|slot| entry(parts, *slot).1 == 0)
}

fn overflows(parts: &Parts, line: u64) -> bool {
    read(parts.lines, slots(line).start) & OVERFLOW != 0
}

/// Stores an entry, or none if `record` is 0.
pub(super) fn put(parts: &Parts, slot: u64, print: u32, record: u64) {
    let word = read(parts.lines, slot) & OVERFLOW;
    let print = if record == 0 { 0 } else { print };
    write(
        parts.lines,
        slot,
        word | u64::from(print) << 32 | record & RECORD,
    );
}

/// Makes lookups in `line` go on in the second line.
pub(super) fn set_overflow(parts: &Parts, line: u64) {
    let first = slots(line).start;
    if !overflows(parts, line) {
        write(parts.lines, first, read(parts.lines, first) | OVERFLOW);
    }
}

/// Slot and record of the suffix of `size` bytes.
pub(super) fn find(parts: &Parts, name: &Hashed, size: usize) -> Option<(u64, Record)> {
    let secrets = parts.secrets(Field::Secrets);
    let place = Place::of(parts, secrets, name.suffix(size));
    let of_line = |line| {
        let slot = with_print(parts, line, place.print)?;
        let record = Record::read(parts, entry(parts, slot).1);
        record.is_of(parts, name, size).then_some((slot, record))
    };
    let second = || overflows(parts, place.first).then(|| of_line(place.second));
    of_line(place.first).or_else(|| second().flatten())
}

/// The place of the entry in a slot, and its record; `None` for an empty slot.
pub(super) fn occupant(parts: &Parts, slot: u64) -> Option<(Place, Record)> {
    let (_, at) = entry(parts, slot);
    if at == 0 {
        return None;
    }
    let record = Record::read(parts, at);
    let secrets = parts.secrets(Field::Secrets);
    let mut buffer = [0; MAX_NAME];
    let name = Hashed::new(secrets, record.name(parts, &mut buffer));
    Some((Place::of(parts, secrets, name.suffix(name.size())), record))
}

/// True if the entry is a copy, in its second line, of one in its first line. A writer that was killed while it moved an
/// entry leaves one.
pub(super) fn is_copy(parts: &Parts, slot: u64, place: Place) -> bool {
    !slots(place.first).contains(&slot) && with_print(parts, place.first, place.print).is_some()
}
