//! Legacy map definitions: `struct bpf_map_def` in sections `maps` and `maps/NAME`, which libbpf supported up to 0.8.

use super::btf::{Btf, Type};
use super::elf::{Elf, Section};
use super::error::Error;
use super::map_def::MapDef;
use super::map_kind::MapKind;
use super::maps::{Extent, Maps, ParsedMap, symbols_in};
use crate::base::hex::Count;
use crate::base::quantity::Quantity;

/// Size of `struct bpf_map_def` in bytes: type, key size, value size, entries and flags, a `__u32` each.
const DEFINITION: usize = 20;
/// Prefix of the struct of key and value that `BPF_ANNOTATE_KV_PAIR` defines for a map.
const ANNOTATION: &str = "____btf_map_";

/// Reads the maps of one section.
pub(super) fn read(elf: &Elf, section: &Section) -> Result<Vec<ParsedMap>, Error> {
    let symbols = symbols_in(elf, section)?;
    // As in redbpf and gobpf, a section `maps/NAME` has one map, and names it.
    let own_name = section
        .name
        .strip_prefix("maps/")
        .filter(|name| symbols.len() < 2 && !name.is_empty());
    let count = if own_name.is_some() { 1 } else { symbols.len() };
    let size = section.data.len().checked_div(count).unwrap_or(0);
    if size < DEFINITION || size * count != section.data.len() || size % 4 != 0 {
        let what = format!(
            "is {} for {}; each takes the same, a `struct bpf_map_def` of {DEFINITION} bytes or more",
            Count(section.data.len()),
            Quantity(count as u64, "map")
        );
        return Err(Error::section(section.name, what));
    }
    let names = own_name.into_iter().chain(
        symbols
            .iter()
            .filter(|_| own_name.is_none())
            .map(|symbol| symbol.name),
    );
    let mut parsed = Vec::with_capacity(count);
    for ((number, definition), name) in section.data.chunks_exact(size).enumerate().zip(names) {
        let offset = number * size;
        let symbol = symbols.get(number).map_or(0, |symbol| symbol.value);
        if usize::try_from(symbol) != Ok(offset) {
            return Err(Error::map(
                name,
                format!("is at offset {symbol}; definitions of {size} bytes have it at {offset}"),
            ));
        }
        parsed.push(ParsedMap {
            def: parse(name, definition)?,
            extent: Extent {
                offset: symbol,
                size: 0,
                values_at: None,
            },
        });
    }
    Ok(parsed)
}

fn parse(name: &str, bytes: &[u8]) -> Result<MapDef, Error> {
    let mut words = bytes
        .as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word));
    let mut word = || words.next().unwrap_or(0);
    let def = MapDef {
        kind: MapKind(word()),
        key_size: word(),
        value_size: word(),
        max_entries: word(),
        flags: word(),
        ..MapDef::new(name)
    };
    if words.any(|extra| extra != 0) {
        let what = "sets fields after the five of `struct bpf_map_def`, whose meaning differs from loader to loader; define it in section `.maps`";
        return Err(Error::map(name, what));
    }
    Ok(def)
}

/// Sets the types of keys and values from `BPF_ANNOTATE_KV_PAIR`.
pub(super) fn annotate(btf: &Btf, maps: &mut Maps) -> Result<(), Error> {
    for (_, annotation) in btf.iter() {
        let Type::Composite(composite) = annotation else {
            continue;
        };
        let Some(name) = composite.name.strip_prefix(ANNOTATION) else {
            continue;
        };
        let def = maps.named_mut(name).filter(|def| def.btf_types.is_none());
        let Some(def) = def else {
            continue;
        };
        let member = |name| composite.members().find(|member| member.name == name);
        let Some((key, value)) = member("key").zip(member("value")) else {
            continue;
        };
        for (part, type_id, size) in [
            ("key", key.type_id, def.key_size),
            ("value", value.type_id, def.value_size),
        ] {
            let actual = btf.size_of(type_id)?;
            if actual != size {
                return Err(Error::map(
                    name,
                    format!(
                        "{part}_size is {size}, but its {part} type has {}",
                        Count(actual as usize)
                    ),
                ));
            }
        }
        def.btf_types = Some((key.type_id, value.type_id));
    }
    Ok(())
}
