//! Sections. All sections are checked to be inside the file and not to overlap.

use ::object::LittleEndian as LE;
use ::object::elf::{self as spec, FileHeader64, SectionHeader64};
use ::object::read::SectionIndex;
use ::object::read::elf::{FileHeader, SectionHeader, SectionTable};

use super::name_at;
use crate::object::error::{Error, Quoted};

/// A section of the object file.
#[derive(Clone, Copy)]
pub(in crate::object) struct Section<'a> {
    pub index: usize,
    pub name: &'a str,
    /// Size in memory in bytes.
    pub size: u64,
    /// Content in the file; empty for a section without content, such as `.bss`.
    pub data: &'a [u8],
    pub(super) header: &'a SectionHeader64<LE>,
}

impl Section<'_> {
    /// True if the section holds instructions.
    pub(crate) fn is_code(&self) -> bool {
        self.header.sh_type(LE) == spec::SHT_PROGBITS
            && self.header.sh_flags(LE).0 & spec::SHF_EXECINSTR.0 != 0
    }
}

pub(super) fn read<'a>(
    bytes: &'a [u8],
    header: &FileHeader64<LE>,
    table: &SectionTable<'a, FileHeader64<LE>>,
) -> Result<Vec<Section<'a>>, Error> {
    let error = |index: usize, what: &str| Error::section(&format!("number {index}"), what);
    let names = header
        .section_strings_index(LE, bytes)
        .ok()
        .and_then(|index| table.section(index).ok())
        .and_then(|section| section.data(LE, bytes).ok())
        .unwrap_or_default();
    let mut sections = Vec::with_capacity(table.len());
    for (SectionIndex(index), header) in table.enumerate() {
        let name = name_at(names, header.sh_name(LE))
            .ok_or_else(|| error(index, "its name cannot be read"))?;
        let data = if index == 0 {
            Ok(&[][..])
        } else {
            header.data(LE, bytes)
        };
        let data = data.or(Err(Error::section(
            name,
            "reaches past the end of the file; it is cut or damaged",
        )))?;
        sections.push(Section {
            index,
            name,
            size: header.sh_size(LE),
            data,
            header,
        });
    }
    Ok(sections)
}

/// Refuses sections that share bytes of the file. The size of all sections together is thus at most the size of the file.
pub(super) fn refuse_overlap(sections: &[Section]) -> Result<(), Error> {
    let mut ranges: Vec<_> = sections
        .iter()
        .filter(|section| !section.data.is_empty())
        .map(|section| {
            (
                section.header.sh_offset(LE),
                section.header.sh_size(LE),
                section.name,
            )
        })
        .collect();
    ranges.sort_unstable();
    for [first, second] in ranges.array_windows() {
        if first.0.saturating_add(first.1) > second.0 {
            let what = format!(
                "shares bytes of the file with section {}; the file is damaged",
                Quoted(second.2)
            );
            return Err(Error::section(first.2, what));
        }
    }
    Ok(())
}
