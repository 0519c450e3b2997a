//! Warnings about lists: skipped lines, and lists that give nothing.

use std::fmt::{self, Display};

use super::PlannedList;
use crate::base::escape::{Escaped, Quoted};
use crate::config::{Filter, List};
use crate::corefile::Corefile;
use crate::list::{Format, Report, Skipped};

/// Passes to `report` a warning for each list of which no item is usable, or more lines were skipped than items are used;
/// and for each list with skipped lines their number by reason, and the first of them.
pub(super) fn warn_of_skipped(
    block: &Filter,
    lists: &[PlannedList],
    corefile: &Corefile,
    report: &mut dyn FnMut(&dyn Display),
) {
    for planned in lists {
        if let Some(list) = block.lists.get(planned.line) {
            warn(list, &planned.report, corefile, report);
        }
    }
}

/// Passes to `report` a line about each list that was read.
pub(super) fn announce(
    block: &Filter,
    lists: &[PlannedList],
    corefile: &Corefile,
    report: &mut dyn FnMut(&dyn Display),
) {
    for PlannedList {
        line, report: read, ..
    } in lists
    {
        let Some(list) = block.lists.get(*line) else {
            continue;
        };
        let (file, line) = (Escaped(corefile.file(list.at)), list.at.line());
        let path = list.path.to_string_lossy();
        let (path, format) = (Escaped(&path), read.format.map_or("unknown", Format::name));
        let (kept, skipped) = (read.kept, read.skipped.count());
        report(&format_args!(
            "{file}:{line}: list: {path}: format {format}, {kept} entries, {skipped} skipped lines"
        ));
    }
}

fn warn(list: &List, read: &Report, corefile: &Corefile, report: &mut dyn FnMut(&dyn Display)) {
    let Report { kept, skipped, .. } = read;
    let (file, line) = (Escaped(corefile.file(list.at)), list.at.line());
    let path = list.path.to_string_lossy();
    let path = Escaped(&path);
    let count = skipped.count();
    if *kept == 0 {
        report(&format_args!("{file}:{line}: list: {path} gives no entry"));
    } else if count > *kept {
        report(&format_args!(
            "{file}:{line}: list: {path} has more skipped lines than entries; is it of the format {}?",
            read.format.map_or("unknown", Format::name)
        ));
    }
    if count == 0 {
        return;
    }
    let reasons = Reasons(skipped);
    report(&format_args!(
        "{file}:{line}: list: {path}: skipped lines: {count}: {reasons}"
    ));
    for place in skipped.places() {
        let (at, reason, excerpt) = (place.line, place.reason.text(), Quoted(&place.excerpt));
        report(&format_args!("{path}:{at}: skipped: {reason}: {excerpt}"));
    }
}

/// The number of skipped lines by reason.
struct Reasons<'a>(&'a Skipped);

impl Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (reason, count) in self.0.reasons() {
            write!(f, "{separator}{} ({count})", reason.text())?;
            separator = ", ";
        }
        Ok(())
    }
}
