//! Entries of tables that new decisions override although their action differs, such as those of a never-block list.

use std::cmp::Ordering;

use nix::errno::Errno;

use super::explain::described;
use super::{Done, Item, NAMED, Options};
use crate::base::escape::Plain;
use crate::base::quantity::Quantity;
use crate::commands::open_map::OpenMap;
use crate::commands::test::origin::{Origins, Wanted};
use crate::commands::test::table::listed;
use crate::control::changes::Outcome;
use crate::encode::{WIRE_SIZE, name_to_wire, write_wire};
use crate::filter::{Content, Parts, RunningTable};
use crate::table::names;
use crate::table::prefix::{self, Prefix};
use crate::table::{Source, ValueLayout};

/// A new decision.
struct Added<'a> {
    item: &'a Item,
    /// The network, or the name in wire format, by which decisions are sorted.
    subject: Subject,
    /// True after an overridden entry was named.
    is_named: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Network(Prefix),
    Name(Vec<u8>),
}

/// Takes a decision, and an entry that it overrides.
type Visit<'a> = dyn FnMut(&mut Added<'_>, &Wanted<'_>) + 'a;

/// Warns of the decisions that were made and override an entry of another action.
pub(super) fn warn(
    options: &Options,
    maps: &[OpenMap<'_>],
    items: &[Item],
    origins: &Origins<'_>,
    done: &mut Done,
) {
    let (mut named, mut others) = (0, 0);
    for (number, map) in maps.iter().enumerate() {
        let Content::Table(table) = &map.content else {
            continue;
        };
        let is_made = |item: &&Item| {
            item.target == number && item.value.is_some() && item.outcome == Some(Outcome::Done)
        };
        let added: Vec<_> = items.iter().filter(is_made).map(Added::new).collect();
        if added.is_empty() {
            continue;
        }
        // The decisions are made; a table that cannot be read only lacks the warnings.
        let _ = overridden(table, added, &mut |added, entry| {
            if added.is_named || named == NAMED {
                others += 1;
                return;
            }
            added.is_named = true;
            named += 1;
            let item = added.item;
            let entry = described(map, table.layout(), origins, entry);
            let decision = Plain(&item.saved.key);
            let message = format!("warning: {decision} overrides {entry}");
            done.write(options, item.line, &message);
        });
    }
    if others > 0 {
        let others = Quantity(others, "more entry");
        let message = format!("warning: decisions override {others} of other actions");
        done.write(options, 0, &message);
    }
}

impl<'a> Added<'a> {
    fn new(item: &'a Item) -> Self {
        let subject = if let Some(prefix) = Prefix::from_key(&item.key) {
            Subject::Network(prefix)
        } else {
            let mut wire = [0; WIRE_SIZE];
            Subject::Name(name_to_wire(&item.key, &mut wire).to_vec())
        };
        Self {
            item,
            subject,
            is_named: false,
        }
    }

    /// Bits of the network; `None` for an address, which contains no networks.
    fn length(&self) -> Option<u8> {
        match self.subject {
            Subject::Network(prefix) if prefix.length < 128 => Some(prefix.length),
            _ => None,
        }
    }

    /// Calls `visit` if the action of the entry differs.
    fn compare(&mut self, layout: &ValueLayout, entry: &Wanted<'_>, visit: &mut Visit<'_>) {
        let decided = self.item.value.as_deref().unwrap_or_default();
        if decided.get(..layout.action) != entry.value.get(..layout.action) {
            visit(self, entry);
        }
    }
}

fn overridden(
    table: &RunningTable,
    mut added: Vec<Added<'_>>,
    visit: &mut Visit<'_>,
) -> Result<(), Errno> {
    let mapped = table.map_parts()?;
    let (parts, layout) = (mapped.parts()?, table.layout());
    for one in &mut added {
        let Some(listed) = listed(table, parts, &one.item.key)? else {
            continue;
        };
        let is_within = match (&one.subject, Prefix::from_key(&listed.key)) {
            (Subject::Network(network), Some(listed)) => network.length < listed.length,
            _ => false,
        };
        // A line about a smaller network is preferred to the decision; for lists see `within_networks`.
        if !is_within {
            one.compare(layout, &listed.wanted(), visit);
        }
    }
    added.sort_unstable_by(|one, next| {
        let lines = one.item.line.cmp(&next.item.line);
        one.subject.cmp(&next.subject).then(lines)
    });
    match parts {
        Parts::Prefixes(parts) => within_networks(parts, layout, &mut added, visit),
        Parts::Names(parts) => below_names(&parts, table, &mut added, visit),
    }
    Ok(())
}

/// Compares the networks of lists within networks that decisions are about. `added` is sorted.
fn within_networks(
    parts: prefix::Parts<'_>,
    layout: &ValueLayout,
    added: &mut [Added<'_>],
    visit: &mut Visit<'_>,
) {
    let mut lengths: Vec<_> = added.iter().filter_map(Added::length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    if lengths.is_empty() {
        return;
    }
    let mut value = vec![0; layout.size];
    prefix::each(parts, &mut |entry| {
        let shorter = lengths
            .iter()
            .filter(|length| **length < entry.prefix.length);
        for length in shorter.filter(|_| is_of_list(entry.source)) {
            let network = Prefix::new(entry.prefix.address, *length);
            let compare = |subject: &Subject| match subject {
                Subject::Network(other) => other.cmp(&network),
                Subject::Name(_) => Ordering::Greater,
            };
            if let Some(one) = find(added, compare) {
                parts.value(entry.leaf, layout, &mut value);
                let wanted = Wanted {
                    key: &entry.prefix.to_key(),
                    value: &value,
                    source: Some(entry.source),
                };
                one.compare(layout, &wanted, visit);
            }
        }
    });
}

/// Compares the names of lists below names that decisions are about. `added` is sorted.
fn below_names(
    parts: &names::Parts<'_>,
    table: &RunningTable,
    added: &mut [Added<'_>],
    visit: &mut Visit<'_>,
) {
    let (layout, mut key) = (table.layout(), vec![0; table.shape().key_size]);
    names::each(parts, layout, &mut |entry| {
        let above = names::suffixes(entry.wire).filter(|name| name.len() < entry.wire.len());
        for name in above.filter(|_| is_of_list(entry.source)) {
            let compare = |subject: &Subject| match subject {
                Subject::Network(_) => Ordering::Less,
                Subject::Name(other) => other.as_slice().cmp(name),
            };
            if let Some(one) = find(added, compare)
                && write_wire(entry.wire, &mut key).is_ok()
            {
                let wanted = Wanted {
                    key: &key,
                    value: entry.value,
                    source: Some(entry.source),
                };
                one.compare(layout, &wanted, visit);
            }
        }
    });
}

const fn is_of_list(source: Source) -> bool {
    source > 0
}

fn find<'d, 'a>(
    added: &'d mut [Added<'a>],
    compare: impl Fn(&Subject) -> Ordering,
) -> Option<&'d mut Added<'a>> {
    let found = added.binary_search_by(|one| compare(&one.subject)).ok()?;
    added.get_mut(found)
}
