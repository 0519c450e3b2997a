//! The `list` lines of an `ebpf` block.

use std::path::PathBuf;

use super::MapId;
use super::entries::{Entry, Value};
use crate::corefile::Token;
use crate::list::Format;

/// Maximum number of lists of one map. A list has a source for each of its [`RANKS`](crate::list::RANKS), of at most 255.
pub const MAX_LISTS: usize = 63;

/// A `list` line.
#[derive(Clone, Debug)]
pub struct List {
    /// Token of FILE.
    pub at: Token,
    /// Path of the file, absolute or relative to the working directory.
    pub path: PathBuf,
    /// Map that takes the items.
    pub map: MapId,
    /// Format and token of `as`; `None` if the content decides.
    pub format: Option<(Format, Token)>,
    /// Words FIELD=VALUE.
    pub fields: Vec<Token>,
    /// Minimum number of items and token of `at-least`.
    pub at_least: Option<(u64, Token)>,
}

impl List {
    /// The line as an entry whose key is FILE.
    pub(super) fn as_entry(&self) -> Entry<'_> {
        Entry {
            key: Some(self.at),
            index: 0,
            value: Value::Words(&self.fields),
        }
    }
}
