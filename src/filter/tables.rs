//! The steps that fill tables, and that change tables in use.
//!
//! Packets are looked up in a table during a change. Every single store leaves a table that is right for each key that the
//! change does not concern, and one store switches a key from its old entry to its new one.

use nix::errno::Errno;

use super::Context;
use super::entry_list::list_of;
use super::loaded::{LoadedMap, share_table};
use super::mapped_parts::Parts;
use super::refusal::check_interrupted;
use super::running_table::RunningTable;
use super::stage::Stage;
use super::table_change::{TableChange, Undo};
use crate::base::diagnostic::Diagnostic;
use crate::base::escape::Plain;
use crate::kernel::{describe, membarrier, random};
use crate::plan::tables::{PlannedTable, Set};
use crate::table::{NoRoom, names, prefix};

/// Fills the tables among the new `maps`.
pub(super) fn fill_tables(context: &Context<'_>, maps: &mut [LoadedMap]) -> Result<(), Diagnostic> {
    for planned in &context.planned.tables {
        check_interrupted(context)?;
        let Some(table) = open(context, maps, planned)? else {
            continue;
        };
        fill(planned, &table).map_err(|errno| unusable(context, planned, errno))?;
        if let Some(lines) = maps.iter_mut().find(|map| map.name == planned.name) {
            lines.entries = list_of(planned);
        }
    }
    Ok(())
}

/// True if the entries of `context` would not waste the tables of `old`: a table that shrinks to less than a quarter gets
/// smaller maps. Whether a larger table has room, only its change can tell.
pub(super) fn tables_are_worth_it(context: &Context<'_>, old: &Stage) -> bool {
    context.planned.tables.iter().all(|planned| {
        let mut parts = planned.sizes.entries.iter();
        parts.all(|(name, wanted)| {
            let part = old.map(name).map(|part| part.map.shape().max_entries);
            part.is_some_and(|entries| entries / 4 <= *wanted)
        })
    })
}

/// Changes the table of `stage` in place. `Ok(None)` if the table has no room for the change; it is then as before.
///
/// # Errors
/// When the parts cannot be mapped into memory.
pub(super) fn update_table(
    context: &Context<'_>,
    stage: &Stage,
    planned: &PlannedTable,
) -> Result<Option<TableChange>, Diagnostic> {
    let unusable = |errno| unusable(context, planned, errno);
    let Some(table) = open(context, &stage.maps, planned)? else {
        return Err(unusable(Errno::EINVAL));
    };
    let mapped = table.map_parts().map_err(unusable)?;
    let (values, layout) = (&planned.values, &planned.layout);
    let undo = match (&planned.set, mapped.parts().map_err(unusable)?) {
        (Set::Prefixes(set), Parts::Prefixes(parts)) => {
            let grace = &mut membarrier::synchronize;
            prefix::update(set, values, layout, parts, grace).map(Undo::Prefixes)
        }
        (Set::Names(set), Parts::Names(parts)) => {
            let grace = &mut membarrier::synchronize;
            names::update(set, values, layout, &parts, grace).map(Undo::Names)
        }
        _ => return Err(unusable(Errno::EINVAL)),
    };
    drop(mapped);
    Ok(undo.ok().map(|undo| TableChange {
        name: planned.name.clone(),
        table,
        undo,
    }))
}

fn fill(planned: &PlannedTable, table: &RunningTable) -> Result<(), Errno> {
    let mapped = table.map_parts()?;
    let (values, layout) = (&planned.values, &planned.layout);
    let filled = match (&planned.set, mapped.parts()?) {
        (Set::Prefixes(set), Parts::Prefixes(parts)) => prefix::build(set, values, layout, parts),
        (Set::Names(set), Parts::Names(parts)) => {
            names::build(set, values, layout, &random::words()?, &parts)
        }
        _ => return Err(Errno::EINVAL),
    };
    filled.map_err(|NoRoom| Errno::E2BIG)
}

/// Copies the counters of entries that the tables of `old` have too. Errors are only logged: filtering does not depend on
/// counters.
pub(super) fn carry_counters(context: &Context<'_>, old: &Stage, maps: &[LoadedMap]) {
    for planned in &context.planned.tables {
        let carried = open(context, maps, planned).and_then(|new| {
            let old = open(context, &old.maps, planned)?;
            let pair = old.zip(new);
            let carried = pair.map_or(Ok(()), |(old, new)| carry(planned, &old, &new));
            carried.map_err(|errno| unusable(context, planned, errno))
        });
        if let Err(wrong) = carried {
            context.log.warn(format_args!("{wrong}"));
        }
    }
}

fn carry(planned: &PlannedTable, old: &RunningTable, new: &RunningTable) -> Result<(), Errno> {
    let (old, new) = (old.map_parts()?, new.map_parts()?);
    match (old.parts()?, new.parts()?) {
        (Parts::Prefixes(old), Parts::Prefixes(new)) if old.is_built() => prefix::carry(old, new),
        (Parts::Names(old), Parts::Names(new)) if names::is_intact(&old, &planned.layout) => {
            names::carry(&old, &new, &planned.layout);
        }
        _ => {}
    }
    Ok(())
}

/// True if the parts of the adopted tables fit each other.
pub(super) fn tables_are_built(
    context: &Context<'_>,
    maps: &[LoadedMap],
) -> Result<bool, Diagnostic> {
    for planned in &context.planned.tables {
        if let Some(table) = open(context, maps, planned)? {
            let mapped = table.map_parts();
            let mapped = mapped.map_err(|errno| unusable(context, planned, errno))?;
            let parts = mapped.parts();
            if !parts.is_ok_and(|parts| parts.are_built(&planned.layout)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The planned table among `maps`; `None` if the object's program does not use it.
fn open(
    context: &Context<'_>,
    maps: &[LoadedMap],
    planned: &PlannedTable,
) -> Result<Option<Box<RunningTable>>, Diagnostic> {
    let Some(table) = context
        .object
        .map(&planned.name)
        .and_then(|map| map.table())
    else {
        return Ok(None);
    };
    share_table(maps, &planned.name, table)
        .map_err(|error| super::refusal::no_descriptor(context, &error))
}

fn unusable(context: &Context<'_>, planned: &PlannedTable, errno: Errno) -> Diagnostic {
    let (name, why) = (Plain(&planned.name), describe(errno));
    let what = format!("cannot fill the table {name}: {why}");
    context.wrong(context.block.elf_at, "elf", super::blame(errno), what)
}
