//! The ELF file: sections, symbols, relocations; everything proven to lie inside the file.

mod header;
mod relocations;
mod sections;

use ::object::LittleEndian as LE;
use ::object::elf::{self as spec, FileHeader64, Sym64};
use ::object::read::elf::{FileHeader, SectionHeader, Sym, SymbolTable};
use ::object::read::{SectionIndex, SymbolIndex};

pub(super) use relocations::Relocation;
pub(super) use sections::Section;

use super::error::Error;

/// The longest name taken, in bytes; C++ and Rust make them long.
const LONGEST_NAME: usize = 1024;

/// A BPF object file.
pub(super) struct Elf<'a> {
    sections: Vec<Section<'a>>,
    symbols: SymbolTable<'a, FileHeader64<LE>>,
    symbol_names: &'a [u8],
    /// Relocation sections as (the section they are for, their own index), sorted.
    relocating: Vec<(usize, usize)>,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolKind {
    Function,
    Object,
    Section,
    Untyped,
    Other,
}

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In some other file, or in the kernel.
    Elsewhere,
    /// In the section with this index.
    Section(usize),
    /// Memory that a linker would still have to set aside.
    Common,
    /// Nowhere: the symbol is a mere number.
    Absolute,
}

/// A symbol.
#[derive(Clone, Copy)]
pub(super) struct Symbol<'a> {
    pub name: &'a str,
    pub kind: SymbolKind,
    pub global: bool,
    pub place: Place,
    /// Its offset in the section.
    pub value: u64,
    /// Bytes it takes, 0 when not told.
    pub size: u64,
}

impl<'a> Elf<'a> {
    /// Reads the file's tables.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = header::read(bytes)?;
        let table = header
            .sections(LE, bytes)
            .map_err(|cause| Error::file(format!("section table: {cause}")))?;
        let sections = sections::read(bytes, header, &table)?;
        sections::refuse_overlap(&sections)?;
        let symbols = table
            .symbols(LE, bytes, spec::SHT_SYMTAB)
            .map_err(|cause| Error::file(format!("symbol table: {cause}")))?;
        let symbol_names = sections
            .get(symbols.string_section().0)
            .map_or(&[][..], |section| section.data);
        let mut relocating: Vec<_> = sections
            .iter()
            .filter(|section| matches!(section.header.sh_type(LE), spec::SHT_REL | spec::SHT_RELA))
            .filter_map(|section| {
                Some((
                    usize::try_from(section.header.sh_info(LE)).ok()?,
                    section.index,
                ))
            })
            .collect();
        relocating.sort_unstable();
        let elf = Self {
            sections,
            symbols,
            symbol_names,
            relocating,
        };
        (0..elf.symbols.len()).try_for_each(|index| elf.symbol(index).map(drop))?;
        Ok(elf)
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &Section<'a>> {
        self.sections.iter()
    }

    pub(super) fn section(&self, index: usize) -> Option<&Section<'a>> {
        self.sections.get(index)
    }

    pub(super) fn section_named(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// All symbols, in order.
    pub(super) fn symbols(&self) -> impl Iterator<Item = (usize, Symbol<'a>)> {
        (0..self.symbols.len()).filter_map(|index| Some((index, self.symbol(index).ok()?)))
    }

    /// The symbol with this index.
    pub(super) fn symbol(&self, index: usize) -> Result<Symbol<'a>, Error> {
        let wrong = |what: &str| Error::file(format!("symbol {index}: {what}"));
        let symbols = self.symbols.symbols();
        let symbol = symbols
            .get(index)
            .ok_or_else(|| wrong("there is no such symbol"))?;
        let name = name_at(self.symbol_names, symbol.st_name(LE))
            .ok_or_else(|| wrong("its name can't be read"))?;
        Ok(Symbol {
            name,
            kind: match symbol.st_type() {
                spec::STT_FUNC => SymbolKind::Function,
                spec::STT_OBJECT => SymbolKind::Object,
                spec::STT_SECTION => SymbolKind::Section,
                spec::STT_NOTYPE => SymbolKind::Untyped,
                _ => SymbolKind::Other,
            },
            global: !symbol.is_local(),
            place: self.place(symbol, index)?,
            value: symbol.st_value(LE),
            size: symbol.st_size(LE),
        })
    }

    fn place(&self, symbol: &Sym64<LE>, index: usize) -> Result<Place, Error> {
        match symbol.st_shndx(LE) {
            spec::SHN_UNDEF => return Ok(Place::Elsewhere),
            spec::SHN_COMMON => return Ok(Place::Common),
            spec::SHN_XINDEX => {}
            special if special.is_reserved() => return Ok(Place::Absolute),
            _ => {}
        }
        match self.symbols.symbol_section(LE, symbol, SymbolIndex(index)) {
            Ok(Some(SectionIndex(section))) if section < self.sections.len() => {
                Ok(Place::Section(section))
            }
            _ => Err(Error::file(format!(
                "symbol {index}: it stands in a section that isn't there"
            ))),
        }
    }

    /// How to name a symbol: a section's has no name but the section's.
    pub(super) fn symbol_name(&self, symbol: &Symbol<'a>) -> &'a str {
        match (symbol.place, symbol.name) {
            (Place::Section(index), "") => self.section(index).map_or("", |section| section.name),
            (_, name) => name,
        }
    }
}

/// The text at `offset`, up to its NUL. An empty table holds nothing but empty names.
fn name_at(names: &[u8], offset: u32) -> Option<&str> {
    if names.is_empty() && offset == 0 {
        return Some("");
    }
    let from = names.get(usize::try_from(offset).ok()?..)?;
    let within = from.get(..LONGEST_NAME).unwrap_or(from);
    std::str::from_utf8(
        within
            .split_at_checked(within.iter().position(|&byte| byte == 0)?)?
            .0,
    )
    .ok()
}
