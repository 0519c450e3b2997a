//! Reads a table. Damaged parts give wrong names or none, never more than there is room for.

use super::bloom;
use super::hash::Hashed;
use super::lines::{self, second_line};
use super::parts::{Field, LINE, Parts};
use super::record::{Content, Half, Record, write_rule};
use super::scope::Scope;
use super::wire::{MAX_NAME, labels, suffixes};
use super::writer::lower_least;
use crate::base::capacity::MAX_VALUE;
use crate::table::{Leaf, Source, ValueLayout};

/// An entry found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// As programs see it. The number of a light entry is the place of its counter in `NAME_records`, that of a full entry
    /// the place of its value in `NAME_rules`.
    pub leaf: Leaf,
    /// Names that the entry matches.
    pub scope: Scope,
    /// The list of the entry.
    pub source: Source,
    /// Bytes of the entry's name in wire format: it is the end of the name asked for.
    pub size: u8,
}

/// An entry visited.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// As in [`Match`].
    pub leaf: Leaf,
    /// The name in wire format, without the root label.
    pub wire: &'a [u8],
    /// Names that the entry matches.
    pub scope: Scope,
    /// The list of the entry.
    pub source: Source,
    /// The value with its current counters.
    pub value: &'a [u8],
}

/// Writes the value of a half to `value` if the record has that half.
fn matched(
    parts: &Parts,
    layout: &ValueLayout,
    record: &Record,
    half: Half,
    value: &mut [u8],
) -> Option<Match> {
    if !record.head.has(half) {
        return None;
    }
    let (leaf, scope) = (record.leaf(parts, half), record.head.scope(half));
    parts.value(leaf, layout, value);
    scope.put(layout, value);
    Some(Match {
        leaf,
        scope,
        source: record.head.source(half),
        size: u8::try_from(record.head.size()).unwrap_or(0),
    })
}

/// The entry of a name; of two entries that of the lower source. `value` has the layout's size.
pub fn find(parts: &Parts, layout: &ValueLayout, wire: &[u8], value: &mut [u8]) -> Option<Match> {
    let name = Hashed::new(parts.secrets(Field::Secrets), wire);
    let (_, record) = lines::find(parts, &name, wire.len())?;
    let halves = Half::BOTH.into_iter().filter(|half| record.head.has(*half));
    let half = halves.min_by_key(|half| record.head.source(*half))?;
    matched(parts, layout, &record, half, value)
}

/// The entry that decides about a query for `wire`, without decisions. Capitals count as small letters.
pub fn deciding(
    parts: &Parts,
    layout: &ValueLayout,
    wire: &[u8],
    value: &mut [u8],
) -> Option<Match> {
    let count = u64::from(labels(wire)?);
    let least = parts.get(Field::Least);
    let name = Hashed::new(parts.secrets(Field::Secrets), wire);
    let tested = || {
        let suffixes = suffixes(wire).zip((0..=count).rev());
        suffixes.take_while(|(_, labels)| *labels >= least)
    };
    // The Bloom filter has all suffixes of what it has: only names behind the last miss may be listed.
    let misses = tested().enumerate();
    let misses = misses.filter(|(_, (suffix, _))| !bloom::has(parts, name.suffix(suffix.len())));
    let behind = misses.last().map_or(0, |(index, _)| index + 1);
    tested().skip(behind).find_map(|(suffix, _)| {
        let (_, record) = lines::find(parts, &name, suffix.len())?;
        let is_whole = suffix.len() == wire.len();
        let half = if is_whole { Half::Name } else { Half::Below };
        matched(parts, layout, &record, half, value)
    })
}

/// Visits all entries, in no order.
pub fn each(parts: &Parts, layout: &ValueLayout, visit: &mut dyn FnMut(&Entry)) {
    let mut value = [0; MAX_VALUE];
    let value = value.get_mut(..layout.size).unwrap_or_default();
    let mut buffer = [0; MAX_NAME];
    for slot in lines::all_slots(parts) {
        let (print, at) = lines::entry(parts, slot);
        if at == 0 {
            continue;
        }
        if second_line(parts, print) == slot / LINE {
            let place = lines::occupant(parts, slot).map(|(place, _)| place);
            if place.is_some_and(|place| lines::is_copy(parts, slot, place)) {
                continue;
            }
        }
        let record = Record::read(parts, at);
        let wire = record.name(parts, &mut buffer);
        if labels(wire).is_none() {
            continue;
        }
        for half in Half::BOTH {
            if half == Half::Below && record.head.scope(half) == Scope::Tree {
                continue;
            }
            if let Some(found) = matched(parts, layout, &record, half, value) {
                visit(&Entry {
                    leaf: found.leaf,
                    wire,
                    scope: found.scope,
                    source: found.source,
                    value,
                });
            }
        }
    }
}

/// Copies the counters of entries that are the same in both tables: larger parts go on counting.
pub fn carry(from: &Parts, to: &Parts, layout: &ValueLayout) {
    let mut buffer = [0; MAX_NAME];
    let mut value = vec![0; layout.size];
    for slot in lines::all_slots(to) {
        let (_, at) = lines::entry(to, slot);
        let new = Record::read(to, at);
        let name = Hashed::new(from.secrets(Field::Secrets), new.name(to, &mut buffer));
        let Some((_, old)) = lines::find(from, &name, name.size()).filter(|_| at != 0) else {
            continue;
        };
        for half in Half::BOTH {
            match (old.content(from, half), new.content(to, half)) {
                (Some(before), Some(after)) if !before.is_same(after) => {}
                (Some(Content::Light { packets, .. }), Some(_)) => {
                    new.set_packets(to, half, packets);
                }
                (Some(Content::Full { .. }), Some(Content::Full { rule, .. })) => {
                    from.value(old.leaf(from, half), layout, &mut value);
                    write_rule(to, layout, rule, &value);
                }
                _ => {}
            }
        }
    }
}

/// The key of a name among the decisions: two hashes with independent secrets.
pub fn digest(parts: &Parts, wire: &[u8]) -> [u64; 2] {
    [Field::Secrets, Field::DigestSecrets]
        .map(|field| Hashed::new(parts.secrets(field), wire).suffix(wire.len().min(MAX_NAME)))
}

/// Makes the program look for decisions about a name. To be called before the decision is written. Returns false if `wire`
/// is no name.
pub fn admit(parts: &Parts, wire: &[u8]) -> bool {
    let Some(count) = labels(wire) else {
        return false;
    };
    lower_least(parts, u64::from(count));
    let name = Hashed::new(parts.secrets(Field::Secrets), wire);
    // All suffixes: when `Least` falls, the names of decisions are not at hand.
    bloom::add(parts, &name, wire, 1);
    true
}
