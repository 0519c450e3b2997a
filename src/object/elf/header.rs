//! The ELF header: checks that the file is a BPF object.

use ::object::LittleEndian as LE;
use ::object::elf::{self as spec, FileHeader64};
use ::object::read::elf::FileHeader;

use crate::object::error::Error;

/// Size of an ELF64 header in bytes.
const FILE_HEADER: u64 = 64;
/// Size of an entry of the section table in bytes.
const SECTION_HEADER: u16 = 64;

/// Reads and checks the ELF header of a BPF object.
///
/// # Errors
/// When the file is not a BPF object, or is truncated.
pub(super) fn read(bytes: &[u8]) -> Result<&FileHeader64<LE>, Error> {
    const HINT: &str = "compile it with `clang -O2 -g -target bpf -c`";
    let Some(&[0x7f, b'E', b'L', b'F', class, order, ..]) = bytes.first_chunk::<16>() else {
        return Err(Error::file(format!(
            "this is not an ELF file, so not a BPF object; {HINT}"
        )));
    };
    if class != spec::ELFCLASS64.0 {
        return Err(Error::file(format!(
            "this is a 32-bit ELF file, not a BPF object; {HINT}"
        )));
    }
    if order != spec::ELFDATA2LSB.0 {
        return Err(Error::file(
            "this is a big-endian ELF file; compile it with `clang -O2 -g -target bpfel -c`",
        ));
    }
    let header: &FileHeader64<LE> = FileHeader64::parse(bytes).map_err(|_| {
        Error::file("the file ends inside its ELF header; it is cut short, copy it again")
    })?;
    let (kind, machine) = (header.e_type(LE), header.e_machine(LE));
    if machine != spec::EM_BPF {
        let (kind, machine) = (describe_type(kind), describe_machine(machine));
        return Err(Error::file(format!(
            "this is {kind} for {machine}, not a BPF object; {HINT}"
        )));
    }
    if kind != spec::ET_REL {
        let kind = describe_type(kind);
        return Err(Error::file(format!(
            "this is {kind} for BPF, not the relocatable object that `clang -c` makes"
        )));
    }
    check_section_table(header, bytes)?;
    Ok(header)
}

fn check_section_table(header: &FileHeader64<LE>, bytes: &[u8]) -> Result<(), Error> {
    if header.e_shoff(LE) < FILE_HEADER || header.e_shentsize(LE) != SECTION_HEADER {
        return Err(Error::file(
            "the file has no section table; it is damaged, or was stripped of it",
        ));
    }
    let size = u64::from(header.e_shnum(LE)) * u64::from(SECTION_HEADER);
    let end = header.e_shoff(LE).checked_add(size);
    if end.is_none_or(|end| u64::try_from(bytes.len()).is_ok_and(|length| end > length)) {
        return Err(Error::file(
            "the file ends before its section table; it is cut short, copy it again",
        ));
    }
    Ok(())
}

fn describe_type(kind: spec::FileType) -> &'static str {
    match kind {
        spec::ET_REL => "an ELF object",
        spec::ET_EXEC => "an ELF executable",
        spec::ET_DYN => "an ELF executable or shared library",
        spec::ET_CORE => "a core dump",
        _ => "an ELF file of unknown type",
    }
}

fn describe_machine(machine: spec::Machine) -> String {
    match machine {
        spec::EM_NONE => "no machine".into(),
        spec::EM_X86_64 => "x86-64".into(),
        spec::EM_AARCH64 => "AArch64".into(),
        spec::EM_RISCV => "RISC-V".into(),
        spec::EM_MIPS => "MIPS".into(),
        other => format!("machine {}", other.0),
    }
}
