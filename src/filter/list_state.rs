//! What was read from the file of a `list` line, for the views.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::Filter;
use crate::list::Format;
use crate::plan::lists::PlannedList;

/// A list of a running stage.
#[derive(Clone, Debug)]
pub struct ListState {
    /// Name of the map that has the list's items.
    pub map: String,
    /// Path of the file.
    pub path: String,
    /// Name of the format; `None` for a file without a usable line.
    pub format: Option<&'static str>,
    /// Number of items.
    pub entries: u64,
    /// Number of lines that gave no item.
    pub skipped: u64,
    /// Time of the file's last change, in seconds since 1970.
    pub modified: Option<u64>,
}

impl ListState {
    /// The state of a list of `block`.
    pub(super) fn of(block: &Filter, planned: &PlannedList) -> Option<Self> {
        let list = block.lists.get(planned.line)?;
        let map = block.maps.iter().find(|map| map.id == list.map)?;
        let since_1970 = |time: SystemTime| Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs());
        Some(Self {
            map: map.name.clone(),
            path: list.path.to_string_lossy().into_owned(),
            format: planned.report.format.map(Format::name),
            entries: planned.report.kept,
            skipped: planned.report.skipped.count(),
            modified: planned.modified.and_then(since_1970),
        })
    }
}
