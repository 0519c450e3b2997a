//! Writes the entries of a table, in an order that is right after each store.

use std::sync::atomic::AtomicU64;

use super::bloom;
use super::hash::Hashed;
use super::lines::{self, Place, RECORD};
use super::parts::{Field, LINE, NO_NAMES, Parts, read, write};
use super::record::{Content, Draft, Half, Head, Record, append_rule, value_digest};
use super::set::Group;
use super::wire::MAX_NAME;
use crate::table::{MAX_NUMBER, NoRoom, ValueId, ValueLayout, Values};

/// The word that a store has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    Entry,
    /// An entry that was copied here before another took its place.
    Copy,
    Head,
}

/// A word as it was before a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    changed: Changed,
    index: u32,
    before: u64,
}

impl Change {
    pub(super) fn undo(&self, parts: &Parts, grace: &mut dyn FnMut() -> bool) {
        let words = match self.changed {
            Changed::Entry => parts.lines,
            Changed::Head => parts.records,
            Changed::Copy => {
                // The entry is back at its place. A packet may have looked there before. Without grace, nothing has moved.
                grace();
                parts.lines
            }
        };
        write(words, u64::from(self.index), self.before);
    }
}

/// Values of a name, to be written: content of each half with its source.
type Halves = [Option<(u8, Content)>; 2];

/// A half of a record whose item is no longer listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residue {
    pub(super) labels: u8,
    pub(super) half: Half,
    pub(super) record: u64,
}

/// Writes items into parts.
pub(super) struct Writer<'a, 'p> {
    pub(super) parts: &'a Parts<'p>,
    pub(super) layout: &'a ValueLayout,
    pub(super) values: &'a Values,
    /// Waits until no packet is on its way through the lines.
    pub(super) grace: &'a mut dyn FnMut() -> bool,
    /// Changes that [`super::Undo`] takes back; `None` if none shall be.
    pub(super) changes: Option<Vec<Change>>,
    /// A bit for each slot whose entry is of the list that is written.
    pub(super) listed: Vec<u64>,
    pub(super) residues: Vec<Residue>,
}

impl Writer<'_, '_> {
    /// Writes the items of one name; `wire` is the name. Items of the name that are no longer listed stay as residues.
    pub(super) fn write(&mut self, group: &Group, wire: &[u8]) -> Result<(), NoRoom> {
        let name = Hashed::new(self.parts.secrets(Field::Secrets), wire);
        let found = lines::find(self.parts, &name, wire.len());
        let old: Halves = found.map_or([None; 2], |(_, record)| self.halves(&record));
        let wanted = self.wanted(group, &old);
        let target = [0, 1].map(|half| pick(&wanted, half).or(pick(&old, half)));
        let is_whole = wanted.iter().all(Option::is_some);
        let record = match found {
            Some((slot, record))
                if is_same(&target, &old)
                    && !(is_whole && group.is_tree == record.head.is_pair()) =>
            {
                self.set_sources(record, &target);
                self.mark(slot, true);
                record.at
            }
            _ => {
                let target = self.with_rules(target, group)?;
                let draft = Draft::new(wire.len(), target, is_whole && group.is_tree);
                let at = self.append(&draft, &name)?;
                bloom::add(self.parts, &name, wire, self.parts.get(Field::Least));
                if bloom::is_full(self.parts) {
                    return Err(NoRoom);
                }
                let place = Place::of(
                    self.parts,
                    self.parts.secrets(Field::Secrets),
                    name.suffix(wire.len()),
                );
                let slot = match found {
                    Some((slot, _)) => slot,
                    None => self.room(place)?,
                };
                self.put(slot, place.print, at);
                self.mark(slot, true);
                at
            }
        };
        for (index, half) in Half::BOTH.into_iter().enumerate() {
            if pick(&wanted, index).is_none() && pick(&old, index).is_some() {
                self.residues.push(Residue {
                    labels: group.labels,
                    half,
                    record,
                });
            }
        }
        Ok(())
    }

    fn halves(&self, record: &Record) -> Halves {
        Half::BOTH.map(|half| {
            let content = record.content(self.parts, half)?;
            Some((record.head.source(half), content))
        })
    }

    /// Contents of a group. The number of a new rule is still 0.
    fn wanted(&self, group: &Group, old: &Halves) -> Halves {
        [0, 1].map(|half| {
            let (source, value) = (*group.halves.get(half)?)?;
            let new = self.content(value);
            let kept = pick(old, half).filter(|(_, content)| content.is_same(new));
            Some((source, kept.map_or(new, |(_, content)| content)))
        })
    }

    fn content(&self, value: ValueId) -> Content {
        match self.values.light_action(value, self.layout) {
            Some(action) => Content::Light { action, packets: 0 },
            None => Content::Full {
                rule: 0,
                digest: value_digest(self.values.get(value)),
            },
        }
    }

    /// Appends the rules of new full entries.
    fn with_rules(&self, mut target: Halves, group: &Group) -> Result<Halves, NoRoom> {
        let mut shared = None;
        for (half, value) in target.iter_mut().zip(&group.halves) {
            let (Some((_, Content::Full { rule, .. })), Some((_, value))) = (half, value) else {
                continue;
            };
            if *rule == 0 {
                let appended = shared.filter(|_| group.is_tree);
                let append = || append_rule(self.parts, self.layout, self.values.get(*value));
                *rule = appended.or_else(append).ok_or(NoRoom)?;
                shared = Some(*rule);
            }
        }
        Ok(target)
    }

    /// Appends a record, to which no entry refers yet.
    fn append(&self, draft: &Draft, name: &Hashed) -> Result<u64, NoRoom> {
        let at = self.parts.get(Field::Records);
        let end = at.saturating_add(draft.words());
        if end > self.parts.records.len() as u64 || end > u64::from(MAX_NUMBER) {
            return Err(NoRoom);
        }
        draft.write(self.parts, at, name);
        self.parts.set(Field::Records, end);
        Ok(at)
    }

    fn set_sources(&mut self, record: Record, target: &Halves) {
        let mut head = record.head;
        for (half, value) in Half::BOTH.into_iter().zip(target) {
            if let Some((source, _)) = value {
                head = head.with_source(half, *source);
            }
        }
        self.set_head(record, head);
    }

    pub(super) fn set_head(&mut self, record: Record, head: Head) {
        if head != record.head {
            self.remember(Changed::Head, self.parts.records, record.at);
            write(self.parts.records, record.at, head.0);
        }
    }

    /// Stores an entry; `at` is the place of its record, 0 for none.
    pub(super) fn put(&mut self, slot: u64, print: u32, at: u64) {
        self.remember(Changed::Entry, self.parts.lines, slot);
        lines::put(self.parts, slot, print, at);
    }

    fn remember(&mut self, changed: Changed, words: &[AtomicU64], index: u64) {
        if let (Some(changes), Ok(at)) = (&mut self.changes, u32::try_from(index)) {
            changes.push(Change {
                changed,
                index: at,
                before: read(words, index),
            });
        }
    }

    /// A slot for a new entry: a free one, or that of an entry that moves to its other line.
    fn room(&mut self, place: Place) -> Result<u64, NoRoom> {
        let Place { first, second, .. } = place;
        let has_print = |line| lines::with_print(self.parts, line, place.print).is_some();
        if has_print(first) || has_print(second) {
            return Err(NoRoom);
        }
        if let Some(slot) = lines::free_slot(self.parts, first) {
            return Ok(slot);
        }
        lines::set_overflow(self.parts, first);
        if let Some(slot) = lines::free_slot(self.parts, second) {
            return Ok(slot);
        }
        let mut slots = lines::slots(first).chain(lines::slots(second));
        slots.find_map(|slot| self.move_away(slot)).ok_or(NoRoom)
    }

    /// Copies the entry of a slot to its other line, so that the slot may be overwritten.
    fn move_away(&mut self, slot: u64) -> Option<u64> {
        let (place, record) = lines::occupant(self.parts, slot)?;
        let line = place.other(slot / LINE);
        let to = lines::free_slot(self.parts, line)?;
        if lines::with_print(self.parts, line, place.print).is_some() {
            return None;
        }
        if line == place.second {
            lines::set_overflow(self.parts, place.first);
        }
        self.remember(Changed::Copy, self.parts.lines, to);
        lines::put(self.parts, to, place.print, record.at & RECORD);
        self.mark(to, self.is_marked(slot));
        (self.grace)().then_some(slot)
    }

    fn mark(&mut self, slot: u64, is_listed: bool) {
        let index = usize::try_from(slot / 64).ok();
        if let Some(word) = index.and_then(|at| self.listed.get_mut(at)) {
            *word = *word & !(1 << (slot % 64)) | u64::from(is_listed) << (slot % 64);
        }
    }

    pub(super) fn is_marked(&self, slot: u64) -> bool {
        let index = usize::try_from(slot / 64).ok();
        let word = index.and_then(|at| self.listed.get(at));
        word.is_some_and(|word| word >> (slot % 64) & 1 != 0)
    }
}

fn pick(halves: &Halves, half: usize) -> Option<(u8, Content)> {
    halves.get(half).copied().flatten()
}

/// True if both have the same halves, of the same values.
fn is_same(target: &Halves, old: &Halves) -> bool {
    target.iter().zip(old).all(|pair| match pair {
        (Some((_, target)), Some((_, old))) => target.is_same(*old),
        (None, None) => true,
        _ => false,
    })
}

/// Makes the Bloom filter have the suffixes of at least `least` labels of all names in the table.
pub(super) fn lower_least(parts: &Parts, least: u64) {
    let before = parts.get(Field::Least);
    if least >= before {
        return;
    }
    if before != NO_NAMES {
        let mut buffer = [0; MAX_NAME];
        for slot in lines::all_slots(parts) {
            let (_, at) = lines::entry(parts, slot);
            if at != 0 {
                let wire = Record::read(parts, at).name(parts, &mut buffer);
                let name = Hashed::new(parts.secrets(Field::Secrets), wire);
                bloom::add(parts, &name, wire, least);
            }
        }
    }
    parts.set(Field::Least, least);
}
