//! Warnings about lists that a reload makes much shorter: the file may be cut, or a page with an error.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::base::escape::Escaped;
use crate::config::List;
use crate::corefile::Corefile;
use crate::plan::{Plan, PlannedFilter};

/// The number of entries of each list of a plan, kept for the next reload.
#[derive(Debug, Default)]
pub struct ListLengths(Vec<(PathBuf, u64)>);

impl Plan {
    /// The number of entries of each list.
    pub fn list_lengths(&self) -> ListLengths {
        let mut lengths = ListLengths::default();
        self.each_list(&mut |list, kept| lengths.0.push((list.path.clone(), kept)));
        lengths
    }

    /// Passes a warning to `report` for each list with less than half of the entries that it had `before`.
    pub fn warn_of_shrunken_lists(
        &self,
        before: &ListLengths,
        report: &mut dyn FnMut(&dyn Display),
    ) {
        self.each_list(&mut |list, kept| {
            if let Some(before) = before.of(&list.path)
                && kept < before.div_ceil(2)
            {
                warn(list, kept, before, &self.corefile, report);
            }
        });
    }

    fn each_list(&self, visit: &mut dyn FnMut(&List, u64)) {
        for PlannedFilter { block, lists, .. } in &self.filters {
            for planned in &lists.lists {
                if let Some(list) = block.lists.get(planned.line) {
                    visit(list, planned.report.kept);
                }
            }
        }
    }
}

impl ListLengths {
    fn of(&self, path: &Path) -> Option<u64> {
        let mut lengths = self.0.iter();
        let found = lengths.find(|(known, _)| known == path);
        found.map(|(_, kept)| *kept)
    }
}

fn warn(
    list: &List,
    kept: u64,
    before: u64,
    corefile: &Corefile,
    report: &mut dyn FnMut(&dyn Display),
) {
    let (file, line) = (Escaped(corefile.file(list.at)), list.at.line());
    let path = list.path.to_string_lossy();
    let path = Escaped(&path);
    report(&format_args!(
        "{file}:{line}: list: {path} gives {kept} entries, and gave {before} before; `at-least N` refuses a short list"
    ));
}
