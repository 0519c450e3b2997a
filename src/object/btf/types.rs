//! The types of BTF, as read.

use super::record::name_at;

/// A type that [`Btf::get`](super::Btf::get) found. Type id 0 is `void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type<'a> {
    /// `void`.
    Void,
    /// An integer, a `char` or a `bool`.
    Int(Int<'a>),
    /// A pointer.
    Pointer {
        /// The type pointed to.
        target: u32,
    },
    /// An array.
    Array {
        /// The type of its elements.
        element: u32,
        /// How many there are; 0 for a flexible one.
        count: u32,
    },
    /// A struct or union.
    Composite(Composite<'a>),
    /// An enumeration of up to 64 bits.
    Enum(Enum<'a>),
    /// A struct or union of which only the name is known.
    Forward {
        /// Its name.
        name: &'a str,
    },
    /// A typedef.
    Typedef {
        /// The new name.
        name: &'a str,
        /// The type it names.
        target: u32,
    },
    /// `const`, `volatile`, `restrict` or a type tag.
    Modifier {
        /// The type it modifies.
        target: u32,
    },
    /// A function.
    Function {
        /// Its name.
        name: &'a str,
    },
    /// A function's parameters and result.
    Prototype,
    /// A variable.
    Variable {
        /// Its name.
        name: &'a str,
        /// Its type.
        target: u32,
    },
    /// The variables (or, in `.ksyms`, functions) of one ELF section.
    Section(DataSection<'a>),
    /// A floating point number.
    Float {
        /// Its name.
        name: &'a str,
        /// Its size in bytes.
        size: u32,
    },
    /// An attribute of another declaration.
    DeclarationTag,
}

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<'a> {
    /// Its name, such as `unsigned int`.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u32,
    /// How many bits of them it uses.
    pub bits: u32,
    /// Whether it is signed.
    pub signed: bool,
    /// Whether it is a `_Bool`.
    pub boolean: bool,
}

/// A struct or union type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composite<'a> {
    /// Its name, empty when it has none.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u32,
    /// Whether it is a union.
    pub union: bool,
    pub(super) bitfields: bool,
    pub(super) members: &'a [[u32; 3]],
    pub(super) strings: &'a str,
}

/// One member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, empty for an anonymous struct or union.
    pub name: &'a str,
    /// The id of its type.
    pub type_id: u32,
    /// Where it begins, in bits from the beginning of the struct.
    pub bit_offset: u32,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bit_size: Option<u32>,
}

/// An enumeration type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enum<'a> {
    /// Its name, empty when it has none.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u32,
    /// Whether its values are signed. Clang before 16 doesn't tell, and this is then `false`.
    pub signed: bool,
    pub(super) values: Values<'a>,
    pub(super) strings: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values<'a> {
    Narrow(&'a [[u32; 2]]),
    Wide(&'a [[u32; 3]]),
}

/// One name of an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enumerator<'a> {
    /// The name.
    pub name: &'a str,
    /// The value; one of an unsigned 64-bit enumeration above `i64::MAX` shows as its two's complement.
    pub value: i64,
}

/// The variables of one ELF section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSection<'a> {
    /// The section's name.
    pub name: &'a str,
    pub(super) entries: &'a [[u32; 3]],
}

impl<'a> Composite<'a> {
    /// The members, in order.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        self.members.iter().map(move |&[name, type_id, place]| {
            let (bit_offset, width) = if self.bitfields {
                (place & 0x00ff_ffff, place >> 24)
            } else {
                (place, 0)
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
    /// The names and their values, in order.
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
}
