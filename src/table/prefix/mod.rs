//! The prefix table: networks of both families, the longest prefix of an address first.
//!
//! The address is read in *chunks* of 16 bits. The first chunk selects a *root*, a code of 32 bits; each further chunk is
//! searched in a tree of *nodes*, whose starts divide its 65,536 values into runs of one code each. So a prefix adds at most
//! two runs to a chunk, and memory is bounded by the list. `nodes.rs` has the layout, and `bpf/prefix_table.h` the lookup of
//! a program.
//!
//! A table is changed in place. The nodes below a root are never changed: their successors are written to free lines, and
//! one store of the root switches to them. A packet thus meets either the previous networks below a root or the new ones.
//! The previous lines and numbers are used again when no packet can be reading them.

mod change;
mod chunk;
mod entries;
mod key;
mod lines;
mod nodes;
mod order;
mod parts;
mod set;
mod switch;
#[cfg(test)]
mod tests;
mod update;

pub use change::{Sizes, build, measure};
pub use entries::{carry, deciding, each, find};
pub use key::Prefix;
pub use parts::{Entry, Parts};
pub use set::{Counts, PrefixSet};
pub use update::{Undo, update};
