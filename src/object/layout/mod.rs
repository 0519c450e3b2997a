//! Layouts: the members of a map's key or value by BTF type, with offsets and types.
//!
//! A [`Layout`] owns its data and does not borrow from the object. A *shape* is one type in a layout. Members of
//! anonymous structs and unions are members of the struct around them, as in C. Names are safe for logs: they have no
//! control characters and a bounded length.

mod address;
mod build;
mod name;
mod padding;
mod path;
#[cfg(test)]
mod tests;
mod walk;

pub use walk::Part;

/// The layout of a type: the type itself, and all types of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The types, indexed by [`ShapeId`].
    shapes: Vec<Shape>,
}

/// A type in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The name in C: `__be32`, `struct rule`, `char[16]`; `struct` alone for an anonymous struct.
    pub name: String,
    /// Size in bytes.
    pub size: u32,
    /// Encoding of the bytes.
    pub kind: Kind,
}

/// A reference to a type of the same layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId(usize);

/// Encoding of a type's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer of 1, 2, 4 or 8 bytes.
    Number {
        /// True for two's complement.
        signed: bool,
        /// True for the typedefs `__be16`, `__be32` and `__be64`.
        big_endian: bool,
    },
    /// 0 or 1, in one byte.
    Bool,
    /// An enumeration of 1, 2, 4 or 8 bytes.
    Enum(Vec<Enumerator>),
    /// An array of `char`: text, then zeros.
    Text,
    /// An array of any other type.
    Array {
        /// Type of the elements.
        element: ShapeId,
        /// Number of elements.
        count: u32,
    },
    /// The members of a struct or union, in the order of their definition.
    Composite(Vec<Member>),
    /// Bytes that only hexadecimal digits can express: a pointer, a floating point number, an integer of another size.
    Opaque,
}

/// One enumerator of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumerator {
    /// The enumerator's name.
    pub name: Box<str>,
    /// The enumerator's value; see [`Enumerator::value`](super::Enumerator::value).
    pub value: i64,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The member's name.
    pub name: Box<str>,
    /// Offset in the struct, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bits: Option<u32>,
    /// Type of the member.
    pub shape: ShapeId,
    /// Maximum number that the program accepts, from the member's declaration tag `at most NUMBER`.
    pub max: Option<u64>,
}

/// Place and type of a part of a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Offset in the key or value, in bytes.
    pub offset: u32,
    /// Type of the part.
    pub shape: ShapeId,
}

impl Layout {
    /// The type of the whole key or value.
    pub const WHOLE: ShapeId = ShapeId(0);

    /// The type with this id.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        static UNKNOWN: Shape = Shape {
            name: String::new(),
            size: 0,
            kind: Kind::Opaque,
        };
        // Always found: ids come only from the layout itself.
        self.shapes.get(id.0).unwrap_or(&UNKNOWN)
    }

    /// The innermost only member, if the whole is a struct with one member (which may be such a struct itself) of the same
    /// size; otherwise the whole.
    pub fn core(&self) -> ShapeId {
        let mut id = Self::WHOLE;
        // The number of steps is bounded, because a damaged struct may contain itself.
        for _ in &self.shapes {
            let Kind::Composite(members) = &self.shape(id).kind else {
                break;
            };
            match members.as_slice() {
                [only] if only.bits.is_none() => id = only.shape,
                _ => break,
            }
        }
        // A smaller member has padding around it.
        if self.shape(id).size != self.whole().size {
            return Self::WHOLE;
        }
        id
    }

    /// The type of the whole.
    pub fn whole(&self) -> &Shape {
        self.shape(Self::WHOLE)
    }
}

/// The names of enumerators.
pub fn names(values: &[Enumerator]) -> Vec<&str> {
    values.iter().map(|value| &*value.name).collect()
}

impl Member {
    /// Offset of the member's first byte in the struct.
    pub const fn offset(&self) -> u32 {
        self.bit_offset / 8
    }
}
