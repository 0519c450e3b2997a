//! Lists that lost most of their entries: more often a failed download than a wish.

use super::Filter;
use super::list_state::ListState;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::Escaped;
use crate::base::quantity::Quantity;
use crate::config::List;
use crate::plan::lists::{Counts, PlannedList, Remedy};
use crate::plan::{Plan, PlannedFilter};

/// Number of entries from which a list may not lose more than half of them.
const LONG: u64 = 100;

/// Checks that no list of `plan` is empty, or has less than half of the entries that it gives the `running` filters. A list
/// with `at-least` has its own limit.
///
/// # Errors
/// The first such list.
pub fn check_lists(plan: &Plan, running: &[Filter]) -> Result<(), Diagnostic> {
    plan.filters
        .iter()
        .try_for_each(|planned| check_filter(plan, planned, running))
}

fn check_filter(
    plan: &Plan,
    planned: &PlannedFilter,
    running: &[Filter],
) -> Result<(), Diagnostic> {
    let block = &planned.block;
    let running = running
        .iter()
        .find(|filter| filter.interface == block.interface);
    for read in &planned.lists.lists {
        let Some(list) = block
            .lists
            .get(read.line)
            .filter(|list| list.at_least.is_none())
        else {
            continue;
        };
        let Some(new) = ListState::of(block, read) else {
            continue;
        };
        let mut old = running
            .iter()
            .flat_map(|filter| filter.stages())
            .flat_map(|stage| &stage.lists);
        let old = old.find(|old| old.map == new.map && old.path == new.path);
        if let Some(old) = old.filter(|old| has_shrunk(old.entries, new.entries)) {
            return Err(refusal(plan, list, old, read));
        }
    }
    Ok(())
}

const fn has_shrunk(old: u64, new: u64) -> bool {
    old > 0 && new == 0 || old >= LONG && new < old / 2
}

fn refusal(plan: &Plan, list: &List, old: &ListState, new: &PlannedList) -> Diagnostic {
    let (path, report) = (&old.path, &new.report);
    let (escaped, counts) = (Escaped(path), Counts(report));
    let (old, remedy) = (Quantity(old.entries, "entry"), Remedy { path, report });
    let message = format!("{escaped}: {counts}, instead of the {old} in use; {remedy}");
    plan.corefile
        .diagnostic(list.at, "list", message, Blame::Corefile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_shrink_to_half_or_to_one_entry() {
        for (old, new, expected) in [
            (0, 0, false),
            (1, 0, true),
            (99, 1, false),
            (99, 0, true),
            (100, 50, false),
            (100, 49, true),
            (100, 200, false),
            (1_000_000, 499_999, true),
        ] {
            assert_eq!(has_shrunk(old, new), expected, "{old} {new}");
        }
    }
}
