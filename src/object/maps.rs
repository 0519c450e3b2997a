//! The list of an object's maps: maps that it defines, and one map for each data section.

use super::btf::Btf;
use super::elf::{Elf, Section, Symbol, SymbolKind, SymbolSection};
use super::error::{Error, Quoted};
use super::map_def::MapDef;
use super::map_kind::MapKind;
use super::tables;
use crate::base::quantity::Quantity;

/// Maximum number of maps of an object. A program may use 64 (`MAX_USED_MAPS`), but an object may have more programs.
const MAX_MAPS: usize = 256;
/// Maximum size of all data sections together, in bytes: the limit of older kernels for one value (`KMALLOC_MAX_SIZE`).
const MAX_DATA: u64 = 4 << 20;
/// Flag of `BPF_MAP_CREATE`: programs cannot write the map (5.2).
const BPF_F_RDONLY_PROG: u32 = 1 << 7;

/// A map definition that was read from its section.
pub(super) struct ParsedMap {
    pub def: MapDef,
    pub extent: Extent,
}

/// Range of a map definition in its section, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub offset: u64,
    pub size: u64,
    /// Offset of the static initialisers within the definition, if the map can have static initialisers.
    pub values_at: Option<u64>,
}

/// A map, and the part of the object from which it comes.
struct KnownMap {
    def: MapDef,
    source: MapSource,
}

/// Part of the object from which a map comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MapSource {
    Definition { section: usize, offset: u64 },
    Data { section: usize },
}

/// The maps found so far. Other modules refer to a map by its index.
#[derive(Default)]
pub(super) struct Maps {
    all: Vec<KnownMap>,
    /// Size of all data sections among the maps, in bytes.
    data: u64,
}

impl Maps {
    /// Adds the maps that a section defines.
    pub(super) fn add(&mut self, section: &Section, parsed: Vec<ParsedMap>) -> Result<(), Error> {
        for ParsedMap { def, extent } in parsed {
            def.check()?;
            if let Some(inner) = &def.inner {
                inner.check()?;
            }
            self.push(
                def,
                MapSource::Definition {
                    section: section.index,
                    offset: extent.offset,
                },
            )?;
        }
        Ok(())
    }

    fn push(&mut self, def: MapDef, source: MapSource) -> Result<usize, Error> {
        if self.all.len() == MAX_MAPS {
            return Err(Error::map(
                &def.name,
                format!("exceeds the limit; an object may have at most {MAX_MAPS} maps"),
            ));
        }
        if self.named_mut(&def.name).is_some() {
            return Err(Error::map(
                &def.name,
                "is defined twice; give one of the two another name",
            ));
        }
        self.all.push(KnownMap { def, source });
        Ok(self.all.len() - 1)
    }

    fn index_of(&self, source: MapSource) -> Option<usize> {
        self.all.iter().position(|map| map.source == source)
    }

    /// The map whose definition is at `offset` of `section`.
    pub(super) fn defined_at(&self, section: usize, offset: u64) -> Option<usize> {
        self.index_of(MapSource::Definition { section, offset })
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut MapDef> {
        self.all.get_mut(index).map(|map| &mut map.def)
    }

    /// The map with this name.
    pub(super) fn named_mut(&mut self, name: &str) -> Option<&mut MapDef> {
        let mut defs = self.all.iter_mut().map(|map| &mut map.def);
        defs.find(|def| def.name == name)
    }

    /// True if `wanted` is a section of map definitions.
    pub(super) fn any_defined_in(&self, wanted: usize) -> bool {
        self.all.iter().any(
            |map| matches!(map.source, MapSource::Definition { section, .. } if section == wanted),
        )
    }

    /// The map of a data section, which is added on the first reference to the section.
    pub(super) fn for_data_section(
        &mut self,
        elf: &Elf,
        btf: Option<&Btf>,
        section: &Section,
    ) -> Result<usize, Error> {
        let source = MapSource::Data {
            section: section.index,
        };
        if let Some(index) = self.index_of(source) {
            return Ok(index);
        }
        refuse_addresses(elf, section)?;
        self.data = self.data.saturating_add(section.size);
        let (Ok(value_size), 1..=MAX_DATA) = (u32::try_from(section.size), self.data) else {
            let (size, sum) = (section.size, self.data);
            let what = format!(
                "is {}, the program's data {sum} in all; 1 to {MAX_DATA} are possible",
                Quantity(size, "byte")
            );
            return Err(Error::section(section.name, what));
        };
        let read_only = section.name.starts_with(".rodata");
        let mut initial = section.data.to_vec();
        initial.resize(usize::try_from(value_size).unwrap_or(usize::MAX), 0);
        let def = MapDef {
            kind: MapKind::ARRAY,
            key_size: 4,
            value_size,
            max_entries: 1,
            flags: if read_only { BPF_F_RDONLY_PROG } else { 0 },
            initial: Some(initial),
            freeze: read_only,
            btf_types: btf
                .and_then(|btf| btf.section_id(section.name))
                .map(|variables| (0, variables)),
            ..MapDef::new(section.name)
        };
        self.push(def, source)
    }

    /// The definitions, each with its role.
    pub(super) fn into_defs(self, btf: Option<&Btf>) -> Result<Vec<MapDef>, Error> {
        let mut defs: Vec<_> = self.all.into_iter().map(|map| map.def).collect();
        tables::find_tables(&mut defs, btf)?;
        Ok(defs)
    }
}

/// True if a section with this name holds variables.
pub(super) fn is_data(name: &str) -> bool {
    [".rodata", ".data", ".bss"].into_iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The symbols of the maps in a section, in order of their offsets.
pub(super) fn symbols_in<'a>(elf: &Elf<'a>, section: &Section) -> Result<Vec<Symbol<'a>>, Error> {
    let here = |symbol: &Symbol| {
        symbol.section == SymbolSection::Section(section.index)
            && matches!(symbol.kind, SymbolKind::Object | SymbolKind::Untyped)
            && !symbol.name.is_empty()
    };
    let mut symbols: Vec<_> = elf
        .symbols()
        .map(|(_, symbol)| symbol)
        .filter(here)
        .take(MAX_MAPS + 1)
        .collect();
    if symbols.len() > MAX_MAPS {
        return Err(Error::section(
            section.name,
            format!("defines more than {MAX_MAPS} maps, the limit"),
        ));
    }
    symbols.sort_unstable_by_key(|symbol| (symbol.value, symbol.name));
    match symbols
        .array_windows()
        .find(|[one, other]| one.value == other.value)
    {
        Some([one, other]) => {
            let (one, other) = (Quoted(one.name), Quoted(other.name));
            Err(Error::section(
                section.name,
                format!("{one} and {other} are at the same offset; a map has one name"),
            ))
        }
        None => Ok(symbols),
    }
}

/// Refuses data with addresses, which are known only to a running kernel. The kernel does not relocate data.
fn refuse_addresses(elf: &Elf, section: &Section) -> Result<(), Error> {
    let Some(relocation) = elf.relocations(section)?.into_iter().next() else {
        return Ok(());
    };
    let symbol = elf.symbol(relocation.symbol)?;
    let (name, offset) = (Quoted(elf.symbol_name(&symbol)), relocation.offset);
    let what = format!(
        "contains the address of {name} at offset {offset}, but a map cannot contain addresses; use an array of values, or a switch"
    );
    Err(Error::section(section.name, what))
}
