//! Reads the files of `list` lines. The items stay in memory until the filter has taken them.

mod items;
mod report;
mod room;
mod values;

use std::fmt::Display;
use std::io;
use std::time::SystemTime;

use super::sources::Sources;
use super::tables::PlannedTable;
use super::{Plan, PlannedFilter};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::diagnostic::{Blame, Errors};
use crate::base::escape::Escaped;
use crate::base::quantity::Quantity;
use crate::config::{Filter, List};
use crate::corefile::{Corefile, Token};
use crate::encode::Encoder;
use crate::list::{Found, Parser, RANKS, Reason, Report};
use crate::object::{LinkedObject, map_for_lines};
use crate::table::Source;
pub use items::{ItemValue, MapItems};
pub use report::{Counts, Remedy};
use values::ListValues;

/// Maximum size of a list in bytes.
const MAX_LIST: u64 = 256 << 20;

/// A `list` line whose file has been read.
#[derive(Clone, Debug)]
pub struct PlannedList {
    /// Index of the line in [`Filter::lists`](crate::config::Filter::lists).
    pub line: usize,
    /// Format, number of items, and the skipped lines.
    pub report: Report,
    /// Time of the file's last change.
    pub modified: Option<SystemTime>,
}

/// The lists of a block, and the items for each map that has lists.
#[derive(Debug, Default)]
pub struct Lists {
    /// One for each `list` line, in order.
    pub lists: Vec<PlannedList>,
    /// One for each map with lists.
    pub items: Vec<MapItems>,
}

impl Plan {
    /// Passes a line about each list to `report`: its format, and the number of its entries and skipped lines. Then a line
    /// about each table that has fewer entries than its lines and lists give.
    pub fn announce_lists(&self, report: &mut dyn FnMut(&dyn Display)) {
        for planned in &self.filters {
            let (block, corefile) = (&planned.block, &self.corefile);
            report::announce(block, &planned.lists.lists, corefile, report);
            report::announce_covered(block, &planned.tables, corefile, report);
        }
    }

    /// Passes warnings about the lists to `report`.
    pub(super) fn warn_of_lists(&self, report: &mut dyn FnMut(&dyn Display)) {
        for PlannedFilter { block, lists, .. } in &self.filters {
            report::warn_of_skipped(block, &lists.lists, &self.corefile, report);
        }
    }
}

/// Reads the lists of a block, whose lines have passed [`fit::check`](crate::config::fit::check).
pub(super) fn read(
    block: &Filter,
    object: &LinkedObject,
    corefile: &Corefile,
    tables: &mut [PlannedTable],
    sources: &mut Sources,
    errors: &mut Errors,
) -> Lists {
    let mut lists = Lists::default();
    let place = Place {
        block,
        object,
        corefile,
    };
    for (line, list) in block.lists.iter().enumerate() {
        let named = block.maps.iter().find(|map| map.id == list.map);
        let mut of_map = tables.iter_mut();
        let table = of_map.find(|table| named.is_some_and(|named| named.name == table.name));
        let mut items = lists.take_items(list);
        let read = place.read_list(line, list, &mut items, table, sources);
        lists.items.push(items);
        match read {
            Ok(planned) => lists.lists.push(planned),
            Err((at, blame, message)) => {
                errors.push(corefile.diagnostic(at, "list", message, blame));
            }
        }
    }
    for items in &lists.items {
        if let Some(full) = room::check(items, block, object, corefile) {
            errors.push(full);
        }
    }
    lists
}

impl Lists {
    /// Moves the items of the list's map out.
    fn take_items(&mut self, list: &List) -> MapItems {
        let known = self.items.iter().position(|items| items.map == list.map);
        known.map_or_else(
            || MapItems::new(list.map),
            |known| self.items.swap_remove(known),
        )
    }
}

/// The token at fault, the party at fault, and the message.
type Refusal = (Token, Blame, String);

/// A block with its object and its Corefile.
struct Place<'a> {
    block: &'a Filter,
    object: &'a LinkedObject,
    corefile: &'a Corefile,
}

impl Place<'_> {
    /// Reads the list of line number `line` and adds its items to the table, or without one to `items`.
    fn read_list(
        &self,
        line: usize,
        list: &List,
        items: &mut MapItems,
        mut table: Option<&mut PlannedTable>,
        sources: &mut Sources,
    ) -> Result<PlannedList, Refusal> {
        let unchecked = || {
            let message = "internal error: unchecked list; please report this";
            (list.at, Blame::Corefile, message.into())
        };
        let mut maps = self.block.maps.iter();
        let named = maps.find(|map| map.id == list.map);
        let def = named.and_then(|map| map_for_lines(&self.object.maps, &map.name));
        let def = def.ok_or_else(unchecked)?;
        let mut encoder = Encoder::new(def, self.object.btf());
        let mut base = [0; MAX_VALUE];
        let words = list.fields.iter().map(|word| self.corefile.text(*word));
        let size = encoder.value(words, &mut base).map_err(|_| unchecked())?;
        let base = base.get(..size).ok_or_else(unchecked)?;
        let mut key = [0; MAX_KEY];
        let key = key.get_mut(..def.key_size as usize);
        let key = key.ok_or_else(unchecked)?;
        let keys = encoder.item_keys().ok_or_else(unchecked)?;
        let source = self.first_source(line, list);
        let mut values = ListValues::new(&encoder, base, !list.fields.is_empty(), source);
        let mut visit = |found: &Found<'_>| -> Result<(), Reason> {
            Encoder::item_key(keys, &found.item, key)?;
            match &mut table {
                Some(table) => values.add(found, items, key, table),
                None => values.push(found, items),
            }
        };
        let mut parser = Parser::new(list.format.map(|(format, _)| format));
        let mut feed = |bytes: &[u8]| parser.feed(bytes, &mut visit);
        let read = sources.stream(&list.path, MAX_LIST, &mut feed);
        let modified = read.map_err(|error| unreadable(list, self.corefile, &error))?;
        let report = parser.finish(&mut visit);
        check_report(list, &report)?;
        Ok(PlannedList {
            line,
            report,
            modified,
        })
    }

    /// Source of the items of rank 0 in the list of line number `line`.
    fn first_source(&self, line: usize, list: &List) -> Source {
        let earlier = self.block.lists.iter().take(line);
        let earlier = earlier.filter(|other| other.map == list.map).count();
        Source::try_from(usize::from(RANKS) * earlier + 1).unwrap_or(Source::MAX)
    }
}

/// Refuses a list that has no values for its items, or too few items.
fn check_report(list: &List, report: &Report) -> Result<(), Refusal> {
    let path = &list.path.to_string_lossy();
    let (escaped, remedy) = (Escaped(path), Remedy { path, report });
    if let Some(format) = report.format
        && !format.has_actions()
        && list.fields.is_empty()
    {
        let message = format!(
            "{escaped}: no FIELD=VALUE, and the format {} has no actions; add the value of the entries",
            format.name()
        );
        return Err((list.at, Blame::Corefile, message));
    }
    match list.at_least {
        Some((least, at)) if report.kept < least => {
            let (counts, least) = (Counts(report), Quantity(least, "entry"));
            let message = format!("{escaped}: {counts}, instead of at least {least}; {remedy}");
            Err((at, Blame::Corefile, message))
        }
        _ => Ok(()),
    }
}

fn unreadable(list: &List, corefile: &Corefile, error: &io::Error) -> Refusal {
    let path = list.path.to_string_lossy();
    let path = Escaped(&path);
    let message = match error.kind() {
        io::ErrorKind::NotFound if corefile.text(list.at).starts_with('/') => {
            format!("{path}: no such file")
        }
        io::ErrorKind::NotFound => {
            format!("{path}: no such file; a relative path starts at its Corefile's folder")
        }
        io::ErrorKind::FileTooLarge => format!("{path}: larger than {MAX_LIST} bytes"),
        _ => format!("{path}: cannot be read: {error}"),
    };
    (list.at, Blame::Input, message)
}
