//! Running maps and tables, opened for reading.

use std::fmt::Display;
use std::rc::Rc;

use nix::errno::Errno;

use super::running_map::{RunningMap, end};
use crate::base::escape::Escaped;
use crate::base::ktime;
use crate::config::decision::End;
use crate::encode::Encoder;
use crate::filter::{Content, RunningTable};
use crate::kernel::describe;
use crate::kernel::info;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;
use crate::object::{self, Btf, MapDef, Table};

/// Takes key, value and end of a decision.
pub type VisitDecision<'a> = dyn FnMut(&[u8], &[u8], End) + 'a;

/// Function that prints an error.
pub type Report<'a> = &'a mut dyn FnMut(&dyn Display);

/// Opens the maps of one stage, and forms its tables. Clears `complete` if a map cannot be read.
pub fn open_maps<'a>(
    maps: &'a [RunningMap],
    complete: &mut bool,
    report: Report<'_>,
) -> Vec<OpenMap<'a>> {
    let mut opened = Vec::with_capacity(maps.len());
    for running in maps {
        match running.open() {
            Ok((map, info)) => opened.push((running, map, info)),
            Err(errno) => {
                *complete = false;
                report_error(running, "cannot be read", errno, report);
            }
        }
    }
    // All maps of an object have their types in the same BTF.
    let typed = opened.iter().find(|(_, _, info)| info.btf != 0);
    let btf = typed.and_then(|(running, _, info)| {
        running.types(info).unwrap_or_else(|errno| {
            let message = "is shown in bytes, since its types cannot be read";
            report_error(running, message, errno, report);
            None
        })
    });
    let btf = btf.map(Rc::new);
    let mut defs: Vec<_> = opened.iter().map(definition).collect();
    // Without their types, the parts are shown as the maps that they are.
    let _ = object::find_tables(&mut defs, btf.as_deref());
    let maps: Vec<_> = opened
        .into_iter()
        .map(|(running, map, _)| (running, map))
        .collect();
    let mut open_maps = Vec::with_capacity(maps.len());
    for (def, (running, map)) in defs.iter().zip(&maps) {
        let content = match def.table() {
            None => map.share().ok().map(Content::Map),
            Some(table) => form(table, &def.name, &maps).map(Content::Table),
        };
        if let Some((content, definition)) = content.zip(def.for_lines()) {
            open_maps.push(OpenMap {
                running,
                content,
                definition: definition.clone(),
                btf: btf.clone(),
            });
        }
    }
    open_maps
}

/// The table of this name, of the parts among `maps`.
fn form(table: &Table, name: &str, maps: &[(&RunningMap, Map)]) -> Option<Box<RunningTable>> {
    let open = |name: &str| {
        let found = maps.iter().find(|(running, _)| running.name == name);
        found.map(|(_, map)| map.share()).transpose()
    };
    RunningTable::open(table, name, &open).ok()?
}

fn definition((running, _, info): &(&RunningMap, Map, info::Map)) -> MapDef {
    MapDef {
        name: running.name.clone(),
        ..info.definition.clone()
    }
}

/// Reports an error of a map.
pub fn report_error(running: &RunningMap, message: &str, errno: Errno, report: Report<'_>) {
    let (place, name) = (&running.place, Escaped(&running.name));
    let reason = describe(errno);
    report(&format_args!("{place}: {name} {message}: {reason}"));
}

/// A map opened for reading.
#[derive(Debug)]
pub struct OpenMap<'a> {
    /// The map; of a table, its lines.
    pub running: &'a RunningMap,
    /// The entries.
    pub content: Content,
    /// The definition, with ids of types in `btf`.
    pub definition: MapDef,
    btf: Option<Rc<Btf>>,
}

impl OpenMap<'_> {
    /// Encoder of the entries.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder::new(&self.definition, self.btf.as_deref())
    }

    /// Calls `visit` with key, value and end of each decision about a table. The decisions about a map are among its entries.
    ///
    /// # Errors
    /// When a part of the table cannot be read.
    pub fn each_decision(
        &self,
        scan: &mut Scan,
        visit: &mut VisitDecision<'_>,
    ) -> Result<(), Errno> {
        let Content::Table(table) = &self.content else {
            return Ok(());
        };
        let now = ktime::now();
        table.each_decision(scan, &mut |key, value, until| {
            if until.is_none_or(|until| until > now) {
                visit(key, value, end(until));
            }
        })
    }
}
