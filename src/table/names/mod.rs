//! The name table: lists of domain names, for queries of listed names and of names below them.
//!
//! A *suffix* of a name is the name itself or one of the names it lies below. An entry has a *print*, 32 bits of the keyed
//! hash of its name, and the place of a *record*, which has the name and what the program does about it. An entry is in
//! one of two lines of eight. A Bloom filter has every listed name and all suffixes of listed names, so a query that is
//! not listed costs one test however many labels it has. `bpf/name_table.h` is the other half of this format.
//!
//! Stores are ordered so that a writer may be killed after any of them: Bloom bits, then the record, then the entry, which is
//! one aligned 8-byte store. Records are only appended, so a packet never reads a record that changes.

mod bloom;
mod build;
mod hash;
mod lines;
mod parts;
mod read;
mod record;
mod scope;
mod set;
mod update;
mod wire;
mod writer;

#[cfg(test)]
mod admitted;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use build::{Sizes, build, measure};
pub use parts::{Parts, decisions, is_intact, set_decisions};
pub use read::{Entry, Match, admit, carry, deciding, digest, each, find};
pub use scope::Scope;
pub use set::{Counts, NameSet};
pub use update::{Undo, update};
pub use wire::{MAX_NAME, suffixes};
