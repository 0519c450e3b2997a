//! The names of all lists of a map, sorted and merged.

use super::scope::Scope;
use super::wire::{MAX_NAME, labels, reverse};
use crate::table::{Source, ValueId};

/// An item of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Where the name begins among the bytes of all names.
    start: u32,
    pub(super) value: ValueId,
    pub(super) source: Source,
    pub(super) scope: Scope,
    size: u8,
    pub(super) labels: u8,
}

/// Result of [`NameSet::finish`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items that decide about a name.
    pub kept: u32,
    /// Items dropped because an item of a lower source matches all their names.
    pub covered: u32,
    /// Items dropped because the item above has the same source and value. Items of source 0 are never merged.
    pub merged: u32,
    /// Items dropped because their source has the same name before.
    pub duplicates: u32,
}

/// Names with the source and the value of each. 12 bytes and the name's bytes an item.
#[derive(Debug, Default)]
pub struct NameSet {
    /// Names with their labels in reverse order, so that names below a name begin with its bytes.
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Values of a name itself and of the names below, each with its source.
pub(super) type Halves = [Option<(Source, ValueId)>; 2];

/// All items of one name: one item, or two of different scope.
pub(super) struct Group<'a> {
    /// The name, labels in reverse order.
    pub(super) reversed: &'a [u8],
    pub(super) labels: u8,
    pub(super) halves: Halves,
    /// True if both halves are of one item.
    pub(super) is_tree: bool,
}

impl NameSet {
    /// No names.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Adds an item. `wire` is a name in wire format and in lower case, without the root label. Returns false if it is no
    /// such name or if there is no room.
    pub fn add(&mut self, wire: &[u8], scope: Scope, source: Source, value: ValueId) -> bool {
        let (Some(labels), Ok(start), Ok(size)) = (
            labels(wire),
            u32::try_from(self.bytes.len()),
            u8::try_from(wire.len()),
        ) else {
            return false;
        };
        let mut buffer = [0; MAX_NAME];
        self.bytes.extend_from_slice(reverse(wire, &mut buffer));
        self.items.push(Item {
            start,
            value,
            source,
            scope,
            size,
            labels,
        });
        true
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// The name of an item, labels in reverse order.
    pub(super) fn name(&self, item: &Item) -> &[u8] {
        name_of(&self.bytes, item)
    }

    /// Sorts the items and drops those that decide about no name. Call it once, after the last [`NameSet::add`].
    pub fn finish(&mut self) -> Counts {
        let Self { bytes, items } = self;
        items.sort_unstable_by(|a, b| {
            let names = name_of(bytes, a).cmp(name_of(bytes, b));
            // Of `entry` lines the last counts, of a list the first.
            let order = match a.source {
                0 => b.start.cmp(&a.start),
                _ => a.start.cmp(&b.start),
            };
            names.then(a.source.cmp(&b.source)).then(order)
        });
        let mut merge = Merge::new(bytes);
        let (mut first, mut kept) = (0, 0);
        while let Some(head) = items.get(first).copied() {
            let name = name_of(bytes, &head);
            let same = |item: &&Item| name_of(bytes, item) == name;
            let group = items.get(first..).unwrap_or_default();
            let count = group.iter().take_while(same).count();
            let pair = merge.group(group.get(..count).unwrap_or_default());
            for item in pair.into_iter().flatten() {
                if let Some(place) = items.get_mut(kept) {
                    *place = item;
                    kept += 1;
                }
            }
            first += count;
        }
        let mut counts = merge.counts;
        items.truncate(kept);
        items.shrink_to_fit();
        counts.kept = u32::try_from(kept).unwrap_or(u32::MAX);
        counts
    }

    /// The groups, in an order in which names below a name follow it.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let mut items = self.items.iter().peekable();
        std::iter::from_fn(move || {
            let item = items.next()?;
            let reversed = self.name(item);
            let value = |item: &Item| Some((item.source, item.value));
            let mut halves = [
                item.scope.has_name().then(|| value(item)).flatten(),
                item.scope.has_below().then(|| value(item)).flatten(),
            ];
            let of_name = |next: &&Item| next.scope == Scope::Below && self.name(next) == reversed;
            if let ([_, below], Some(next)) = (&mut halves, items.next_if(of_name)) {
                *below = value(next);
            }
            Some(Group {
                reversed,
                labels: item.labels,
                halves,
                is_tree: item.scope == Scope::Tree,
            })
        })
    }
}

fn name_of<'a>(bytes: &'a [u8], item: &Item) -> &'a [u8] {
    let start = item.start as usize;
    let name = bytes.get(start..start + usize::from(item.size));
    name.unwrap_or_default()
}

/// Drops items while the groups pass in order.
struct Merge<'a> {
    bytes: &'a [u8],
    /// Kept items for the names below the last name and below those above it.
    above: Vec<Item>,
    counts: Counts,
}

impl<'a> Merge<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            above: Vec::new(),
            counts: Counts {
                kept: 0,
                covered: 0,
                merged: 0,
                duplicates: 0,
            },
        }
    }

    /// The items to keep of all items of one name.
    fn group(&mut self, items: &[Item]) -> [Option<Item>; 2] {
        let (mut name, mut below): (Option<Item>, Option<Item>) = (None, None);
        for item in items {
            // An `entry` line replaces those of its key, whatever names they match.
            let kept = name.or(below);
            let is_key = item.source == 0 && kept.is_some();
            let takes_name = item.scope.has_name() && name.is_none() && !is_key;
            let takes_below = item.scope.has_below() && below.is_none() && !is_key;
            if takes_name {
                name = Some(*item);
            }
            if takes_below {
                below = Some(*item);
            }
            if !takes_name && !takes_below {
                let is_same = kept.is_some_and(|kept| kept.source == item.source);
                self.count(is_same, |counts| &mut counts.duplicates);
            }
        }
        let parent = items.first().and_then(|item| self.parent(item));
        let is_one = matches!((name, below), (Some(a), Some(b)) if a.start == b.start);
        let kept = [name, below].map(|half| half.filter(|item| !drops(parent, item)));
        for dropped in [name, below]
            .into_iter()
            .skip(usize::from(is_one))
            .flatten()
        {
            if let Some(parent) = parent.filter(|parent| drops(Some(*parent), &dropped)) {
                let is_same = parent.source == dropped.source;
                self.count(is_same, |counts| &mut counts.merged);
            }
        }
        if let [_, Some(below)] = kept {
            self.above.push(below);
        }
        self.joined(kept)
    }

    fn count(&mut self, is_same_source: bool, of: fn(&mut Counts) -> &mut u32) {
        if is_same_source {
            *of(&mut self.counts) += 1;
        } else {
            self.counts.covered += 1;
        }
    }

    /// The item that decides about `item`'s names if `item` is dropped.
    fn parent(&mut self, item: &Item) -> Option<Item> {
        let name = name_of(self.bytes, item);
        while let Some(last) = self.above.last() {
            if name.starts_with(name_of(self.bytes, last)) {
                return Some(*last);
            }
            self.above.pop();
        }
        None
    }

    /// One item for equal halves, else an item for each half.
    fn joined(&mut self, kept: [Option<Item>; 2]) -> [Option<Item>; 2] {
        let scoped = |item: Item, scope| Item { scope, ..item };
        match kept {
            [Some(name), Some(below)] if is_equal(&name, &below) => {
                if name.start != below.start {
                    self.counts.merged += 1;
                }
                [Some(scoped(name, Scope::Tree)), None]
            }
            [name, below] => [
                name.map(|item| scoped(item, Scope::Exact)),
                below.map(|item| scoped(item, Scope::Below)),
            ],
        }
    }
}

fn is_equal(a: &Item, b: &Item) -> bool {
    a.source == b.source && a.value == b.value
}

/// True if an item decides about no name because of the item above it.
fn drops(parent: Option<Item>, item: &Item) -> bool {
    parent.is_some_and(|parent| {
        parent.source < item.source || is_equal(&parent, item) && item.source != 0
    })
}
