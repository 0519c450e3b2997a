//! Warnings about lists: skipped lines, and lists that give nothing.

use std::fmt::{self, Display};

use super::PlannedList;
use crate::base::escape::{Escaped, Plain, Quoted};
use crate::base::quantity::Quantity;
use crate::config::{Filter, List};
use crate::corefile::Corefile;
use crate::list::{Format, Report, Skipped};
use crate::plan::tables::PlannedTable;

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
        let counts = Counts(read);
        report(&format_args!(
            "{file}:{line}: list: {path}: format {format}, {counts}"
        ));
    }
}

/// Passes to `report` a line about each table with entries that others cover or repeat.
pub(super) fn announce_covered(
    block: &Filter,
    tables: &[PlannedTable],
    corefile: &Corefile,
    report: &mut dyn FnMut(&dyn Display),
) {
    for table in tables.iter().filter(|table| table.covered > 0) {
        let map = block.map(&table.name);
        let list = block
            .lists
            .iter()
            .find(|list| map.is_some_and(|map| map.id == list.map));
        let Some(list) = list else {
            continue;
        };
        let (file, line) = (Escaped(corefile.file(list.at)), list.at.line());
        let stem = block.elf.file_stem().unwrap_or_default().to_string_lossy();
        let (stem, name) = (Plain(&stem), Plain(&table.name));
        let covered = table.covered;
        let entries = Quantity(table.set.len() as u64, "entry");
        report(&format_args!(
            "{file}:{line}: list: {stem} {name}: {entries}, without {covered} that others cover"
        ));
    }
}

fn warn(list: &List, read: &Report, corefile: &Corefile, report: &mut dyn FnMut(&dyn Display)) {
    let Report { kept, skipped, .. } = read;
    let (file, line) = (Escaped(corefile.file(list.at)), list.at.line());
    let path = list.path.to_string_lossy();
    let path = Escaped(&path);
    let count = skipped.count();
    if *kept == 0 || count > *kept {
        let fault = match kept {
            0 => "gives no entry",
            _ => "has more skipped lines than entries",
        };
        let format = read.format.map_or("unknown", Format::name);
        report(&format_args!(
            "{file}:{line}: list: {path} {fault}; the format is {format}, `as FORMAT` sets another"
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

/// The number of entries and of skipped lines.
pub struct Counts<'a>(pub &'a Report);

impl Display for Counts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = Quantity(self.0.kept, "entry");
        let skipped = Quantity(self.0.skipped.count(), "skipped line");
        write!(f, "{kept}, {skipped}")
    }
}

/// Advice about a list with too few entries, and its first skipped line.
pub struct Remedy<'a> {
    /// Path of the list.
    pub path: &'a str,
    /// The list as it is now.
    pub report: &'a Report,
}

impl Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, Report { kept, skipped, .. }) = (Escaped(self.path), self.report);
        f.write_str("check the file and its download")?;
        if let Some(place) = skipped.places().first() {
            let (at, reason, excerpt) = (place.line, place.reason.text(), Quoted(&place.excerpt));
            write!(f, " ({path}:{at}: {reason}: {excerpt})")?;
        }
        write!(f, "; if the file is right, `at-least {kept}` accepts it")
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
