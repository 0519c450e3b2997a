//! Static initialisers of maps of maps: `.values = { &one, [5] = &another }` in section `.maps`.

use super::elf::{Elf, R_BPF_64_64, R_BPF_64_ABS64, Relocation, Section, SymbolSection};
use super::error::{Error, Quoted};
use super::map_kind::MapKind;
use super::maps::{Extent, Maps};
use crate::base::quantity::Quantity;

/// Relocations of a 64-bit address in data. clang up to 13 writes `R_BPF_64_64`.
const ADDRESS: [u32; 2] = [R_BPF_64_64, R_BPF_64_ABS64];
/// Size of a static initialiser in bytes.
const SLOT_SIZE: u64 = 8;

/// Reads the static initialisers of maps of maps, which are addresses of other maps. `extents` are the ranges of the
/// section's maps, in order of offsets.
pub(super) fn fill(
    elf: &Elf,
    section: &Section,
    extents: &[Extent],
    maps: &mut Maps,
) -> Result<(), Error> {
    for relocation in elf.relocations(section)? {
        let wrong = |what: &str| {
            Error::section(
                section.name,
                format!("the address at offset {} {what}", relocation.offset),
            )
        };
        let outer = slot_at(extents, relocation)
            .and_then(|(offset, slot)| Some((maps.defined_at(section.index, offset)?, slot)));
        let Some((outer, slot)) = outer else {
            return Err(wrong(
                "is not a static initialiser; only `values` of a map of maps has them",
            ));
        };
        let inner = slot_target(elf, section, relocation, maps);
        let Some(outer) = maps.get_mut(outer) else {
            continue;
        };
        let refuse = |what: String| Err(Error::map(&outer.name, what));
        if outer.kind == MapKind::PROG_ARRAY {
            return refuse("has static initialisers: tail call programs are not supported; call the function instead".into());
        }
        let Some(slot) = u32::try_from(slot)
            .ok()
            .filter(|&slot| slot < outer.max_entries)
        else {
            return refuse(format!(
                "initialises entry {slot}, but has {}",
                Quantity(outer.max_entries.into(), "entry")
            ));
        };
        outer
            .slots
            .push((slot, inner.map_err(|what| wrong(&what))?));
    }
    Ok(())
}

/// Offset of the outer map that a relocation initialises, and the key of the initialised entry.
fn slot_at(extents: &[Extent], relocation: Relocation) -> Option<(u64, u64)> {
    let after = extents.partition_point(|extent| extent.offset <= relocation.offset);
    let extent = extents.get(after.checked_sub(1)?)?;
    let within = relocation.offset - extent.offset;
    let slot = within.checked_sub(extent.values_at?)?;
    let fits = slot % SLOT_SIZE == 0 && within < extent.size && ADDRESS.contains(&relocation.kind);
    fits.then_some((extent.offset, slot / SLOT_SIZE))
}

/// Index of the map whose address a relocation gives; an error is the predicate of a message.
fn slot_target(
    elf: &Elf,
    section: &Section,
    relocation: Relocation,
    maps: &Maps,
) -> Result<usize, String> {
    let symbol = elf
        .symbol(relocation.symbol)
        .map_err(|error| error.to_string())?;
    let stored = usize::try_from(relocation.offset)
        .ok()
        .and_then(|at| section.data.get(at..)?.first_chunk());
    let addend = stored.map_or(0, |&bytes| i64::from_le_bytes(bytes));
    let target = match (symbol.section, symbol.value.checked_add_signed(addend)) {
        (SymbolSection::Section(target), Some(offset)) => maps.defined_at(target, offset),
        _ => None,
    };
    target.ok_or_else(|| {
        format!(
            "belongs to {}, which is not a map of this object",
            Quoted(elf.symbol_name(&symbol))
        )
    })
}
