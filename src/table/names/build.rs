//! Measures and builds a table.

use super::parts::{Field, LINE, NO_NAMES, Parts, SHAPE_WORDS, rule_words, write};
use super::record::record_words;
use super::set::NameSet;
use super::wire::{MAX_NAME, reverse, suffixes};
use super::writer::Writer;
use crate::table::{NoRoom, ValueLayout, Values};

/// Entries of a line that are filled, in hundredths. Fuller lines leave no place to some entry.
const LINE_FILL: u64 = 656;
/// Bits of the Bloom filter for a suffix: 1 to 2 in 100 other names pass the filter.
const BLOOM_BITS: u64 = 12;
/// Secrets that are tried before a list has no room.
const TRIES: u64 = 16;
const PAGE: u64 = 4096;

/// `max_entries` of the maps of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of `NAME`.
    pub lines: u32,
    /// Of `NAME_bloom`.
    pub bloom: u32,
    /// Of `NAME_records`.
    pub records: u32,
    /// Of `NAME_rules`.
    pub rules: u32,
    /// Memory of all maps in bytes, decisions not included.
    pub bytes: u64,
}

/// Adds an eighth and `least` for later updates.
const fn with_slack(count: u64, least: u64) -> u64 {
    count + count / 8 + least
}

/// Sizes for a finished set, with room for updates.
pub fn measure(set: &NameSet, values: &Values, layout: &ValueLayout) -> Sizes {
    let is_full = |value| values.light_action(value, layout).is_none();
    let least = least_labels(set);
    let (mut names, mut records, mut rules, mut ends) = (0, 0, 0, 0);
    let mut previous: &[u8] = &[];
    for group in set.groups() {
        let halves = group.halves.iter().flatten();
        let count = halves.clone().filter(|half| is_full(half.1)).count() as u64;
        let is_pair = halves.count() == 2 && !group.is_tree;
        names += 1;
        rules += if group.is_tree { count.min(1) } else { count };
        records += record_words(group.reversed.len(), is_pair);
        let known = common_labels(previous, group.reversed).max(least - 1);
        ends += u64::from(group.labels).saturating_sub(known);
        previous = group.reversed;
    }
    let pages = |entries: u64, size: u64| (entries * size).div_ceil(PAGE) * PAGE;
    let lines = with_slack(names, 32) * 100 / LINE_FILL + 1;
    let bloom = with_slack(ends, 64) * BLOOM_BITS / 64 + 1;
    let records = with_slack(records, 512) + 1;
    let rules = with_slack(rules, 16) + 1;
    let entries = |count| u32::try_from(count).unwrap_or(u32::MAX);
    Sizes {
        lines: entries(lines),
        bloom: entries(bloom),
        records: entries(records),
        rules: entries(rules),
        bytes: pages(lines, LINE * 8)
            + pages(bloom, 8)
            + pages(records, 8)
            + pages(rules, rule_words(layout) * 8)
            + pages(1, SHAPE_WORDS * 8),
    }
}

/// Labels of the name with the fewest labels; [`NO_NAMES`] without names.
pub(super) fn least_labels(set: &NameSet) -> u64 {
    let labels = set.items().iter().map(|item| u64::from(item.labels));
    labels.min().unwrap_or(NO_NAMES)
}

/// Number of labels that two reversed names have in common.
fn common_labels(a: &[u8], b: &[u8]) -> u64 {
    let label = |name: &[u8], rest: &[u8]| name.len() - rest.len();
    let ends = |name| suffixes(name).map(move |rest| label(name, rest));
    // Where the labels of both begin, and whether all before is equal.
    let both = ends(a).zip(ends(b)).skip(1);
    let same = both.take_while(|(at, of)| at == of && a.get(..*at) == b.get(..*of));
    let count = same.count() as u64;
    count + u64::from(!a.is_empty() && a.len() < b.len() && b.starts_with(a))
}

/// Builds a table in parts that are zero and have at least the sizes of [`measure`]. The seed is random.
pub fn build(
    set: &NameSet,
    values: &Values,
    layout: &ValueLayout,
    seed: &[u64; 6],
    parts: &Parts,
) -> Result<(), NoRoom> {
    let mut secrets = *seed;
    for _ in 0..TRIES {
        if try_build(set, values, layout, &secrets, parts).is_ok() {
            return Ok(());
        }
        clear(parts);
        for secret in &mut secrets {
            *secret = secret.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }
    Err(NoRoom)
}

fn try_build(
    set: &NameSet,
    values: &Values,
    layout: &ValueLayout,
    secrets: &[u64; 6],
    parts: &Parts,
) -> Result<(), NoRoom> {
    start(parts, secrets);
    parts.set(Field::Least, least_labels(set));
    let mut writer = Writer {
        parts,
        layout,
        values,
        grace: &mut || true,
        changes: None,
        listed: Vec::new(),
        residues: Vec::new(),
    };
    let mut buffer = [0; MAX_NAME];
    for group in set.groups() {
        writer.write(&group, reverse(group.reversed, &mut buffer))?;
    }
    parts.set(Field::Entries, set.len() as u64);
    Ok(())
}

/// Writes the shape of an empty table.
fn start(parts: &Parts, secrets: &[u64; 6]) {
    parts.set_secrets(secrets);
    parts.set(Field::BloomWords, parts.bloom.len() as u64);
    parts.set(Field::Lines, parts.lines.len() as u64 / LINE);
    parts.set(Field::Least, NO_NAMES);
    parts.set(Field::Records, 1);
    parts.set(Field::Rules, 1);
    parts.set(Field::Suffixes, 0);
    parts.set(Field::Entries, 0);
}

fn clear(parts: &Parts) {
    for words in [parts.lines, parts.bloom, parts.records, parts.rules] {
        for index in 0..words.len() as u64 {
            write(words, index, 0);
        }
    }
}
