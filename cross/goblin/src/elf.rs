//! An ELF file: its sections and their names.

use std::iter::{Empty, Enumerate, empty};
use std::slice::Iter;

use crate::error::{Error, Result};

/// Bytes of `Elf64_Ehdr` and of `Elf64_Shdr`.
const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;
/// The first bytes of `e_ident`: 64-bit, little-endian, version 1.
const IDENT: [u8; 7] = [0x7f, b'E', b'L', b'F', 2, 1, 1];

/// A file, with the fields of goblin that redbpf reads.
pub struct Elf<'a> {
    pub section_headers: Sections,
    /// Names of sections.
    pub shdr_strtab: Strtab<'a>,
    /// Names of symbols.
    pub strtab: NoNames,
    pub dynstrtab: NoNames,
    pub syms: NoSymbols,
    pub dynsyms: NoSymbols,
    pub shdr_relocs: Vec<(usize, reloc::RelocSection<'a>)>,
}

impl<'a> Elf<'a> {
    /// Reads the headers of the sections.
    ///
    /// # Errors
    /// When the file has relocations, or a section outside of its bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let sections = headers(bytes).ok_or(Error("no sections"))?;
        let names = section_names(bytes, &sections).ok_or(Error("no names of sections"))?;
        for section in &sections {
            if section.sh_type == section_header::SHT_REL {
                return Err(Error("relocations"));
            }
            section
                .content(bytes)
                .ok_or(Error("section outside of the file"))?;
        }
        Ok(Self {
            section_headers: Sections(sections),
            shdr_strtab: Strtab(names),
            strtab: NoNames,
            dynstrtab: NoNames,
            syms: NoSymbols,
            dynsyms: NoSymbols,
            shdr_relocs: Vec::new(),
        })
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The section headers; `e_shoff` is at offset 40 of the file header, `e_shnum` at 60.
fn headers(bytes: &[u8]) -> Option<Vec<SectionHeader>> {
    if !bytes.starts_with(&IDENT) {
        return None;
    }
    let first = usize::try_from(u64::from_le_bytes(number(bytes, 40)?)).ok()?;
    let count = usize::from(u16::from_le_bytes(number(bytes, 60)?));
    let size = count * SECTION_HEADER;
    let table = bytes.get(first.max(FILE_HEADER)..)?.get(..size)?;
    table
        .chunks_exact(SECTION_HEADER)
        .map(SectionHeader::read)
        .collect()
}

/// The string table with the names of sections; `e_shstrndx` is at offset 62 of the file header.
fn section_names<'a>(bytes: &'a [u8], sections: &[SectionHeader]) -> Option<&'a [u8]> {
    let index = u16::from_le_bytes(number(bytes, 62)?);
    sections.get(usize::from(index))?.content(bytes)
}

/// The section headers of a file.
pub struct Sections(Vec<SectionHeader>);

impl Sections {
    pub fn iter(&self) -> SectionIter<'_> {
        SectionIter(self.0.iter())
    }
}

/// The two ways in which redbpf goes through the sections.
pub struct SectionIter<'a>(Iter<'a, SectionHeader>);

impl<'a> SectionIter<'a> {
    pub fn enumerate(self) -> Enumerate<Iter<'a, SectionHeader>> {
        self.0.enumerate()
    }

    /// redbpf searches for `.BTF` alone, and then for the sections in that. An object here has no BTF.
    pub fn find(self, _: impl FnMut(&&'a SectionHeader) -> bool) -> Option<&'a SectionHeader> {
        None
    }
}

/// Names, each ended by a NUL.
pub struct Strtab<'a>(&'a [u8]);

impl<'a> Strtab<'a> {
    /// The name at an offset of the table.
    pub fn get_unsafe(&self, offset: usize) -> Option<&'a str> {
        let name = self.0.get(offset..)?.split(|&byte| byte == 0).next()?;
        std::str::from_utf8(name).ok()
    }
}

/// The names of no symbols.
pub struct NoNames;

impl NoNames {
    pub fn get_at(&self, _: usize) -> Option<&'static str> {
        None
    }
}

/// A symbol table without symbols.
pub struct NoSymbols;

impl NoSymbols {
    pub fn iter(&self) -> Empty<Sym> {
        empty()
    }

    pub fn to_vec(&self) -> Vec<Sym> {
        Vec::new()
    }
}

pub use section_header::SectionHeader;
pub use sym::Sym;

pub mod section_header {
    use super::number;

    pub const SHT_PROGBITS: u32 = 1;
    pub const SHT_REL: u32 = 9;

    /// The fields of `Elf64_Shdr` that redbpf reads.
    pub struct SectionHeader {
        pub sh_name: usize,
        pub sh_type: u32,
        pub sh_offset: u64,
        pub sh_size: u64,
        pub sh_info: u32,
    }

    impl SectionHeader {
        pub(super) fn read(header: &[u8]) -> Option<Self> {
            Some(Self {
                sh_name: usize::try_from(u32::from_le_bytes(number(header, 0)?)).ok()?,
                sh_type: u32::from_le_bytes(number(header, 4)?),
                sh_offset: u64::from_le_bytes(number(header, 24)?),
                sh_size: u64::from_le_bytes(number(header, 32)?),
                sh_info: u32::from_le_bytes(number(header, 44)?),
            })
        }

        /// The bytes of the section, if all are in the file.
        pub(super) fn content<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
            let start = usize::try_from(self.sh_offset).ok()?;
            let size = usize::try_from(self.sh_size).ok()?;
            bytes.get(start..)?.get(..size)
        }
    }
}

pub mod sym {
    pub const STB_GLOBAL: u8 = 1;
    pub const STT_OBJECT: u8 = 1;

    /// The fields of `Elf64_Sym` that redbpf reads.
    #[derive(Clone, Copy)]
    pub struct Sym {
        pub st_name: usize,
        pub st_info: u8,
        pub st_shndx: usize,
        pub st_value: u64,
    }

    pub const fn st_bind(info: u8) -> u8 {
        info >> 4
    }

    pub const fn st_type(info: u8) -> u8 {
        info & 15
    }
}

pub mod reloc {
    use std::convert::Infallible;
    use std::iter::{Empty, empty};
    use std::marker::PhantomData;

    /// The relocations of a section. No file here has any.
    pub struct RelocSection<'a>(Infallible, PhantomData<&'a [u8]>);

    impl RelocSection<'_> {
        pub fn iter(&self) -> Empty<Reloc> {
            empty()
        }
    }

    pub struct Reloc {
        pub r_offset: u64,
        pub r_sym: usize,
    }
}
