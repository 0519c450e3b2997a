//! Changes a table in place, while packets are looked up in it.
//!
//! The order of the stores makes each of them right: a new entry gets a free number, its key, its counter and its value before
//! any root leads to it, and a number is free again only when no root does. Killed in between, the process leaves a table
//! in which each root leads to its previous entries or to its new ones; both are in use, and the next update frees those
//! that its list does not have.

use super::change::{Next, key_of, key_values};
use super::key::Family;
use super::order::Order;
use super::parts::{Numbers, Parts};
use super::set::PrefixSet;
use super::switch::Plan;
use crate::table::{Leaf, NoRoom, Source, ValueLayout, Values};

/// How to take an update back. The numbers of entries that it removed keep their keys, counters and values until the next
/// update.
#[derive(Debug, Default)]
pub struct Undo {
    added: Vec<u32>,
    removed: Vec<u32>,
    /// Entries whose source has changed, and the source before.
    sources: Vec<(u32, Source)>,
}

/// Changes the entries to those of `set`. An entry with the same prefix and value keeps its number and its counter.
///
/// # Errors
/// When lines or numbers are too few, also for taking the update back, or `grace` fails. No packet meets a change then,
/// unless `grace` succeeds first and fails later.
pub fn update(
    set: &PrefixSet,
    values: &Values,
    layout: &ValueLayout,
    parts: Parts<'_>,
    grace: &mut dyn FnMut() -> bool,
) -> Result<Undo, NoRoom> {
    let numbers = parts.numbers();
    let mut undo = Undo::default();
    let mut was_quiet = false;
    let mut quiet = || {
        was_quiet = was_quiet || grace();
        was_quiet.then_some(()).ok_or(NoRoom)
    };
    let order = renumber(set, values, layout, parts, numbers, &mut undo, &mut quiet)?;
    let mut plan = Plan::new(parts, numbers, &order);
    if !plan.is_empty() {
        quiet()?;
    }
    if !plan.has_room() {
        return Err(NoRoom);
    }
    set_used(parts, numbers, &undo.added, true);
    plan.make(&order, grace)?;
    set_used(parts, numbers, &undo.removed, false);
    for (leaf, source) in &mut undo.sources {
        swap_source(parts, numbers, Leaf(*leaf), source);
    }
    parts.store_entries(order.len());
    Ok(undo)
}

/// Finds the number of each item, or gives a free one and fills it. Notes in `undo` what comes and what goes.
fn renumber(
    set: &PrefixSet,
    values: &Values,
    layout: &ValueLayout,
    parts: Parts<'_>,
    numbers: Numbers,
    undo: &mut Undo,
    quiet: &mut dyn FnMut() -> Result<(), NoRoom>,
) -> Result<Order, NoRoom> {
    let key_values = key_values(values, layout);
    let before = Order::of(&parts, numbers, &|_| true);
    let mut next = Next::new(numbers);
    let mut order = Order::default();
    for family in [Family::Ip4, Family::Ip6] {
        let mut present = before.of_family(family).iter().copied().peekable();
        for at in 0..set.count(family) {
            let Some(item) = set.get(family, at) else {
                continue;
            };
            let key = key_of(&item, family, &key_values);
            let mut kept = None;
            while let Some(leaf) =
                present.next_if(|leaf| parts.place(numbers, Leaf(*leaf)).1 <= item.span)
            {
                // After a killed update, two entries may have the same prefix.
                match parts.key(numbers, Leaf(leaf)) {
                    Some(old)
                        if kept.is_none() && (old.prefix, old.value) == (key.prefix, key.value) =>
                    {
                        kept = Some(leaf);
                        if old.source != key.source {
                            undo.sources.push((leaf, key.source));
                        }
                    }
                    _ => undo.removed.push(leaf),
                }
            }
            let leaf = if let Some(kept) = kept {
                Leaf(kept)
            } else {
                quiet()?;
                let is_free = |leaf| parts.key(numbers, leaf).is_none();
                let leaf = next.take(family, key.value, &is_free).ok_or(NoRoom)?;
                parts.store_key(numbers, leaf, &key);
                if leaf.is_full() {
                    parts.store_rule(leaf, values.get(item.value));
                } else {
                    parts.store_packets(leaf, 0);
                }
                undo.added.push(leaf.0);
                leaf
            };
            order.of_family_mut(family).push(leaf.0);
        }
        undo.removed.extend(present);
    }
    Ok(order)
}

impl Undo {
    /// True if the update has given this number.
    fn has_added(&self, number: Leaf) -> bool {
        let found = self
            .added
            .binary_search_by_key(&by_number(number.0), |leaf| by_number(*leaf));
        found.is_ok()
    }

    /// Restores the entries from before the update, with their numbers and counters. False if `grace` fails.
    pub fn restore(mut self, parts: Parts<'_>, grace: &mut dyn FnMut() -> bool) -> bool {
        let numbers = parts.numbers();
        self.added.sort_unstable_by_key(|leaf| by_number(*leaf));
        set_used(parts, numbers, &self.removed, true);
        let order = Order::of(&parts, numbers, &|leaf| !self.has_added(leaf));
        let mut plan = Plan::new(parts, numbers, &order);
        let is_quiet = plan.is_empty() || grace();
        if !is_quiet || plan.make(&order, grace).is_err() {
            return false;
        }
        set_used(parts, numbers, &self.added, false);
        for (leaf, source) in &mut self.sources {
            swap_source(parts, numbers, Leaf(*leaf), source);
        }
        parts.store_entries(order.len());
        true
    }
}

/// Sorts full entries after light ones.
fn by_number(leaf: u32) -> (bool, u32) {
    (Leaf(leaf).is_full(), Leaf(leaf).number())
}

fn set_used(parts: Parts<'_>, numbers: Numbers, leaves: &[u32], is_used: bool) {
    for leaf in leaves {
        parts.set_used(numbers, Leaf(*leaf), is_used);
    }
}

/// Sets the source of an entry, and returns the one before in its place.
fn swap_source(parts: Parts<'_>, numbers: Numbers, leaf: Leaf, source: &mut Source) {
    if let Some(key) = parts.key(numbers, leaf) {
        parts.set_source(numbers, leaf, *source);
        *source = key.source;
    }
}
