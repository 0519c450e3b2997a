//! Changes a table in place while programs look names up.
//!
//! After each store, each name has its old or its new verdict. New and changed entries are written first, longest names
//! first: the entry that is to decide is there before an entry above it changes. Then entries that are no longer listed are
//! removed, shortest names first: what is below the removed entry already is new.

use super::build::least_labels;
use super::lines::{self, second_line};
use super::parts::{Field, LINE, Parts, is_intact};
use super::record::{Half, Record};
use super::set::NameSet;
use super::wire::{MAX_NAME, labels, reverse};
use super::writer::{Change, Writer, lower_least};
use crate::table::{NoRoom, ValueLayout, Values};

/// Entries that may be removed though they are more than those that stay. Beyond, the table is built anew, smaller.
const FEW: usize = 1024;

/// Takes an update back.
#[derive(Debug)]
#[must_use = "dropping it keeps the update"]
pub struct Undo {
    changes: Vec<Change>,
    /// Entries before the update.
    entries: u64,
}

impl Undo {
    /// Restores the previous entries with their counters. `grace` is that of [`update`].
    pub fn restore(self, parts: &Parts, grace: &mut dyn FnMut() -> bool) {
        for change in self.changes.iter().rev() {
            change.undo(parts, grace);
        }
        parts.set(Field::Entries, self.entries);
    }
}

/// Makes the table have the entries of `set`. Entries that do not change keep their records and counters. `grace` waits
/// until no packet that has arrived before is in a program; false if it cannot.
pub fn update(
    set: &NameSet,
    values: &Values,
    layout: &ValueLayout,
    parts: &Parts,
    grace: &mut dyn FnMut() -> bool,
) -> Result<Undo, NoRoom> {
    if !is_intact(parts, layout) {
        return Err(NoRoom);
    }
    let mut writer = Writer {
        parts,
        layout,
        values,
        grace: &mut *grace,
        changes: Some(Vec::new()),
        listed: vec![0; parts.lines.len().div_ceil(64)],
        residues: Vec::new(),
    };
    let result = run(&mut writer, set);
    let undo = Undo {
        changes: writer.changes.take().unwrap_or_default(),
        entries: parts.entries(),
    };
    if result.is_err() {
        undo.restore(parts, grace);
        return Err(NoRoom);
    }
    parts.set(Field::Entries, set.len() as u64);
    Ok(undo)
}

fn run(writer: &mut Writer, set: &NameSet) -> Result<(), NoRoom> {
    remove_copies(writer.parts);
    lower_least(writer.parts, least_labels(set));
    let depths = set
        .items()
        .iter()
        .fold(0, |all, item| all | bit(item.labels));
    let mut buffer = [0; MAX_NAME];
    for depth in depths_of(depths).rev() {
        for group in set.groups().filter(|group| group.labels == depth) {
            writer.write(&group, reverse(group.reversed, &mut buffer))?;
        }
    }
    remove_unlisted(writer, set.len())
}

const fn bit(labels: u8) -> u128 {
    1 << (labels & 127)
}

fn depths_of(depths: u128) -> impl DoubleEndedIterator<Item = u8> {
    (0..128).filter(move |depth| depths & bit(*depth) != 0)
}

/// Removes the copies that a killed writer has left in second lines.
fn remove_copies(parts: &Parts) {
    for slot in lines::all_slots(parts) {
        let (print, at) = lines::entry(parts, slot);
        if at == 0 || second_line(parts, print) != slot / LINE {
            continue;
        }
        let place = lines::occupant(parts, slot).map(|(place, _)| place);
        if place.is_some_and(|place| lines::is_copy(parts, slot, place)) {
            lines::put(parts, slot, 0, 0);
        }
    }
}

/// An entry, or a half of an entry, to be removed.
struct Removal {
    labels: u8,
    half: Option<Half>,
    /// Slot of the entry, or record of the half.
    at: u64,
}

fn remove_unlisted(writer: &mut Writer, kept: usize) -> Result<(), NoRoom> {
    let parts = writer.parts;
    let mut buffer = [0; MAX_NAME];
    let mut removals: Vec<Removal> = Vec::new();
    for residue in std::mem::take(&mut writer.residues) {
        removals.push(Removal {
            labels: residue.labels,
            half: Some(residue.half),
            at: residue.record,
        });
    }
    for slot in lines::all_slots(parts) {
        let (_, at) = lines::entry(parts, slot);
        if at == 0 || writer.is_marked(slot) {
            continue;
        }
        let wire = Record::read(parts, at).name(parts, &mut buffer);
        removals.push(Removal {
            labels: labels(wire).unwrap_or(0),
            half: None,
            at: slot,
        });
        if removals.len() > kept.max(FEW) {
            return Err(NoRoom);
        }
    }
    let depths = removals.iter().fold(0, |all, one| all | bit(one.labels));
    for depth in depths_of(depths) {
        for removal in removals.iter().filter(|one| one.labels == depth) {
            if let Some(half) = removal.half {
                let record = Record::read(parts, removal.at);
                writer.set_head(record, record.head.without(half));
            } else {
                writer.put(removal.at, 0, 0);
            }
        }
    }
    Ok(())
}
