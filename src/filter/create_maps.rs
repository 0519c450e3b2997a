//! The step that creates the maps of an object.

use std::borrow::Cow;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use nix::errno::Errno;

use super::loaded::{LoadedMap, open_tables};
use super::refusal::no_descriptor;
use super::stage::Stage;
use super::wall_clock::write_offset;
use super::{Context, blame};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::{Map, Types};
use crate::kernel::{self, btf, describe, errno, limits};
use crate::object::frame::{NEXT, RINGS, TOTALS};
use crate::object::{KernelBtf, MapDef};
use crate::plan::tables::PlannedTable;

/// Maps that a new stage shares with a running one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shared<'a> {
    /// No map.
    Nothing,
    /// The verdict counters: metrics with equal labels must not decrease.
    Totals(&'a Stage),
    /// Every map but the slot of the next program, which differs while both programs run.
    All(&'a Stage),
}

impl Shared<'_> {
    /// The shared map of this name; `None` if the map is to be created.
    fn map(&self, name: &str) -> Option<&LoadedMap> {
        match self {
            Self::Totals(stage) if name == TOTALS => stage.map(name),
            Self::All(stage) if name != NEXT => stage.map(name),
            _ => None,
        }
    }
}

/// Creates every map of the object, except the shared ones, and writes the content that the object itself contains. A
/// kernel without the maps for samples gets the maps before them.
pub(super) fn create_maps(
    context: &Context<'_>,
    shared: Shared<'_>,
) -> Result<Vec<LoadedMap>, Diagnostic> {
    let object = context.object;
    let cpus = cpus(context)?;
    let types = object.kernel_btf();
    // Types are optional: the kernel may have no BTF, or refuse these types.
    let loaded = types.as_ref().and_then(|types| btf::load(&types.blob).ok());
    let mut maps = Vec::with_capacity(object.maps.len());
    for def in &object.maps {
        let def = &*sized(def, &context.planned.tables);
        let map = if let Some(shared) = shared.map(&def.name) {
            let map = shared.map.share();
            map.map_err(|error| no_descriptor(context, &error))?
        } else {
            let types = types_of(def, types.as_ref(), loaded.as_ref());
            let map = match create_map(def, types, cpus) {
                Ok(map) => map,
                Err(error) if def.name == RINGS => {
                    context.warn(format_args!(
                        "packets cannot be sampled: {error}; samples need kernel 5.10"
                    ));
                    break;
                }
                Err(error) => return Err(context.kernel(context.block.elf_at, "elf", &error)),
            };
            write_content(def, &map).map_err(|(verb, errno)| failed(context, def, verb, errno))?;
            map
        };
        maps.push(LoadedMap::new(&def.name, map));
    }
    fill_slots(context, &maps, shared)?;
    open_tables(&object.maps, &mut maps).map_err(|error| no_descriptor(context, &error))?;
    Ok(maps)
}

/// The definition with the number of entries that the content of its table needs.
fn sized<'a>(def: &'a MapDef, tables: &[PlannedTable]) -> Cow<'a, MapDef> {
    let mut all = tables.iter().flat_map(|table| &table.sizes.entries);
    match all.find(|(name, _)| *name == def.name) {
        None => Cow::Borrowed(def),
        Some((_, entries)) => Cow::Owned(MapDef {
            max_entries: *entries,
            ..def.clone()
        }),
    }
}

/// Writes the inner maps to the slots of maps-in-maps.
fn fill_slots(
    context: &Context<'_>,
    maps: &[LoadedMap],
    shared: Shared<'_>,
) -> Result<(), Diagnostic> {
    let created = |def: &&MapDef| !def.slots.is_empty() && shared.map(&def.name).is_none();
    for def in context.object.maps.iter().filter(created) {
        let Some(outer) = maps.iter().find(|map| map.name == def.name) else {
            continue;
        };
        for (index, inner) in &def.slots {
            let fd = maps.get(*inner).map_or(-1, |map| map.map.fd().as_raw_fd());
            let filled = outer.map.update(&index.to_ne_bytes(), &fd.to_ne_bytes());
            filled.map_err(|errno| failed(context, def, "fill", errno))?;
        }
    }
    Ok(())
}

/// Number of possible CPUs; 1 if no map of the object depends on the number.
pub(super) fn cpus(context: &Context<'_>) -> Result<usize, Diagnostic> {
    if !context.object.maps.iter().any(MapDef::depends_on_cpus) {
        return Ok(1);
    }
    limits::possible_cpus().map_err(|error| {
        let what = format!("cannot count the CPUs for its per-CPU map: {error}");
        context.wrong(context.block.elf_at, "elf", blame(errno(&error)), what)
    })
}

pub(super) fn types_of<'a>(
    def: &MapDef,
    types: Option<&KernelBtf>,
    loaded: Option<&'a OwnedFd>,
) -> Option<Types<'a>> {
    let types = types?.types_of(&def.name)?;
    Some(Types {
        btf: loaded?.as_fd(),
        key: types.key,
        value: types.value,
    })
}

/// Creates a map, with BTF types if the kernel accepts types for this map.
pub(super) fn create_map(
    def: &MapDef,
    types: Option<Types<'_>>,
    cpus: usize,
) -> kernel::Result<Map> {
    let inner = def
        .inner
        .as_ref()
        .map(|inner| create_map(inner, None, cpus))
        .transpose()?;
    let inner = inner.as_ref().map(|inner| inner.fd().as_fd());
    let create = |types| Map::create(def, types, inner, cpus);
    // The map kinds that accept types depend on the kernel version.
    create(types).or_else(|error| {
        if types.is_some() && error.errno != Errno::EPERM {
            create(None)
        } else {
            Err(error)
        }
    })
}

/// Writes the content that the object gives a map, and freezes constants. An error has the verb of the failed step.
pub(super) fn write_content(def: &MapDef, map: &Map) -> Result<(), (&'static str, Errno)> {
    if let Some(content) = &def.initial {
        let filled = map.update(&0u32.to_ne_bytes(), content);
        filled.map_err(|errno| ("fill", errno))?;
    }
    if def.is_wall_clock() {
        write_offset(map).map_err(|errno| ("fill", errno))?;
    }
    if !def.freeze {
        return Ok(());
    }
    match map.freeze() {
        // Before 5.2 maps cannot be frozen, and the verifier does not treat their content as constant.
        Ok(()) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(("freeze", errno)),
    }
}

/// Error for a map that could not be filled or frozen; `verb` is `fill` or `freeze`.
fn failed(context: &Context<'_>, def: &MapDef, verb: &str, errno: Errno) -> Diagnostic {
    let (block, name, why) = (context.block, &def.name, describe(errno));
    let elf = block.elf.display();
    let what = format!("{elf}: cannot {verb} map {name}: {why}");
    context.wrong(block.elf_at, "elf", blame(errno), what)
}
