//! The maps of an object: those it defines, and those its data sections become.

use super::btf::Btf;
use super::elf::{Elf, Place, Section, Symbol, SymbolKind};
use super::error::{Error, Quoted};
use super::map_def::MapDef;
use super::map_kind::MapKind;
use super::{btf_maps, old_maps, slots};

/// Most maps taken. One program may use 64 (`MAX_USED_MAPS`); an object may define some for others.
const MOST_MAPS: usize = 256;
/// Most bytes taken in all data sections together: what older kernels allow for one value (`KMALLOC_MAX_SIZE`).
const MOST_DATA: u64 = 4 << 20;
/// Programs cannot write the map (5.2).
const BPF_F_RDONLY_PROG: u32 = 1 << 7;

/// A map that was found, and where.
pub(super) struct Found {
    pub def: MapDef,
    /// The offset in its section.
    pub offset: u64,
    /// Bytes that its definition takes there.
    pub size: u64,
    /// Where in these its static initialisers begin.
    pub values_at: Option<u64>,
}

/// Where a map comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Definition { section: usize, offset: u64 },
    Data { section: usize },
}

/// The maps known so far.
#[derive(Default)]
pub(super) struct Maps {
    defs: Vec<MapDef>,
    /// Parallel to `defs`.
    origins: Vec<Origin>,
    /// Bytes of all data sections among them.
    data: u64,
}

impl Maps {
    /// The maps that the object defines.
    pub(super) fn defined_in(elf: &Elf, btf: Option<&Btf>) -> Result<Self, Error> {
        let (mut maps, mut old) = (Self::default(), false);
        for section in elf.sections() {
            if section.name == ".maps" {
                if elf
                    .section_named(".maps")
                    .is_some_and(|first| first.index != section.index)
                {
                    return Err(Error::section(
                        section.name,
                        "is there twice; all maps stand in one",
                    ));
                }
                let found = btf_maps::read(elf, btf, section)?;
                let layout: Vec<_> = found
                    .iter()
                    .map(|map| (map.offset, map.size, map.values_at))
                    .collect();
                maps.add(section, found)?;
                slots::fill(elf, section, &layout, &mut maps)?;
            } else if section.name == "maps" || section.name.starts_with("maps/") {
                maps.add(section, old_maps::read(elf, section)?)?;
                old = true;
            }
        }
        if let Some(btf) = btf.filter(|_| old) {
            old_maps::annotate(btf, &mut maps.defs)?;
        }
        Ok(maps)
    }

    fn add(&mut self, section: &Section, found: Vec<Found>) -> Result<(), Error> {
        for Found { def, offset, .. } in found {
            def.check()?;
            if let Some(inner) = &def.inner {
                inner.check()?;
            }
            self.push(
                def,
                Origin::Definition {
                    section: section.index,
                    offset,
                },
            )?;
        }
        Ok(())
    }

    fn push(&mut self, def: MapDef, origin: Origin) -> Result<usize, Error> {
        if self.defs.len() == MOST_MAPS {
            return Err(Error::map(
                &def.name,
                format!("is one too many; an object may have {MOST_MAPS} maps"),
            ));
        }
        if self.defs.iter().any(|other| other.name == def.name) {
            return Err(Error::map(
                &def.name,
                "is defined twice; give one of the two another name",
            ));
        }
        self.defs.push(def);
        self.origins.push(origin);
        Ok(self.defs.len() - 1)
    }

    /// The map whose definition begins at this place.
    pub(super) fn at(&self, section: usize, offset: u64) -> Option<usize> {
        self.origins
            .iter()
            .position(|&origin| origin == Origin::Definition { section, offset })
    }

    /// The map defined there, to be completed.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut MapDef> {
        self.defs.get_mut(index)
    }

    /// Whether maps are defined in this section.
    pub(super) fn are_in(&self, wanted: usize) -> bool {
        self.origins.iter().any(
            |origin| matches!(origin, Origin::Definition { section, .. } if *section == wanted),
        )
    }

    /// The map that a data section becomes; made when it is first asked for.
    pub(super) fn of_data(&mut self, elf: &Elf, section: &Section) -> Result<usize, Error> {
        let origin = Origin::Data {
            section: section.index,
        };
        if let Some(index) = self.origins.iter().position(|&other| other == origin) {
            return Ok(index);
        }
        refuse_addresses(elf, section)?;
        self.data = self.data.saturating_add(section.size);
        let (Ok(value_size), 1..=MOST_DATA) = (u32::try_from(section.size), self.data) else {
            let (size, sum) = (section.size, self.data);
            let what = format!(
                "is {size} bytes, the program's data {sum} in all; 1 to {MOST_DATA} are possible"
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
            ..MapDef::new(section.name)
        };
        self.push(def, origin)
    }

    pub(super) fn into_defs(self) -> Vec<MapDef> {
        self.defs
    }
}

/// Whether a section of this name holds variables.
pub(super) fn is_data(name: &str) -> bool {
    [".rodata", ".data", ".bss"].into_iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The symbols that name things in this section, by offset.
pub(super) fn symbols_in<'a>(elf: &Elf<'a>, section: &Section) -> Result<Vec<Symbol<'a>>, Error> {
    let here = |symbol: &Symbol| {
        symbol.place == Place::Section(section.index)
            && matches!(symbol.kind, SymbolKind::Object | SymbolKind::Untyped)
            && !symbol.name.is_empty()
    };
    let mut symbols: Vec<_> = elf
        .symbols()
        .map(|(_, symbol)| symbol)
        .filter(here)
        .take(MOST_MAPS + 1)
        .collect();
    if symbols.len() > MOST_MAPS {
        return Err(Error::section(
            section.name,
            format!("defines more than {MOST_MAPS} maps, the most taken"),
        ));
    }
    symbols.sort_by_key(|symbol| symbol.value);
    match symbols
        .array_windows()
        .find(|[one, other]| one.value == other.value)
    {
        Some([one, other]) => {
            let (one, other) = (Quoted(one.name), Quoted(other.name));
            Err(Error::section(
                section.name,
                format!("{one} and {other} name the same bytes; a map has one name"),
            ))
        }
        None => Ok(symbols),
    }
}

/// Refuses data that holds addresses: they would be known only in a running kernel, which can't put them there.
fn refuse_addresses(elf: &Elf, section: &Section) -> Result<(), Error> {
    let Some(relocation) = elf.relocations(section)?.into_iter().next() else {
        return Ok(());
    };
    let symbol = elf.symbol(relocation.symbol)?;
    let (name, offset) = (Quoted(elf.symbol_name(&symbol)), relocation.offset);
    let what = format!(
        "holds the address of {name} at offset {offset}, and a map can't hold addresses; use an array of the things themselves, or a switch"
    );
    Err(Error::section(section.name, what))
}
