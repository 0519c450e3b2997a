//! Writes the one kind of object that redbpf is given.
//!
//! redbpf 2.3.0 panics on damaged files, so it never sees a foreign byte: this object has one program, one license, and
//! symbols only because its ELF reader looks for a table of them.

use super::error::Error;
use super::{Insn, LinkedObject};

const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;
/// Sections: none, program, license, symbols, strings.
const SECTIONS: u16 = 5;
const STRINGS_INDEX: u16 = 4;

/// `sh_type` and `sh_flags` of the ELF specification.
const PROGBITS: u32 = 1;
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;
const ALLOC: u64 = 2;
const EXECINSTR: u64 = 4;

/// One entry of the section table.
struct Header {
    name: u32,
    kind: u32,
    flags: u64,
    offset: usize,
    size: usize,
    link: u32,
    info: u32,
    align: u64,
    entry_size: u64,
}

/// Names, each NUL-terminated, in one table for sections and symbols.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, name: &str) -> u32 {
        let offset = u32::try_from(self.0.len()).unwrap_or(0);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        offset
    }
}

pub(super) fn build(object: &LinkedObject, fds: &[i32]) -> Result<Vec<u8>, Error> {
    check_descriptors(object, fds)?;
    let entry = kernel_name(&object.entry);
    let mut strings = Strings(vec![0]);
    let function = strings.add(&entry);
    let names =
        [&format!("xdp/{entry}"), "license", ".symtab", ".strtab"].map(|name| strings.add(name));

    let program = (FILE_HEADER, object.insns.len() * Insn::SIZE);
    let license = (program.0 + program.1, object.license.len() + 1);
    let symbols = ((license.0 + license.1).next_multiple_of(8), 2 * SYMBOL);
    let table = (symbols.0 + symbols.1, strings.0.len());
    let headers = (table.0 + table.1).next_multiple_of(8);

    let mut out = Vec::with_capacity(headers + usize::from(SECTIONS) * SECTION_HEADER);
    write_file_header(&mut out, headers);
    write_program(&mut out, object, fds);
    out.extend_from_slice(object.license.as_bytes());
    out.resize(symbols.0 + SYMBOL, 0);
    write_symbol(&mut out, function, program.1);
    out.extend_from_slice(&strings.0);
    out.resize(headers + SECTION_HEADER, 0);
    write_section_headers(&mut out, names, [program, license, symbols, table]);
    Ok(out)
}

fn check_descriptors(object: &LinkedObject, fds: &[i32]) -> Result<(), Error> {
    if fds.len() != object.maps.len() {
        let (given, maps) = (fds.len(), object.maps.len());
        return Err(Error::Descriptors(format!(
            "{given} descriptors for {maps} maps; each map takes one"
        )));
    }
    match fds.iter().find(|&&fd| fd < 0) {
        Some(fd) => Err(Error::Descriptors(format!(
            "{fd} is no descriptor of a map"
        ))),
        None => Ok(()),
    }
}

/// The bytes of the instructions alone.
pub(super) fn instructions(object: &LinkedObject, fds: &[i32]) -> Result<Vec<u8>, Error> {
    check_descriptors(object, fds)?;
    let mut out = Vec::with_capacity(object.insns.len() * Insn::SIZE);
    write_program(&mut out, object, fds);
    Ok(out)
}

/// The instructions, with the maps' descriptors where they refer to maps.
fn write_program(out: &mut Vec<u8>, object: &LinkedObject, fds: &[i32]) {
    // Uses are in the order of instructions.
    let mut uses = object.uses.iter().peekable();
    for (slot, insn) in object.insns.iter().enumerate() {
        let here = uses.next_if(|next| next.insn == slot);
        let fd = here.and_then(|here| fds.get(here.map));
        out.extend_from_slice(&fd.map_or(*insn, |&fd| insn.with_imm(fd)).to_bytes());
    }
}

/// The headers of all sections but the null one; `names` and `places` (offset and size) are in their order.
fn write_section_headers(out: &mut Vec<u8>, names: [u32; 4], places: [(usize, usize); 4]) {
    let kinds = [
        (PROGBITS, ALLOC | EXECINSTR, 8),
        (PROGBITS, ALLOC, 1),
        (SYMTAB, 0, 8),
        (STRTAB, 0, 1),
    ];
    for ((name, (offset, size)), (kind, flags, align)) in names.into_iter().zip(places).zip(kinds) {
        // A symbol table names its strings, and the first symbol that isn't local.
        let symbols = kind == SYMTAB;
        let (link, info) = if symbols {
            (u32::from(STRINGS_INDEX), 1)
        } else {
            (0, 0)
        };
        let entry_size = if symbols { SYMBOL as u64 } else { 0 };
        Header {
            name,
            kind,
            flags,
            offset,
            size,
            link,
            info,
            align,
            entry_size,
        }
        .write(out);
    }
}

/// The entry's name with nothing in it but what the kernel takes in a program's name.
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
    // 64-bit, little-endian, version 1; no ABI.
    out.extend_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // ET_REL, EM_BPF, version; no entry address, no program headers.
    out.extend_from_slice(&[1, 0, 247, 0, 1, 0, 0, 0]);
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&(headers as u64).to_le_bytes());
    // Flags, then the sizes and numbers of headers.
    out.extend_from_slice(&[0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0]);
    out.extend_from_slice(&SECTIONS.to_le_bytes());
    out.extend_from_slice(&STRINGS_INDEX.to_le_bytes());
}

/// The entry function: global, in section 1, from its begin.
fn write_symbol(out: &mut Vec<u8>, name: u32, size: usize) {
    const GLOBAL_FUNCTION: u8 = 1 << 4 | 2;
    out.extend_from_slice(&name.to_le_bytes());
    out.extend_from_slice(&[GLOBAL_FUNCTION, 0, 1, 0]);
    out.extend_from_slice(&0_u64.to_le_bytes());
    out.extend_from_slice(&(size as u64).to_le_bytes());
}

impl Header {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&0_u64.to_le_bytes());
        out.extend_from_slice(&(self.offset as u64).to_le_bytes());
        out.extend_from_slice(&(self.size as u64).to_le_bytes());
        out.extend_from_slice(&self.link.to_le_bytes());
        out.extend_from_slice(&self.info.to_le_bytes());
        out.extend_from_slice(&self.align.to_le_bytes());
        out.extend_from_slice(&self.entry_size.to_le_bytes());
    }
}
