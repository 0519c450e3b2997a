//! Type records: words of the type section, and the types that they encode.

use super::names::name_at;
use super::types::{Composite, DataSection, Enum, Int, Type, Values};

/// Kinds of types, `BTF_KIND_*` (`linux/btf.h`).
pub(in crate::object) mod kind {
    pub(crate) const INT: u32 = 1;
    pub(crate) const PTR: u32 = 2;
    pub(crate) const ARRAY: u32 = 3;
    pub(crate) const STRUCT: u32 = 4;
    pub(crate) const UNION: u32 = 5;
    pub(crate) const ENUM: u32 = 6;
    pub(crate) const FWD: u32 = 7;
    pub(crate) const TYPEDEF: u32 = 8;
    pub(crate) const VOLATILE: u32 = 9;
    pub(crate) const CONST: u32 = 10;
    pub(crate) const RESTRICT: u32 = 11;
    pub(crate) const FUNC: u32 = 12;
    pub(crate) const FUNC_PROTO: u32 = 13;
    pub(crate) const VAR: u32 = 14;
    pub(crate) const DATASEC: u32 = 15;
    pub(crate) const FLOAT: u32 = 16;
    pub(crate) const DECL_TAG: u32 = 17;
    pub(crate) const TYPE_TAG: u32 = 18;
    pub(crate) const ENUM64: u32 = 19;
}

/// A type record: `struct btf_type`, and the data that its kind appends.
#[derive(Clone, Copy)]
pub(in crate::object) struct Record<'a> {
    /// Offset in the string section.
    pub name: u32,
    pub info: u32,
    /// A size in bytes or a type id, depending on the kind.
    pub size_or_type: u32,
    /// The words after `struct btf_type`.
    pub rest: &'a [u32],
}

impl<'a> Record<'a> {
    /// The record at the beginning of `words`; `None` when the record is truncated or its kind is unknown.
    pub(crate) fn first_of(words: &'a [u32]) -> Option<Self> {
        let (&[name, info, size_or_type], rest) = words.split_first_chunk()?;
        let mut record = Self {
            name,
            info,
            size_or_type,
            rest,
        };
        record.rest = rest.get(..record.extra_words()?)?;
        Some(record)
    }

    pub(crate) fn kind(self) -> u32 {
        self.info >> 24 & 0x1f
    }

    /// Number of members, enumerators, parameters or variables.
    pub(crate) fn vlen(self) -> u32 {
        self.info & 0xffff
    }

    /// The bit `kind_flag`. For a struct or union: members may be bit-fields. For an enumeration: values are signed.
    pub(crate) fn kind_flag(self) -> bool {
        self.info >> 31 == 1
    }

    /// Number of words after `struct btf_type`.
    fn extra_words(self) -> Option<usize> {
        let count = usize::try_from(self.vlen()).ok()?;
        Some(match self.kind() {
            kind::PTR | kind::FWD..=kind::FUNC | kind::FLOAT | kind::TYPE_TAG => 0,
            kind::INT | kind::VAR | kind::DECL_TAG => 1,
            kind::ARRAY => 3,
            kind::ENUM | kind::FUNC_PROTO => 2 * count,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 3 * count,
            _ => return None,
        })
    }

    /// True if `size_or_type` is a type id.
    pub(crate) fn refers_to_type(self) -> bool {
        matches!(
            self.kind(),
            kind::PTR | kind::TYPEDEF..=kind::VAR | kind::DECL_TAG | kind::TYPE_TAG
        )
    }

    pub(crate) fn triples(self) -> &'a [[u32; 3]] {
        self.rest.as_chunks().0
    }

    pub(crate) fn pairs(self) -> &'a [[u32; 2]] {
        self.rest.as_chunks().0
    }

    /// The type that the record encodes.
    pub(crate) fn decode(self, strings: &'a str) -> Type<'a> {
        let name = name_at(strings, self.name);
        let (size, target) = (self.size_or_type, self.size_or_type);
        match self.kind() {
            kind::INT => Type::Int(self.int(name)),
            kind::PTR => Type::Pointer { target },
            kind::ARRAY => {
                let &[element, _, count] = self.triples().first().unwrap_or(&[0; 3]);
                Type::Array { element, count }
            }
            kind::STRUCT | kind::UNION => Type::Composite(Composite {
                name,
                size,
                union: self.kind() == kind::UNION,
                bitfields: self.kind_flag(),
                members: self.triples(),
                strings,
            }),
            kind::ENUM => Type::Enum(self.enumeration(Values::Narrow(self.pairs()), strings)),
            kind::ENUM64 => Type::Enum(self.enumeration(Values::Wide(self.triples()), strings)),
            kind::FWD => Type::Forward { name },
            kind::TYPEDEF => Type::Typedef { name, target },
            kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                Type::Modifier { target }
            }
            kind::FUNC => Type::Function { name },
            kind::FUNC_PROTO => Type::Prototype,
            kind::VAR => Type::Variable { name, target },
            kind::DATASEC => Type::Section(DataSection {
                name,
                size,
                entries: self.triples(),
            }),
            kind::FLOAT => Type::Float { name, size },
            kind::DECL_TAG => Type::DeclarationTag,
            _ => Type::Void,
        }
    }

    fn int(self, name: &'a str) -> Int<'a> {
        let encoding = self.rest.first().copied().unwrap_or(0);
        Int {
            name,
            size: self.size_or_type,
            bits: encoding & 0xff,
            signed: encoding >> 24 & 1 != 0,
            boolean: encoding >> 24 & 4 != 0,
        }
    }

    fn enumeration(self, values: Values<'a>, strings: &'a str) -> Enum<'a> {
        Enum {
            name: name_at(strings, self.name),
            size: self.size_or_type,
            signed: self.kind_flag(),
            values,
            strings,
        }
    }
}
