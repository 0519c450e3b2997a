//! Writes an object file for redbpf, with one program and one license.
//!
//! redbpf 2.3.0 panics on damaged files, so that it must not read the operator's file. `cross/goblin` reads the object for
//! redbpf, and finds no symbols, so the symbol table is for other readers.

use super::error::{Error, Fault};
use super::frame::Code;
use super::link::MapReference;
use super::{Insn, LinkedObject};
use crate::base::quantity::Quantity;

/// Sizes of `Elf64_Ehdr`, `Elf64_Shdr` and `Elf64_Sym` in bytes.
const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;
/// Number of sections: null, program, license, symbol table, string table.
const SECTIONS: u16 = 5;
/// Index of the string table among the sections.
const STRTAB_INDEX: u16 = 4;

/// `e_ident`: 64-bit, little-endian, version 1, no ABI.
const IDENT: [u8; 16] = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// `e_type`, `e_machine` and `e_version`.
const ET_REL: u16 = 1;
const EM_BPF: u16 = 247;
const EV_CURRENT: u32 = 1;
/// `st_info`: binding in the upper four bits, type in the lower.
const STB_GLOBAL: u8 = 1;
const STT_FUNC: u8 = 2;

/// `sh_type` and `sh_flags` of the ELF specification.
const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;

/// Range of a section in the file, in bytes.
#[derive(Clone, Copy)]
struct Extent {
    offset: usize,
    size: usize,
}

impl Extent {
    const fn end(self) -> usize {
        self.offset + self.size
    }
}

/// A section header, with the fields of `Elf64_Shdr`.
struct SectionHeader {
    name: u32,
    kind: u32,
    flags: u64,
    extent: Extent,
    align: u64,
}

/// The string table for sections and symbols; each name ends with a NUL.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, name: &str) -> u32 {
        let offset = u32::try_from(self.0.len()).unwrap_or(0);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        offset
    }
}

/// Builds the object file. `fds` has the descriptor of each map, in the order of the maps.
pub(super) fn build(object: &LinkedObject, fds: &[i32]) -> Result<Vec<u8>, Error> {
    let entry = kernel_name(&object.entry);
    let mut strings = Strings(vec![0]);
    let function = strings.add(&entry);
    let extent = |offset, size| Extent { offset, size };
    let program_code = instructions(object, fds)?;
    let code = extent(FILE_HEADER, program_code.len());
    let text = extent(code.end(), object.license.len() + 1);
    let symbols = extent(text.end().next_multiple_of(8), 2 * SYMBOL);
    let mut header = |name: &str, kind, flags, align, extent| SectionHeader {
        name: strings.add(name),
        kind,
        flags,
        extent,
        align,
    };
    let executable = SHF_ALLOC | SHF_EXECINSTR;
    let program = header(&format!("xdp/{entry}"), SHT_PROGBITS, executable, 8, code);
    let license = header("license", SHT_PROGBITS, SHF_ALLOC, 1, text);
    let symtab = header(".symtab", SHT_SYMTAB, 0, 8, symbols);
    let mut strtab = header(".strtab", SHT_STRTAB, 0, 1, extent(symbols.end(), 0));
    // Known only now: the table includes the names of all sections.
    strtab.extent.size = strings.0.len();
    let headers = strtab.extent.end().next_multiple_of(8);

    let mut out = Vec::with_capacity(headers + usize::from(SECTIONS) * SECTION_HEADER);
    write_file_header(&mut out, headers);
    out.extend_from_slice(&program_code);
    out.extend_from_slice(object.license.as_bytes());
    out.resize(symbols.offset + SYMBOL, 0);
    write_symbol(&mut out, function, code.size);
    out.extend_from_slice(&strings.0);
    // The header of the null section is all zero.
    out.resize(headers + SECTION_HEADER, 0);
    for header in [program, license, symtab, strtab] {
        header.write(&mut out);
    }
    Ok(out)
}

fn check_descriptors(object: &LinkedObject, fds: &[i32]) -> Result<(), Error> {
    if fds.len() != object.maps.len() {
        let (given, maps) = (fds.len(), object.maps.len());
        return Err(Error::from(Fault::Descriptors(format!(
            "{} for {}; each map takes one",
            Quantity(given as u64, "descriptor"),
            Quantity(maps as u64, "map")
        ))));
    }
    match fds.iter().find(|&&fd| fd < 0) {
        Some(fd) => Err(Error::from(Fault::Descriptors(format!(
            "{fd} is not a descriptor of a map"
        )))),
        None => Ok(()),
    }
}

/// The instructions with the maps' descriptors, as bytes.
pub(super) fn instructions(object: &LinkedObject, fds: &[i32]) -> Result<Vec<u8>, Error> {
    check_descriptors(object, fds)?;
    Ok(match object.frame {
        Some(frame) => {
            let Code {
                insns,
                map_references,
            } = frame.around(object);
            with_descriptors(&insns, &map_references, fds)
        }
        None => with_descriptors(&object.insns, &object.map_references, fds),
    })
}

/// The instructions as bytes. Each reference to a map gets the map's descriptor as its immediate.
fn with_descriptors(insns: &[Insn], references: &[MapReference], fds: &[i32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(insns.len() * Insn::SIZE);
    let mut references = references.iter().peekable();
    for (slot, insn) in insns.iter().enumerate() {
        let reference = references.next_if(|next| next.slot == slot);
        let fd = reference.and_then(|reference| fds.get(reference.map));
        out.extend_from_slice(&fd.map_or(*insn, |&fd| insn.with_imm(fd)).to_bytes());
    }
    out
}

/// The entry function's name, with `_` for characters that the kernel does not allow in a program's name.
fn kernel_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

fn write_file_header(out: &mut Vec<u8>, headers: usize) {
    out.extend_from_slice(&IDENT);
    out.extend_from_slice(&ET_REL.to_le_bytes());
    out.extend_from_slice(&EM_BPF.to_le_bytes());
    out.extend_from_slice(&EV_CURRENT.to_le_bytes());
    // No entry address and no program headers.
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&(headers as u64).to_le_bytes());
    // Flags, then the sizes and numbers of headers, then `e_shstrndx`.
    out.extend_from_slice(&[0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0]);
    out.extend_from_slice(&SECTIONS.to_le_bytes());
    out.extend_from_slice(&STRTAB_INDEX.to_le_bytes());
}

/// The entry function's symbol: global, at offset 0 of section 1.
fn write_symbol(out: &mut Vec<u8>, name: u32, size: usize) {
    out.extend_from_slice(&name.to_le_bytes());
    out.extend_from_slice(&[STB_GLOBAL << 4 | STT_FUNC, 0, 1, 0]);
    out.extend_from_slice(&0_u64.to_le_bytes());
    out.extend_from_slice(&(size as u64).to_le_bytes());
}

impl SectionHeader {
    fn write(&self, out: &mut Vec<u8>) {
        // `sh_link` of a symbol table is its string table, `sh_info` the index of its first global symbol.
        let (link, info, entry_size) = if self.kind == SHT_SYMTAB {
            (u32::from(STRTAB_INDEX), 1_u32, SYMBOL as u64)
        } else {
            (0, 0, 0)
        };
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&0_u64.to_le_bytes());
        out.extend_from_slice(&(self.extent.offset as u64).to_le_bytes());
        out.extend_from_slice(&(self.extent.size as u64).to_le_bytes());
        out.extend_from_slice(&link.to_le_bytes());
        out.extend_from_slice(&info.to_le_bytes());
        out.extend_from_slice(&self.align.to_le_bytes());
        out.extend_from_slice(&entry_size.to_le_bytes());
    }
}
