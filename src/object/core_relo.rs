//! CO-RE relocations (section `.BTF.ext`): offsets and sizes that only the types of a running kernel can tell.
//!
//! They are refused where the program has them; what other functions have doesn't matter.

use super::btf::Btf;
use super::elf::Elf;
use super::error::Error;
use super::functions::{Function, Functions};

/// Bytes of the part of the header that names the CO-RE relocations, which old compilers leave out.
const HEADER: usize = 32;
/// `BPF_TYPE_ID_LOCAL`: a type id of this very object, which the compiler has filled in.
const TYPE_ID_LOCAL: u32 = 6;

/// One relocation.
struct Record {
    /// The index of the section it is for.
    section: usize,
    /// The instruction's offset there.
    offset: u64,
    type_id: u32,
}

/// Refuses a program one of whose functions needs CO-RE.
pub(super) fn refuse<'a>(
    elf: &Elf,
    btf: Option<&Btf>,
    functions: &Functions,
    linked: impl Iterator<Item = &'a Function<'a>>,
) -> Result<(), Error> {
    let Some((btf, section)) = btf.zip(elf.section_named(".BTF.ext")) else {
        return Ok(());
    };
    let damaged = || {
        Error::section(
            section.name,
            "is damaged; strip it, or compile the object again",
        )
    };
    let mut records = read(elf, btf, section.data).ok_or_else(damaged)?;
    records.sort_unstable_by_key(|record| (record.section, record.offset));
    for function in linked {
        let start = (function.section, function.start);
        let first = records.partition_point(|record| (record.section, record.offset) < start);
        let Some(record) = records.get(first) else {
            continue;
        };
        if record.section == function.section
            && record.offset < function.start.saturating_add(function.size)
        {
            let what = format!(
                "instruction {} needs a CO-RE relocation against kernel type {}; build it without vmlinux.h and bpf_core_read, from <linux/…> headers",
                (record.offset - function.start) / 8,
                btf.describe(record.type_id)
            );
            let section = functions.section_name(function).into();
            return Err(Error::Function {
                name: function.name.into(),
                section,
                what,
            });
        }
    }
    Ok(())
}

/// The relocations in the section; `None` when it is cut.
fn read(elf: &Elf, btf: &Btf, bytes: &[u8]) -> Option<Vec<Record>> {
    let words = match table(bytes)? {
        [] => return Some(Vec::new()),
        table => to_words(table),
    };
    let (&record_size, mut rest) = words.split_first()?;
    let record_words = usize::try_from(record_size / 4)
        .ok()
        .filter(|&size| size >= 4)?;
    // Looked up once for each run of records, of which a hostile file has many.
    let mut sections: Vec<_> = elf
        .sections()
        .map(|section| (section.name, section.index))
        .collect();
    sections.sort_unstable();
    let mut records = Vec::new();
    while let Some((&[name, count], after)) = rest.split_first_chunk() {
        let name = btf.name(name)?;
        let found = sections.binary_search_by_key(&name, |&(name, _)| name).ok();
        let section = found
            .and_then(|at| sections.get(at))
            .map_or(usize::MAX, |&(_, index)| index);
        let count = usize::try_from(count).ok()?;
        let (run, after) = after.split_at_checked(record_words.checked_mul(count)?)?;
        records.extend(
            run.chunks_exact(record_words)
                .filter_map(|record| match *record {
                    [_, _, _, TYPE_ID_LOCAL, ..] => None,
                    [offset, type_id, ..] => Some(Record {
                        section,
                        offset: offset.into(),
                        type_id,
                    }),
                    _ => None,
                }),
        );
        rest = after;
    }
    rest.is_empty().then_some(records)
}

/// The part of the section that holds the relocations, empty when it has none; `None` when it is cut.
fn table(bytes: &[u8]) -> Option<&[u8]> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Some(&[]);
    };
    // After magic and header length: offset and length of functions, of lines, of CO-RE relocations.
    let &[_, header, _, _, _, _, at, length] = to_words(header).as_slice() else {
        return Some(&[]);
    };
    if usize::try_from(header).ok()? < HEADER {
        return Some(&[]);
    }
    let at = usize::try_from(header.checked_add(at)?).ok()?;
    bytes.get(at..at.checked_add(usize::try_from(length).ok()?)?)
}

fn to_words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word))
        .collect()
}
