//! Makes the roots of a table lead to the nodes of its entries, whatever they led to before.
//!
//! 1. `plan` builds the nodes of each root and compares them with the present ones, which it marks as live.
//! 2. `has_room` computes whether the changes fit, one after the other, and back again.
//! 3. `make` writes the nodes to free lines and switches the roots, those that free lines first.

use super::chunk::{Chunks, Root, Roots};
use super::key::Family;
use super::lines::{Lines, Room};
use super::nodes::{self, MAX_NODES_IP6, Node};
use super::order::{Order, cover_of_ip4};
use super::parts::{Numbers, Parts};
use crate::table::NoRoom;

/// Waits until no packet reads what was replaced before; false if that is impossible.
pub(super) type Grace<'a> = &'a mut dyn FnMut() -> bool;

/// A root to be switched.
struct Change {
    family: Family,
    root: Root,
    /// Lines of the nodes before, and after.
    before: Room,
    after: Room,
}

/// The changes that make the table right.
pub(super) struct Plan<'a> {
    parts: Parts<'a>,
    numbers: Numbers,
    lines: Lines,
    changes: Vec<Change>,
}

const FAMILIES: [Family; 2] = [Family::Ip4, Family::Ip6];

impl<'a> Plan<'a> {
    /// The changes after which the roots lead to the entries in `order`.
    pub(super) fn new(parts: Parts<'a>, numbers: Numbers, order: &Order) -> Self {
        let mut plan = Self {
            parts,
            numbers,
            lines: Lines::new(parts.lines()),
            changes: Vec::new(),
        };
        for family in FAMILIES {
            plan.compare(order, family);
        }
        plan.lines.count();
        plan
    }

    /// True if the table is right already.
    pub(super) const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn compare(&mut self, order: &Order, family: Family) {
        let (parts, numbers) = (self.parts, self.numbers);
        let items = |at| order.item(&parts, numbers, family, at);
        let mut chunks = Chunks::new(family, &items);
        for root in roots(order, &parts, numbers, family, &items) {
            let present = parts.word(nodes::root(family, root.chunk));
            let mut before = Room::NONE;
            mark(&parts, &mut self.lines, present, MAX_NODES_IP6, &mut before);
            let wanted = chunks.build(&root);
            if !is_same(&parts, &chunks, present, wanted) {
                self.changes.push(Change {
                    family,
                    root,
                    before,
                    after: chunks.room(),
                });
            }
        }
    }

    /// True if the changes can be made, and taken back later.
    pub(super) fn has_room(&self) -> bool {
        let mut free = self.lines.free();
        let there = |change: &Change| (change.before, change.after);
        let back = |change: &Change| (change.after, change.before);
        fit(&self.changes, &mut free, &there) && fit(&self.changes, &mut free, &back)
    }

    /// Makes the changes.
    ///
    /// # Errors
    /// When `grace` fails. Each root leads either to its previous nodes or to the new ones.
    pub(super) fn make(&mut self, order: &Order, grace: Grace<'_>) -> Result<(), NoRoom> {
        let changes = std::mem::take(&mut self.changes);
        let (parts, numbers) = (self.parts, self.numbers);
        for grows in [false, true] {
            for family in FAMILIES {
                let items = |at| order.item(&parts, numbers, family, at);
                let mut chunks = Chunks::new(family, &items);
                let is_now = |change: &&Change| change.family == family && change.grows() == grows;
                for change in changes.iter().filter(is_now) {
                    let wanted = chunks.build(&change.root);
                    let mut free = self.lines.free();
                    if !free.take(chunks.room()) {
                        if !grace() {
                            return Err(NoRoom);
                        }
                        self.lines.recycle();
                    }
                    let code = write(&parts, &mut self.lines, &chunks, wanted).ok_or(NoRoom)?;
                    let at = nodes::root(family, change.root.chunk);
                    let before = parts.word(at);
                    parts.store_word(at, code);
                    replace(&parts, &mut self.lines, before, MAX_NODES_IP6);
                }
            }
        }
        Ok(())
    }
}

impl Change {
    const fn grows(&self) -> bool {
        self.after.size() > self.before.size()
    }
}

/// Fills the roots of a table without nodes.
///
/// # Errors
/// When the lines are too few.
pub(super) fn fill(parts: Parts<'_>, numbers: Numbers, order: &Order) -> Result<(), NoRoom> {
    let mut lines = Lines::new(parts.lines());
    lines.count();
    for family in FAMILIES {
        let items = |at| order.item(&parts, numbers, family, at);
        let mut chunks = Chunks::new(family, &items);
        for root in roots(order, &parts, numbers, family, &items) {
            let wanted = chunks.build(&root);
            let code = write(&parts, &mut lines, &chunks, wanted).ok_or(NoRoom)?;
            parts.store_word(nodes::root(family, root.chunk), code);
        }
    }
    Ok(())
}

fn roots<'a>(
    order: &'a Order,
    parts: &Parts<'_>,
    numbers: Numbers,
    family: Family,
    items: super::chunk::Items<'a>,
) -> Roots<'a> {
    let cover = match family {
        Family::Ip4 => {
            let above = |at| order.item(parts, numbers, Family::Ip6, at);
            cover_of_ip4(&above, order.ip6.len())
        }
        Family::Ip6 => 0,
    };
    Roots::new(items, order.of_family(family).len(), cover)
}

/// True if the changes fit into the free lines, with a grace period whenever none is free. `sides` gives the room of a
/// change before and after it.
fn fit(changes: &[Change], free: &mut Room, sides: &dyn Fn(&Change) -> (Room, Room)) -> bool {
    let mut replaced = Room::NONE;
    for grows in [false, true] {
        for change in changes {
            let (before, after) = sides(change);
            if (after.size() > before.size()) != grows {
                continue;
            }
            if !free.take(after) {
                // The halves of replaced lines count as halves, although two of them may be a line.
                free.join(std::mem::take(&mut replaced));
                if !free.take(after) {
                    return false;
                }
            }
            replaced.join(before);
        }
    }
    free.join(replaced);
    true
}

/// Marks the nodes below a code as live, and counts them. Nodes that are live already end the descent.
fn mark(parts: &Parts<'_>, lines: &mut Lines, code: u32, levels: usize, room: &mut Room) {
    let Some((node, half, levels)) = descend(parts, code, levels) else {
        return;
    };
    if lines.mark(node.kind, half) {
        room.add(node.kind);
        for child in node.codes() {
            mark(parts, lines, *child, levels, room);
        }
    }
}

/// Ends the life of the nodes below a code.
fn replace(parts: &Parts<'_>, lines: &mut Lines, code: u32, levels: usize) {
    let Some((node, half, levels)) = descend(parts, code, levels) else {
        return;
    };
    if lines.replace(node.kind, half) {
        for child in node.codes() {
            replace(parts, lines, *child, levels);
        }
    }
}

/// The node of a code, its half line, and the levels left below; `None` for a leaf, and too deep in a damaged table.
fn descend(parts: &Parts<'_>, code: u32, levels: usize) -> Option<(Node, u32, usize)> {
    let levels = levels.checked_sub(1)?;
    let (_, half) = nodes::node_of(code)?;
    Some((parts.node(code)?, half, levels))
}

/// True if the nodes below `present` are those below `wanted`.
fn is_same(parts: &Parts<'_>, chunks: &Chunks<'_>, present: u32, wanted: u32) -> bool {
    let (Some(mut old), Some(mut new)) = (parts.node(present), chunks.node(wanted)) else {
        return present == wanted && nodes::node_of(wanted).is_none();
    };
    let (old_codes, new_codes) = (old, new);
    old.codes_mut().fill(0);
    new.codes_mut().fill(0);
    if old != new {
        return false;
    }
    let mut checked = None;
    for codes in old_codes.codes().iter().zip(new_codes.codes()) {
        // Unused codes repeat the last one.
        if checked != Some(codes) && !is_same(parts, chunks, *codes.0, *codes.1) {
            return false;
        }
        checked = Some(codes);
    }
    true
}

/// Writes the nodes below a code of `chunks` to free lines. Returns the code of the written top.
fn write(parts: &Parts<'_>, lines: &mut Lines, chunks: &Chunks<'_>, code: u32) -> Option<u32> {
    let Some(mut node) = chunks.node(code) else {
        return Some(code);
    };
    let mut last = (0, 0);
    for child in node.codes_mut() {
        if *child != last.0 {
            last = (*child, write(parts, lines, chunks, *child)?);
        }
        *child = last.1;
    }
    let written = node.kind.code(lines.take(node.kind)?);
    parts.store_node(written, &node);
    Some(written)
}
