//! Decoded types of BTF.

use super::names::name_at;

/// A decoded type, as [`Btf::get`](super::Btf::get) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type<'a> {
    /// `void`, which has the type id 0.
    Void,
    /// An integer, a `char` or a `bool`.
    Int(Int<'a>),
    /// A pointer.
    Pointer {
        /// Id of the type pointed to.
        target: u32,
    },
    /// An array.
    Array {
        /// Id of the elements' type.
        element: u32,
        /// Number of elements; 0 for a flexible array.
        count: u32,
    },
    /// A struct or union.
    Composite(Composite<'a>),
    /// An enumeration of up to 64 bits.
    Enum(Enum<'a>),
    /// A forward declaration of a struct or union.
    Forward {
        /// The declared name.
        name: &'a str,
    },
    /// A typedef.
    Typedef {
        /// The new name.
        name: &'a str,
        /// Id of the named type.
        target: u32,
    },
    /// `const`, `volatile`, `restrict` or a type tag.
    Modifier {
        /// Id of the modified type.
        target: u32,
    },
    /// A function.
    Function {
        /// The function's name.
        name: &'a str,
    },
    /// A function's parameters and result.
    Prototype,
    /// A variable.
    Variable {
        /// The variable's name.
        name: &'a str,
        /// Id of the variable's type.
        target: u32,
    },
    /// The variables (or, in `.ksyms`, functions) of one ELF section.
    Section(DataSection<'a>),
    /// A floating point number.
    Float {
        /// The type's name.
        name: &'a str,
        /// Size in bytes.
        size: u32,
    },
    /// An attribute of another declaration.
    DeclarationTag,
}

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<'a> {
    /// The type's name, such as `unsigned int`.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u32,
    /// Number of bits in use.
    pub bits: u32,
    /// True if the encoding has `BTF_INT_SIGNED`.
    pub signed: bool,
    /// True if the encoding has `BTF_INT_BOOL`: the type is `_Bool`.
    pub boolean: bool,
}

/// A struct or union type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composite<'a> {
    /// The tag, empty for an anonymous struct or union.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u32,
    /// True for a union, false for a struct.
    pub union: bool,
    pub(super) bitfields: bool,
    pub(super) members: &'a [[u32; 3]],
    pub(super) strings: &'a str,
}

/// One member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The member's name, empty for an anonymous struct or union.
    pub name: &'a str,
    /// Id of the member's type.
    pub type_id: u32,
    /// Offset in the struct, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bit_size: Option<u32>,
}

/// An enumeration type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enum<'a> {
    /// The tag, empty for an anonymous enumeration.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u32,
    /// True if the values are signed. Always false in objects of clang before 16, which does not encode signedness.
    pub signed: bool,
    pub(super) values: Values<'a>,
    pub(super) strings: &'a str,
}

/// Enumerators as encoded in the type section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values<'a> {
    /// ENUM: name and value.
    Narrow(&'a [[u32; 2]]),
    /// ENUM64: name, lower and upper half of the value.
    Wide(&'a [[u32; 3]]),
}

/// One enumerator of an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enumerator<'a> {
    /// The enumerator's name.
    pub name: &'a str,
    /// The enumerator's value. A value above `i64::MAX` of an unsigned enumeration has the same bits.
    pub value: i64,
}

/// The variables of one ELF section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSection<'a> {
    /// The section's name.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u32,
    pub(super) entries: &'a [[u32; 3]],
}

impl<'a> Composite<'a> {
    /// The members, in order.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        self.members.iter().map(move |&[name, type_id, offset]| {
            // With `kind_flag`, the upper 8 bits of the offset are the width of a bit-field.
            let (bit_offset, width) = if self.bitfields {
                (offset & 0x00ff_ffff, offset >> 24)
            } else {
                (offset, 0)
            };
            Member {
                name: name_at(self.strings, name),
                type_id,
                bit_offset,
                bit_size: (width > 0).then_some(width),
            }
        })
    }
}

impl<'a> Enum<'a> {
    /// The enumerators, in order.
    pub fn enumerators(self) -> impl Iterator<Item = Enumerator<'a>> {
        let (narrow, wide): (&[_], &[_]) = match self.values {
            Values::Narrow(narrow) => (narrow, &[]),
            Values::Wide(wide) => (&[], wide),
        };
        let widen = move |value: u32| {
            if self.signed {
                i64::from(value.cast_signed())
            } else {
                i64::from(value)
            }
        };
        let narrow = narrow
            .iter()
            .map(move |&[name, value]| (name, widen(value)));
        let wide = wide.iter().map(|&[name, low, high]| {
            (name, (u64::from(high) << 32 | u64::from(low)).cast_signed())
        });
        narrow.chain(wide).map(move |(name, value)| Enumerator {
            name: name_at(self.strings, name),
            value,
        })
    }
}

impl<'a> DataSection<'a> {
    /// Type ids of the section's variables and functions, in order.
    pub fn variables(self) -> impl Iterator<Item = u32> + 'a {
        self.entries.iter().map(|&[type_id, _, _]| type_id)
    }

    /// Type id and offset in bytes of each of the section's variables.
    pub(in crate::object) fn places(self) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.entries
            .iter()
            .map(|&[type_id, offset, _]| (type_id, offset))
    }
}
