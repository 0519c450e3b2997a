//! Reader of the CO-RE relocations of an object, in section `.BTF.ext`.

use super::super::btf::Btf;
use super::super::elf::Elf;
use super::super::error::Error;
use super::super::functions::{Function, Functions};
use super::super::stream::LinkedFunction;
use super::{Kind, Relocation, fixed};

/// Size in bytes of the header with `core_relo_off` and `core_relo_len`, which old compilers omit.
const HEADER: usize = 32;
/// `BPF_CORE_TYPE_ID_LOCAL`: an id in the object's own BTF. The compiler's value is right.
const TYPE_ID_LOCAL: u32 = 6;

/// A CO-RE relocation (`struct bpf_core_relo`).
struct Record {
    /// Index of the instruction's section.
    section: usize,
    /// Offset of the instruction in the section, in bytes.
    offset: u64,
    type_id: u32,
    /// Offset of the access string in the string section of the BTF.
    access: u32,
    kind: u32,
}

/// Collects the relocations of a linked program that need the types of the running kernel.
///
/// # Errors
/// When the section is damaged, or has a relocation of an unknown kind.
pub(in crate::object) fn collect(
    elf: &Elf,
    btf: Option<&Btf>,
    functions: &Functions,
    linked: &[LinkedFunction<'_>],
) -> Result<Vec<Relocation>, Error> {
    let Some((btf, section)) = btf.zip(elf.section_named(".BTF.ext")) else {
        return Ok(Vec::new());
    };
    let damaged = || {
        Error::section(
            section.name,
            "is damaged; strip it, or compile the object again",
        )
    };
    let mut records = read(elf, btf, section.data).ok_or_else(damaged)?;
    records.sort_unstable_by_key(|record| (record.section, record.offset));
    let mut relocations = Vec::new();
    for linked in linked {
        let function = &linked.function;
        for record in records_in(function, &records) {
            let instruction = (record.offset - function.start) / 8;
            let wrong = |what: &str| {
                let name = btf.describe(record.type_id);
                let what =
                    format!("instruction {instruction} has a CO-RE relocation for {name}, {what}");
                functions.error(function, what)
            };
            let kind = Kind::of(record.kind).ok_or_else(|| {
                wrong("of a kind that corexdp does not know, such as bpf_core_type_matches; use bpf_core_type_exists")
            })?;
            if fixed::is_fixed(btf, record.type_id) {
                continue;
            }
            relocations.push(Relocation {
                slot: usize::try_from(instruction)
                    .map_or(usize::MAX, |slot| linked.start.saturating_add(slot)),
                type_id: record.type_id,
                kind,
                access: btf.name(record.access).ok_or_else(damaged)?.into(),
            });
        }
    }
    Ok(relocations)
}

/// The records for the instructions of a function. `records` is in order of section and offset.
fn records_in<'r>(function: &Function<'_>, records: &'r [Record]) -> &'r [Record] {
    let start = (function.section, function.start);
    let end = (
        function.section,
        function.start.saturating_add(function.size),
    );
    let first = records.partition_point(|record| (record.section, record.offset) < start);
    let last = records.partition_point(|record| (record.section, record.offset) < end);
    records.get(first..last).unwrap_or_default()
}
/// Reads the relocations in the section; `None` if the section is truncated.
fn read(elf: &Elf, btf: &Btf, bytes: &[u8]) -> Option<Vec<Record>> {
    let words = match table(bytes)? {
        [] => return Some(Vec::new()),
        table => to_words(table),
    };
    let (&record_size, mut rest) = words.split_first()?;
    let record_words = usize::try_from(record_size / 4)
        .ok()
        .filter(|&size| size >= 4)?;
    // A sorted list, because a malicious file may have many runs of records, each with a section name to look up.
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
                    [offset, type_id, access, kind, ..] => Some(Record {
                        section,
                        offset: offset.into(),
                        type_id,
                        access,
                        kind,
                    }),
                    _ => None,
                }),
        );
        rest = after;
    }
    rest.is_empty().then_some(records)
}

/// The part of the section with the relocations, empty without relocations; `None` if the section is truncated.
fn table(bytes: &[u8]) -> Option<&[u8]> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Some(&[]);
    };
    // After magic and header length: offset and length of function, line and CO-RE relocation info.
    let &[_, header, _, _, _, _, offset, length] = to_words(header).as_slice() else {
        return Some(&[]);
    };
    if usize::try_from(header).ok()? < HEADER {
        return Some(&[]);
    }
    // The offset counts from the end of the header.
    let start = usize::try_from(header.checked_add(offset)?).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

fn to_words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word))
        .collect()
}
