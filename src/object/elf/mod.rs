//! The ELF file: sections, symbols and relocations. All ranges are checked to be inside the file.

mod header;
mod relocations;
mod sections;

use ::object::LittleEndian as LE;
use ::object::elf::{self as spec, FileHeader64, Sym64};
use ::object::read::elf::{FileHeader, SectionHeader, Sym, SymbolTable};
use ::object::read::{SectionIndex, SymbolIndex};

pub(super) use relocations::{R_BPF_64_32, R_BPF_64_64, R_BPF_64_ABS64, Relocation};
pub(super) use sections::Section;

use super::error::Error;

/// Maximum length of a name of a section or symbol, in bytes. C++ and Rust have long mangled names.
const MAX_NAME_LEN: usize = 1024;

/// A BPF object file.
pub(super) struct Elf<'a> {
    sections: Vec<Section<'a>>,
    symbols: SymbolTable<'a, FileHeader64<LE>>,
    symbol_names: &'a [u8],
    /// For each relocation section the index of the relocated section, and its own index; sorted.
    relocation_sections: Vec<(usize, usize)>,
}

/// Type of a symbol (`STT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolKind {
    Function,
    Object,
    Section,
    Untyped,
    Other,
}

/// Section of a symbol (`st_shndx`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolSection {
    /// Defined in another file, or in the kernel (`SHN_UNDEF`).
    Undefined,
    /// The section with this index.
    Section(usize),
    /// A common symbol, whose storage a linker would allocate (`SHN_COMMON`).
    Common,
    /// A constant that is not an address (`SHN_ABS` and other reserved indices).
    Absolute,
}

/// A symbol of the symbol table.
#[derive(Clone, Copy)]
pub(super) struct Symbol<'a> {
    pub name: &'a str,
    pub kind: SymbolKind,
    pub global: bool,
    pub section: SymbolSection,
    /// Offset in the section.
    pub value: u64,
    /// Size in bytes, 0 if unknown.
    pub size: u64,
}

impl<'a> Elf<'a> {
    /// Reads the section table and the symbol table.
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
        let mut relocation_sections: Vec<_> = sections
            .iter()
            .filter(|section| matches!(section.header.sh_type(LE), spec::SHT_REL | spec::SHT_RELA))
            .filter_map(|section| {
                Some((
                    usize::try_from(section.header.sh_info(LE)).ok()?,
                    section.index,
                ))
            })
            .collect();
        relocation_sections.sort_unstable();
        let elf = Self {
            sections,
            symbols,
            symbol_names,
            relocation_sections,
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

    /// All symbols with their indices, in order.
    pub(super) fn symbols(&self) -> impl Iterator<Item = (usize, Symbol<'a>)> {
        (0..self.symbols.len()).filter_map(|index| Some((index, self.symbol(index).ok()?)))
    }

    /// The symbol with this index.
    pub(super) fn symbol(&self, index: usize) -> Result<Symbol<'a>, Error> {
        let error = |what: &str| Error::file(format!("symbol {index}: {what}"));
        let symbols = self.symbols.symbols();
        let symbol = symbols
            .get(index)
            .ok_or_else(|| error("there is no such symbol"))?;
        let name = name_at(self.symbol_names, symbol.st_name(LE))
            .ok_or_else(|| error("its name cannot be read"))?;
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
            section: self.symbol_section(symbol, index)?,
            value: symbol.st_value(LE),
            size: symbol.st_size(LE),
        })
    }

    fn symbol_section(&self, symbol: &Sym64<LE>, index: usize) -> Result<SymbolSection, Error> {
        match symbol.st_shndx(LE) {
            spec::SHN_UNDEF => return Ok(SymbolSection::Undefined),
            spec::SHN_COMMON => return Ok(SymbolSection::Common),
            spec::SHN_XINDEX => {}
            special if special.is_reserved() => return Ok(SymbolSection::Absolute),
            _ => {}
        }
        match self.symbols.symbol_section(LE, symbol, SymbolIndex(index)) {
            Ok(Some(SectionIndex(section))) if section < self.sections.len() => {
                Ok(SymbolSection::Section(section))
            }
            _ => Err(Error::file(format!(
                "symbol {index}: its section does not exist"
            ))),
        }
    }

    /// The symbol's name. A section symbol has none and gets the section's name.
    pub(super) fn symbol_name(&self, symbol: &Symbol<'a>) -> &'a str {
        match (symbol.section, symbol.name) {
            (SymbolSection::Section(index), "") => {
                self.section(index).map_or("", |section| section.name)
            }
            (_, name) => name,
        }
    }
}

/// The name at `offset`, up to its NUL; `None` if the name is too long or not UTF-8. Offset 0 of an empty table is an
/// empty name.
fn name_at(names: &[u8], offset: u32) -> Option<&str> {
    if names.is_empty() && offset == 0 {
        return Some("");
    }
    let from = names.get(usize::try_from(offset).ok()?..)?;
    let within = from.get(..MAX_NAME_LEN).unwrap_or(from);
    std::str::from_utf8(
        within
            .split_at_checked(within.iter().position(|&byte| byte == 0)?)?
            .0,
    )
    .ok()
}
