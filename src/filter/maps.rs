//! The maps of an object, in the kernel.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Context, blame};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map::{Map, Types};
use crate::kernel::{btf, errno, limits};
use crate::object::{KernelBtf, MapDef};

/// Creates every map of the object, with its types where the kernel takes them, and fills those that the object itself
/// gives content. The result is parallel to the object's maps.
pub(super) fn create(order: &Context<'_>) -> Result<Vec<Map>, Diagnostic> {
    let cpus = cpus(order)?;
    let types = order.object.kernel_btf();
    // Types are a convenience: a kernel without BTF, or one that refuses these, still filters.
    let loaded = types.as_ref().and_then(|types| btf::load(&types.blob).ok());
    let mut maps = Vec::with_capacity(order.object.maps.len());
    for (index, def) in order.object.maps.iter().enumerate() {
        let types = types_of(index, types.as_ref(), loaded.as_ref());
        let map = create_one(order, def, types, cpus)?;
        if let Some(content) = &def.initial {
            let filled = map.update(&0u32.to_ne_bytes(), content);
            filled.map_err(|errno| failed(order, def, "can't be filled", errno))?;
        }
        if def.freeze {
            freeze(order, def, &map)?;
        }
        maps.push(map);
    }
    for (def, outer) in order.object.maps.iter().zip(&maps) {
        for (index, inner) in &def.slots {
            let fd = maps.get(*inner).map_or(-1, |map| map.fd().as_raw_fd());
            let filled = outer.update(&index.to_ne_bytes(), &fd.to_ne_bytes());
            filled.map_err(|errno| failed(order, def, "can't be filled", errno))?;
        }
    }
    Ok(maps)
}

/// How many values a key of the object's per-CPU maps has. Where it has none of these, nobody asks.
pub(super) fn cpus(order: &Context<'_>) -> Result<usize, Diagnostic> {
    if !order.object.maps.iter().any(MapDef::depends_on_cpus) {
        return Ok(1);
    }
    limits::possible_cpus().map_err(|error| {
        let what = format!("the CPUs can't be counted, of which it has a map: {error}");
        order.wrong(order.block.elf_at, "elf", blame(errno(&error)), what)
    })
}

fn types_of<'a>(
    index: usize,
    types: Option<&KernelBtf>,
    loaded: Option<&'a OwnedFd>,
) -> Option<Types<'a>> {
    let (key, value) = types?.ids.get(index).copied().flatten()?;
    Some(Types {
        btf: loaded?.as_fd(),
        key,
        value,
    })
}

fn create_one(
    order: &Context<'_>,
    def: &MapDef,
    types: Option<Types<'_>>,
    cpus: usize,
) -> Result<Map, Diagnostic> {
    let inner = def
        .inner
        .as_ref()
        .map(|inner| create_one(order, inner, None, cpus))
        .transpose()?;
    let inner = inner.as_ref().map(|inner| inner.fd().as_fd());
    let create = |types| Map::create(def, types, inner, cpus);
    create(types)
        // Some kinds of map take no types, and which ones has changed from kernel to kernel.
        .or_else(|error| {
            if types.is_some() && error.errno != Errno::EPERM {
                create(None)
            } else {
                Err(error)
            }
        })
        .map_err(|error| order.kernel(order.block.elf_at, "elf", &error))
}

fn freeze(order: &Context<'_>, def: &MapDef, map: &Map) -> Result<(), Diagnostic> {
    match map.freeze() {
        // Before 5.2 constants are just not known to the verifier as such.
        Ok(()) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(failed(order, def, "can't be frozen", errno)),
    }
}

fn failed(order: &Context<'_>, def: &MapDef, what: &str, errno: Errno) -> Diagnostic {
    let message = format!(
        "{}: map {}: {what}: {}",
        order.block.elf.display(),
        def.name,
        errno.desc()
    );
    order.wrong(order.block.elf_at, "elf", blame(errno), message)
}
