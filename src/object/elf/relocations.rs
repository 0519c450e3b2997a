//! Relocations: references from a section to symbols.

use ::object::LittleEndian as LE;
use ::object::elf as spec;
use ::object::read::elf::SectionHeader;

use super::{Elf, Section};
use crate::base::hex::Count;
use crate::base::quantity::Quantity;
use crate::object::error::{Error, Quoted};

/// Relocation of a 64-bit load; in old objects also of a call.
pub(in crate::object) const R_BPF_64_64: u32 = 1;
/// Relocation of a 64-bit address in data.
pub(in crate::object) const R_BPF_64_ABS64: u32 = 2;
/// Relocation of a call.
pub(in crate::object) const R_BPF_64_32: u32 = 10;

/// A reference to a symbol.
#[derive(Clone, Copy)]
pub(in crate::object) struct Relocation {
    /// Offset in the relocated section, in bytes.
    pub offset: u64,
    /// `R_BPF_*`, see the kernel's `bpf/llvm_reloc.rst`.
    pub kind: u32,
    /// Index of the symbol. The symbol exists.
    pub symbol: usize,
}

impl Elf<'_> {
    /// The relocations of one section, in order of offsets.
    ///
    /// # Errors
    /// When a relocation is damaged, or two are at the same offset.
    pub(crate) fn relocations(&self, target: &Section) -> Result<Vec<Relocation>, Error> {
        let first = self
            .relocation_sections
            .partition_point(|&(section, _)| section < target.index);
        let mut found = Vec::new();
        for &(_, index) in self
            .relocation_sections
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(|&&(section, _)| section == target.index)
        {
            let Some(section) = self.section(index) else {
                continue;
            };
            self.read_relocations(section, target, &mut found)?;
        }
        found.sort_unstable_by_key(|relocation| relocation.offset);
        if let Some([first, _]) = found
            .array_windows()
            .find(|[first, second]| first.offset == second.offset)
        {
            return Err(Error::section(
                target.name,
                format!("two relocations at offset {}", first.offset),
            ));
        }
        Ok(found)
    }

    fn read_relocations(
        &self,
        section: &Section,
        target: &Section,
        found: &mut Vec<Relocation>,
    ) -> Result<(), Error> {
        let error = |what: String| Err(Error::section(section.name, what));
        if section.header.sh_type(LE) == spec::SHT_RELA {
            return error("has relocations of type RELA; BPF objects use REL".into());
        }
        let (entries, rest) = section.data.as_chunks::<16>();
        if !rest.is_empty() {
            return error(format!(
                "is {}; relocations take 16 each",
                Count(section.data.len())
            ));
        }
        for (number, &entry) in entries.iter().enumerate() {
            // `struct Elf64_Rel`: 64 bits of offset, 32 bits of kind, 32 bits of symbol index.
            let entry = u128::from_le_bytes(entry);
            let offset = u64::try_from(entry & u128::from(u64::MAX)).unwrap_or(u64::MAX);
            let kind = u32::try_from(entry >> 64 & u128::from(u32::MAX)).unwrap_or(u32::MAX);
            let symbol = usize::try_from(entry >> 96).unwrap_or(usize::MAX);
            if offset >= target.size {
                let (name, size) = (Quoted(target.name), Quantity(target.size, "byte"));
                return error(format!(
                    "relocation {number}: it is for offset {offset} of {name}, which has {size}"
                ));
            }
            if symbol >= self.symbols.len() {
                let count = self.symbols.len();
                return error(format!(
                    "relocation {number}: symbol {symbol} does not exist; there are {count}"
                ));
            }
            found.push(Relocation {
                offset,
                kind,
                symbol,
            });
        }
        Ok(())
    }
}
