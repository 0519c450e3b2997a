//! Static initialisers of maps of maps: `.values = { &one, [5] = &another }` in section `.maps`.

use super::elf::{Elf, Place, Relocation, Section};
use super::error::{Error, Quoted};
use super::map_kind::MapKind;
use super::maps::Maps;

/// `R_BPF_64_64` (until clang 13) and `R_BPF_64_ABS64`: the 8 bytes there are an address.
const ADDRESS: [u32; 2] = [1, 2];
/// Bytes of a static initialiser.
const SLOT: u64 = 8;

/// Where a map of `.maps` is: its offset, its size, and where in it static initialisers begin.
pub(super) type Layout = (u64, u64, Option<u64>);

/// Reads the static initialisers of maps of maps, which are addresses of other maps. `layout` is in order of offsets.
pub(super) fn fill(
    elf: &Elf,
    section: &Section,
    layout: &[Layout],
    maps: &mut Maps,
) -> Result<(), Error> {
    for relocation in elf.relocations(section)? {
        let wrong = |what: &str| {
            Error::section(
                section.name,
                format!("the address at offset {} {what}", relocation.offset),
            )
        };
        let place = slot_at(layout, relocation);
        let outer = place.and_then(|(start, slot)| Some((maps.at(section.index, start)?, slot)));
        let Some((outer, slot)) = outer else {
            return Err(wrong(
                "is no static initialiser; only `values` of a map of maps has them",
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
                "initialises entry {slot}, but has {} entries",
                outer.max_entries
            ));
        };
        outer
            .slots
            .push((slot, inner.map_err(|what| wrong(&what))?));
    }
    Ok(())
}

/// The map that this address is in, by its offset, and the number of the entry it initialises.
fn slot_at(layout: &[Layout], relocation: Relocation) -> Option<(u64, u64)> {
    let before = layout.partition_point(|&(start, ..)| start <= relocation.offset);
    let &(start, size, values_at) = layout.get(before.checked_sub(1)?)?;
    let within = relocation.offset - start;
    let slot = within.checked_sub(values_at?)?;
    let fits = slot % SLOT == 0 && within < size && ADDRESS.contains(&relocation.kind);
    fits.then_some((start, slot / SLOT))
}

/// The map whose address is to stand there.
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
    let target = match (symbol.place, symbol.value.checked_add_signed(addend)) {
        (Place::Section(target), Some(offset)) => maps.at(target, offset),
        _ => None,
    };
    target.ok_or_else(|| {
        format!(
            "is that of {}, which is no map of this object",
            Quoted(elf.symbol_name(&symbol))
        )
    })
}
