//! Nodes and codes: the layout of the lines, which `bpf/prefix_table.h` reads.
//!
//! A code has its kind in bits 31 to 29, and for a node its number, counted in half lines of 32 bytes, below.
//!
//! | kind  | node | the code is |
//! | --- | --- | --- |
//! | LEAF  | none | a [`Leaf`](crate::table::Leaf) |
//! | SAME  | line | for the chunk that led here, a range line |
//! | NEXT  | line | for the next chunk, a range line |
//! | SMALL | half line | for the next chunk, a small range line |
//! | HOSTS | line | for the whole address, up to three IPv6 addresses |
//!
//! A range line has 11 codes and 10 starts of 16 bits; a small one has 5 codes, a free word and 4 starts. The code of a value
//! is the one whose index is the number of starts that are not above the value. Unused starts are 0xffff, and unused codes
//! repeat the last one. A hosts line has three addresses of two u64, their codes, and the code of all other addresses.

use super::key::{Family, chunk};

/// Words of a line.
pub(super) const LINE: usize = 16;
/// Words of a half line, the unit of a node's number.
pub(super) const HALF: usize = 8;
/// Lines of the roots of one family.
const ROOT_LINES: usize = 4096;
/// Line of the header.
const HEADER_LINE: usize = 2 * ROOT_LINES;
/// First word of the header.
pub(super) const HEADER: usize = HEADER_LINE * LINE;
/// First line of the nodes.
pub(super) const FIRST_LINE: usize = HEADER_LINE + 1;
/// Codes of a range line.
pub(super) const CODES: usize = 11;
/// Codes of a small range line.
pub(super) const SMALL_CODES: usize = 5;
/// Addresses of a hosts line.
pub(super) const HOSTS: usize = 3;

/// Maximum number of nodes from a root of IPv4 to a leaf. A chunk has at most 65,536 runs, so a tree of range lines has at
/// most 5 levels: the builder divides runs evenly into the fewest lines of at most 11 codes, and 11^5 is above 65,536. IPv4
/// has one chunk below its roots.
pub(super) const MAX_NODES_IP4: usize = 5;
/// The same of IPv6, which has 7 chunks below its roots.
pub(super) const MAX_NODES_IP6: usize = 7 * MAX_NODES_IP4;

/// Kind of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Same = 1,
    Next,
    Small,
    Hosts,
}

const KIND: u32 = 29;
const NUMBER: u32 = (1 << KIND) - 1;

impl Kind {
    /// Words of a node of this kind.
    pub(super) const fn words(self) -> usize {
        match self {
            Self::Small => HALF,
            Self::Same | Self::Next | Self::Hosts => LINE,
        }
    }

    /// The code of the node of this kind at the half line `half`.
    pub(super) const fn code(self, half: u32) -> u32 {
        (self as u32) << KIND | half & NUMBER
    }
}

/// Kind and half line of a code; `None` for a leaf. A kind that no table has is a leaf, too, which has no entry.
pub(super) const fn node_of(code: u32) -> Option<(Kind, u32)> {
    let kind = match code >> KIND {
        1 => Kind::Same,
        2 => Kind::Next,
        3 => Kind::Small,
        4 => Kind::Hosts,
        _ => return None,
    };
    Some((kind, code & NUMBER))
}

/// Word of the root of the addresses whose first chunk is `chunk`.
pub(super) const fn root(family: Family, chunk: u32) -> usize {
    match family {
        Family::Ip4 => chunk as usize,
        Family::Ip6 => ROOT_LINES * LINE + chunk as usize,
    }
}

/// A copy of a node; of a small one, the first half has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) words: [u32; LINE],
}

impl Node {
    /// A range node over `runs`, at most as many as the kind has codes: the code from each start on.
    pub(super) fn ranges(kind: Kind, runs: &[Run]) -> Self {
        let mut words = [0; LINE];
        let (codes, starts) = match kind {
            Kind::Small => (SMALL_CODES, 6),
            _ => (CODES, 11),
        };
        let last = runs.last().map_or(0, |run| run.code);
        for (at, word) in words.iter_mut().take(codes).enumerate() {
            *word = runs.get(at).map_or(last, |run| run.code);
        }
        let start = |at: usize| runs.get(at).map_or(0xffff, |run| run.start & 0xffff);
        for (at, word) in words.iter_mut().take(kind.words()).skip(starts).enumerate() {
            *word = start(2 * at + 1) | start(2 * at + 2) << 16;
        }
        Self { kind, words }
    }

    /// A hosts node: `others` is the code of all addresses that `hosts` does not list.
    pub(super) fn hosts(hosts: &[(u128, u32)], others: u32) -> Self {
        let mut words = [0; LINE];
        let (addresses, codes) = words.split_at_mut(4 * HOSTS);
        codes.fill(others);
        // The first address repeats in the rest.
        let listed = (0..HOSTS).filter_map(|at| hosts.get(at).or(hosts.first()));
        let places = addresses.chunks_exact_mut(4).zip(codes);
        for ((address, code), (place, code_place)) in listed.zip(places) {
            place.copy_from_slice(&host_words(*address));
            *code_place = *code;
        }
        Self {
            kind: Kind::Hosts,
            words,
        }
    }

    /// The codes. Unused ones repeat the one before.
    pub(super) fn codes(&self) -> &[u32] {
        let range = self.code_words();
        self.words.get(range).unwrap_or_default()
    }

    /// The codes, to be replaced.
    pub(super) fn codes_mut(&mut self) -> &mut [u32] {
        let range = self.code_words();
        self.words.get_mut(range).unwrap_or_default()
    }

    const fn code_words(&self) -> std::ops::Range<usize> {
        match self.kind {
            Kind::Same | Kind::Next => 0..CODES,
            Kind::Small => 0..SMALL_CODES,
            Kind::Hosts => 4 * HOSTS..LINE,
        }
    }

    /// The code of an address, whose chunk for this node is `level`.
    fn decide(&self, address: u128, level: u32) -> u32 {
        if self.kind == Kind::Hosts {
            let wanted = host_words(address);
            let hosts = self.words.chunks_exact(4).take(HOSTS);
            let at = hosts.take_while(|host| **host != wanted).count();
            return self.codes().get(at).copied().unwrap_or(0);
        }
        let starts = if self.kind == Kind::Small { 6 } else { 11 };
        let starts = self
            .words
            .get(starts..self.kind.words())
            .unwrap_or_default();
        let key = chunk(address, level);
        let starts = starts.iter().flat_map(|word| [word & 0xffff, word >> 16]);
        let rank = starts.filter(|start| *start <= key).count();
        self.codes().get(rank).copied().unwrap_or(0)
    }
}

/// Values of a chunk from `start` to the next run have this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) code: u32,
}

/// An address as two u64 in host order, the high one first, as words in memory.
fn host_words(address: u128) -> [u32; 4] {
    let half = |bits: u128| {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
        let [a, b, c, d, rest @ ..] = (bits as u64).to_ne_bytes();
        [[a, b, c, d], rest].map(u32::from_ne_bytes)
    };
    let [[a, b], [c, d]] = [half(address >> 64), half(address)];
    [a, b, c, d]
}

/// Follows the codes from `code`, of a root, to the leaf of an address; 0 if that does not end, as in a damaged table.
/// `node` reads a node.
pub(super) fn decide(
    code: u32,
    family: Family,
    address: u128,
    node: &dyn Fn(u32) -> Option<Node>,
) -> u32 {
    let (mut code, mut level) = (code, 0);
    let bound = match family {
        Family::Ip4 => MAX_NODES_IP4,
        Family::Ip6 => MAX_NODES_IP6,
    };
    for _ in 0..bound {
        let Some(node) = node(code) else { break };
        if matches!(node.kind, Kind::Next | Kind::Small) {
            level = (level + 1) % 8;
        }
        code = node.decide(address, level);
    }
    match node_of(code) {
        None if code >> KIND == 0 => code,
        _ => 0,
    }
}
