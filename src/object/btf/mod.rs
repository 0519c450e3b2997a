//! BTF, the type information that clang writes to section `.BTF` (kernel documentation: `bpf/btf.rst`).
//!
//! [`Btf::parse`] checks once that every record, name and reference is in bounds, so that later reads cannot fail. Cycles
//! of references are not found there; every walk along references is bounded instead.

mod check;
mod layout;
mod names;
mod record;
mod types;

use super::error::{Error, Quoted};
pub(super) use layout::join;
pub(super) use record::{Record, kind};
pub use types::{Composite, DataSection, Enum, Enumerator, Int, Member, Type};

/// Longest chain of typedefs, modifiers and arrays, as in the kernel.
const MAX_RESOLVE_DEPTH: usize = 32;
/// Maximum number of members that the search in a struct and its anonymous members visits.
const MAX_MEMBERS: usize = 1 << 16;

/// The types of an object.
#[derive(Clone, Debug)]
pub struct Btf {
    /// The type section as 32-bit words.
    words: Vec<u32>,
    /// Index in `words` of each type, by type id minus 1.
    starts: Vec<u32>,
    strings: String,
}

impl Btf {
    /// Parses the content of a `.BTF` section.
    ///
    /// # Errors
    /// When the section is truncated, big-endian, of an unknown version, has a type of unknown kind, or refers to a type or
    /// name that does not exist.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let (types, strings) = layout::split(bytes)?;
        let words: Vec<u32> = types
            .as_chunks()
            .0
            .iter()
            .map(|&word| u32::from_le_bytes(word))
            .collect();
        let strings =
            std::str::from_utf8(strings).map_err(|_| Error::btf("a name is not UTF-8"))?;
        let starts = layout::find_records(&words)?;
        let btf = Self {
            words,
            starts,
            strings: strings.into(),
        };
        for id in 1..btf.end() {
            btf.check(id)?;
        }
        Ok(btf)
    }

    /// The highest type id plus 1. Ids start at 1; 0 is `void`.
    pub fn end(&self) -> u32 {
        u32::try_from(self.starts.len() + 1).unwrap_or(u32::MAX)
    }

    /// The type with this id; `None` if no type has it.
    pub fn get(&self, id: u32) -> Option<Type<'_>> {
        if id == 0 {
            return Some(Type::Void);
        }
        Some(self.record(id)?.decode(&self.strings))
    }

    /// The declaration tags of members (`btf_decl_tag`): text, id of the struct, and index of the member.
    pub fn member_tags(&self) -> impl Iterator<Item = (&str, u32, u32)> {
        let records = (1..self.end()).filter_map(|id| self.record(id));
        records.filter_map(|record| match (record.kind(), record.rest) {
            (kind::DECL_TAG, &[member]) => {
                Some((self.name(record.name)?, record.size_or_type, member))
            }
            _ => None,
        })
    }

    /// Resolves typedefs, `const`, `volatile`, `restrict` and type tags. Returns the id and the type behind them.
    ///
    /// # Errors
    /// When there is no such type, or more than 32 typedefs and modifiers follow each other, as in a cycle.
    pub fn resolve(&self, mut id: u32) -> Result<(u32, Type<'_>), Error> {
        for _ in 0..MAX_RESOLVE_DEPTH {
            match self.get(id).ok_or_else(|| self.missing(id))? {
                Type::Typedef { target, .. } | Type::Modifier { target } => id = target,
                found => return Ok((id, found)),
            }
        }
        Err(Error::btf(format!(
            "type {id} is one of more than {MAX_RESOLVE_DEPTH} typedefs in a row, or of a cycle"
        )))
    }

    /// The size of a type in bytes.
    ///
    /// # Errors
    /// The errors of [`Btf::resolve`], and an error when the type has no size, or a size of 4 GiB or more.
    pub fn size_of(&self, id: u32) -> Result<u32, Error> {
        let (mut inner, mut factor) = (id, 1_u32);
        for _ in 0..MAX_RESOLVE_DEPTH {
            let size = match self.resolve(inner)?.1 {
                Type::Array { element, count } => {
                    factor = factor.checked_mul(count).ok_or_else(|| too_big(id))?;
                    inner = element;
                    continue;
                }
                Type::Int(int) => int.size,
                Type::Pointer { .. } => 8,
                Type::Composite(composite) => composite.size,
                Type::Enum(enumeration) => enumeration.size,
                Type::Float { size, .. } => size,
                Type::Section(section) => section.size,
                _ => {
                    return Err(Error::btf(format!(
                        "type {id} has no size; it must be a complete type"
                    )));
                }
            };
            return size.checked_mul(factor).ok_or_else(|| too_big(id));
        }
        Err(Error::btf(format!(
            "type {id} is an array nested more than {MAX_RESOLVE_DEPTH} deep, or in a cycle"
        )))
    }

    /// The member `name` of a struct or union or of its anonymous members, with the offset in the outer struct. `None`
    /// when `id` is not a struct or union, or has no such member.
    pub fn member(&self, id: u32, name: &str) -> Option<Member<'_>> {
        let mut open = vec![(id, 0_u32)];
        let mut remaining = MAX_MEMBERS;
        while let Some((id, base)) = open.pop() {
            let Ok((_, Type::Composite(composite))) = self.resolve(id) else {
                continue;
            };
            for member in composite.members() {
                remaining = remaining.checked_sub(1)?;
                let bit_offset = base.checked_add(member.bit_offset)?;
                if member.name == name && !name.is_empty() {
                    return Some(Member {
                        bit_offset,
                        ..member
                    });
                }
                if member.name.is_empty() {
                    open.push((member.type_id, bit_offset));
                }
            }
        }
        None
    }

    /// All types with their ids, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Type<'_>)> {
        (1..self.end()).filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Writes sizes of sections, and offsets of their variables, which compilers leave to the linker. `size` returns the
    /// size of the section with this name, and `offset` the offset of a variable in it by the names of section and
    /// variable, both in bytes.
    pub(super) fn place_variables(&mut self, place: impl Fn(&str, Option<&str>) -> Option<u32>) {
        for id in 1..self.end() {
            let Some(Type::Section(section)) = self.get(id) else {
                continue;
            };
            let Some(size) = place(section.name, None) else {
                continue;
            };
            let offsets = section.places().map(|(id, before)| match self.get(id) {
                Some(Type::Variable { name, .. }) => {
                    place(section.name, Some(name)).unwrap_or(before)
                }
                _ => before,
            });
            let offsets: Vec<_> = offsets.collect();
            let start = id.checked_sub(1).and_then(|id| usize::try_from(id).ok());
            let start = start.and_then(|index| usize::try_from(*self.starts.get(index)?).ok());
            let words = start.and_then(|start| self.words.get_mut(start..));
            let Some([_, _, size_word, entries @ ..]) = words else {
                continue;
            };
            *size_word = size;
            for (entry, offset) in entries.as_chunks_mut::<3>().0.iter_mut().zip(offsets) {
                entry[1] = offset;
            }
        }
    }

    /// Id of the `DATASEC` for the ELF section `wanted`.
    pub(super) fn section_id(&self, wanted: &str) -> Option<u32> {
        let is_wanted = |found| matches!(found, Type::Section(one) if one.name == wanted);
        self.iter()
            .find_map(|(id, found)| is_wanted(found).then_some(id))
    }

    /// The `DATASEC` for the ELF section `wanted`.
    pub(super) fn section(&self, wanted: &str) -> Option<DataSection<'_>> {
        self.iter().find_map(|(_, found)| match found {
            Type::Section(section) if section.name == wanted => Some(section),
            _ => None,
        })
    }

    /// A type's name in C: `struct iphdr`, `__u32`; `type 7` for a type without a name.
    pub(super) fn describe(&self, id: u32) -> String {
        let (word, name) = match self.get(id) {
            Some(Type::Composite(c)) => (if c.union { "union " } else { "struct " }, c.name),
            Some(Type::Enum(e)) => ("enum ", e.name),
            Some(Type::Forward { name }) => ("struct ", name),
            Some(
                Type::Typedef { name, .. } | Type::Float { name, .. } | Type::Function { name },
            ) => ("", name),
            Some(Type::Int(int)) => ("", int.name),
            _ => ("", ""),
        };
        if name.is_empty() {
            format!("type {id}")
        } else {
            Quoted(&format!("{word}{name}")).to_string()
        }
    }

    /// The record of the type with this id.
    pub(super) fn record(&self, id: u32) -> Option<Record<'_>> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        let start = usize::try_from(*self.starts.get(index)?).ok()?;
        Record::first_of(self.words.get(start..)?)
    }

    /// The name at this offset of the string section.
    pub(super) fn name(&self, offset: u32) -> Option<&str> {
        names::checked_name(&self.strings, offset)
    }

    fn missing(&self, id: u32) -> Error {
        Error::btf(format!(
            "there is no type {id}; types go up to {}",
            self.end() - 1
        ))
    }
}

fn too_big(id: u32) -> Error {
    Error::btf(format!("type {id} is larger than 4 GiB"))
}

/// [`join`] with a string section that is text.
#[cfg(test)]
pub(super) fn section_of(types: &[u32], strings: &str) -> Vec<u8> {
    join(types, strings.as_bytes())
}

#[cfg(test)]
mod tests;
