//! The nodes below a root, built in the memory of this process.

use super::key::{Family, Span};
use super::lines::Room;
use super::nodes::{self, CODES, HALF, HOSTS, Kind, LINE, Node, Run, SMALL_CODES};

/// Values of a chunk.
const VALUES: u32 = 1 << 16;
/// Bits of a chunk.
const BITS: u32 = 16;
/// The last chunk of an address.
const LAST_LEVEL: u32 = 7;

/// A network and the leaf of its entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) span: Span,
    pub(super) leaf: u32,
}

/// The networks of a family by index, sorted by address and length.
pub(super) type Items<'a> = &'a dyn Fn(usize) -> Item;

/// Values up to `end` have the code unless a longer network contains them.
#[derive(Clone, Copy, Debug)]
struct Open {
    end: u32,
    leaf: u32,
}

/// A root: the networks longer than 16 bits below it, and the leaf of all other addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) chunk: u32,
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) cover: u32,
}

/// The roots of a family, in order.
pub(super) struct Roots<'a> {
    items: Items<'a>,
    count: usize,
    at: usize,
    chunk: u32,
    cover: u32,
    open: Vec<Open>,
}

impl<'a> Roots<'a> {
    /// The roots of `count` networks. `cover` is the leaf of addresses in no network.
    pub(super) const fn new(items: Items<'a>, count: usize, cover: u32) -> Self {
        Self {
            items,
            count,
            at: 0,
            chunk: 0,
            cover,
            open: Vec::new(),
        }
    }
}

impl Iterator for Roots<'_> {
    type Item = Root;

    fn next(&mut self) -> Option<Root> {
        let chunk = Some(self.chunk).filter(|chunk| *chunk < VALUES)?;
        self.chunk += 1;
        while self.open.pop_if(|open| open.end <= chunk).is_some() {}
        let mut first = self.at;
        while self.at < self.count {
            let Item { span, leaf } = (self.items)(self.at);
            // A damaged list that is not sorted must not stop here forever.
            if span.chunk(0) > chunk {
                break;
            }
            self.at += 1;
            if u32::from(span.length) <= BITS {
                let end = chunk + (1 << (BITS - u32::from(span.length)));
                self.open.push(Open { end, leaf });
                first = self.at;
            }
        }
        let open = self.open.last();
        Some(Root {
            chunk,
            first,
            end: self.at,
            cover: open.map_or(self.cover, |open| open.leaf),
        })
    }
}

/// The nodes of one root. Their numbers are half lines in this memory.
pub(super) struct Chunks<'a> {
    family: Family,
    items: Items<'a>,
    /// Runs of the chunks under construction, the innermost last.
    runs: Vec<Run>,
    /// Networks that contain the current value, likewise.
    open: Vec<Open>,
    words: Vec<u32>,
    room: Room,
}

impl<'a> Chunks<'a> {
    /// No nodes.
    pub(super) const fn new(family: Family, items: Items<'a>) -> Self {
        Self {
            family,
            items,
            runs: Vec::new(),
            open: Vec::new(),
            words: Vec::new(),
            room: Room::NONE,
        }
    }

    /// Builds the nodes below a root instead of those built before. Returns the code of the root.
    pub(super) fn build(&mut self, root: &Root) -> u32 {
        self.words.clear();
        self.room = Room::NONE;
        if root.first == root.end {
            return root.cover;
        }
        self.chunk(root.first, root.end, 1, root.cover)
    }

    /// Lines and half lines of the nodes.
    pub(super) const fn room(&self) -> Room {
        self.room
    }

    /// The node of a code; `None` for a leaf.
    pub(super) fn node(&self, code: u32) -> Option<Node> {
        let (kind, half) = nodes::node_of(code)?;
        let first = half as usize * HALF;
        let stored = self.words.get(first..first + kind.words())?;
        let mut words = [0; LINE];
        words.get_mut(..stored.len())?.copy_from_slice(stored);
        Some(Node { kind, words })
    }

    fn push(&mut self, node: &Node) -> u32 {
        let half = u32::try_from(self.words.len() / HALF).unwrap_or(u32::MAX);
        let words = node.words.iter().take(node.kind.words());
        self.words.extend(words);
        self.room.add(node.kind);
        node.kind.code(half)
    }

    /// Builds the chunk `level` of the networks `first` to `end`, all longer than 16 * `level` bits and equal in these.
    fn chunk(&mut self, first: usize, end: usize, level: u32, cover: u32) -> u32 {
        if let Some(node) = self.hosts(first, end, level, cover) {
            return self.push(&node);
        }
        let (runs, open) = (self.runs.len(), self.open.len());
        let depth = BITS * (level + 1);
        let top = |chunks: &Self| chunks.open.get(open..).and_then(<[Open]>::last).copied();
        self.run(runs, 0, cover);
        let mut at = first;
        while at < end {
            let Item { span, leaf } = (self.items)(at);
            let value = span.chunk(level);
            self.close(runs, open, value, cover);
            if u32::from(span.length) <= depth || level == LAST_LEVEL {
                let size = 1 << depth.saturating_sub(span.length.into()).min(BITS);
                let end = value + size;
                self.run(runs, value, leaf);
                self.open.push(Open { end, leaf });
                at += 1;
                continue;
            }
            let mut next = at + 1;
            while next < end && (self.items)(next).span.chunk(level) == value {
                next += 1;
            }
            let over = top(self).map_or(cover, |open| open.leaf);
            let code = self.chunk(at, next, level + 1, over);
            self.run(runs, value, code);
            self.run(runs, value + 1, over);
            at = next;
        }
        self.close(runs, open, VALUES, cover);
        self.pack(runs)
    }

    /// Up to three single IPv6 addresses, instead of the nodes of their remaining chunks.
    fn hosts(&self, first: usize, end: usize, level: u32, cover: u32) -> Option<Node> {
        if self.family == Family::Ip4 || level == LAST_LEVEL || end - first > HOSTS {
            return None;
        }
        let mut hosts = [(0, cover); HOSTS];
        for (host, at) in hosts.iter_mut().zip(first..end) {
            let Item { span, leaf } = (self.items)(at);
            if span.length < 128 {
                return None;
            }
            *host = (span.address, leaf);
        }
        Some(Node::hosts(hosts.get(..end - first)?, cover))
    }

    /// Begins a run, unless the one before has the same code.
    fn run(&mut self, runs: usize, start: u32, code: u32) {
        let own = self.runs.len() - runs;
        if own > 0 && self.runs.last().is_some_and(|last| last.start == start) {
            self.runs.pop();
        }
        let is_same = self.runs.last().is_some_and(|last| last.code == code);
        if start < VALUES && !(is_same && self.runs.len() > runs) {
            self.runs.push(Run { start, code });
        }
    }

    /// Ends the networks that end at or before `value`.
    fn close(&mut self, runs: usize, open: usize, value: u32, cover: u32) {
        while self.open.len() > open {
            let Some(ended) = self.open.pop_if(|last| last.end <= value) else {
                break;
            };
            let over = self.open.get(open..).and_then(<[Open]>::last);
            let leaf = over.map_or(cover, |over| over.leaf);
            self.run(runs, ended.end, leaf);
        }
    }

    /// Replaces the runs from `first` on by nodes, from the lowest level up. Returns the code of the top.
    fn pack(&mut self, first: usize) -> u32 {
        loop {
            let count = self.runs.len() - first;
            if count == 1 {
                return self.runs.pop().map_or(0, |run| run.code);
            }
            let lines = count.div_ceil(CODES);
            let kind = match (lines, count) {
                (1, ..=SMALL_CODES) => Kind::Small,
                (1, _) => Kind::Next,
                _ => Kind::Same,
            };
            for line in 0..lines {
                let (from, to) = (
                    first + count * line / lines,
                    first + count * (line + 1) / lines,
                );
                let group = self.runs.get(from..to).unwrap_or_default();
                let start = group.first().map_or(0, |run| run.start);
                let node = Node::ranges(kind, group);
                let code = self.push(&node);
                if let Some(run) = self.runs.get_mut(first + line) {
                    *run = Run { start, code };
                }
            }
            self.runs.truncate(first + lines);
        }
    }
}
