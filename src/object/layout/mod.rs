//! What the bytes of a map's key or value mean, by their BTF type: which member stands where, and what it holds.
//!
//! A [`Layout`] is its own: it needs nothing of the object that it was made from. The members of anonymous structs and
//! unions count as members of the struct around them, as they do in C. All names are fit for a line of a log.

mod address;
mod build;
mod name;
mod padding;
mod path;
#[cfg(test)]
mod tests;
mod walk;

pub use walk::Part;

/// The types that one type is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The first is the whole.
    shapes: Vec<Shape>,
}

/// One type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// As C spells it: `__be32`, `struct rule`, `char[16]`; `struct` alone when it has no name.
    pub name: String,
    /// Bytes it takes.
    pub size: u32,
    /// How these are to be read.
    pub kind: Kind,
}

/// Which one of a layout's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId(usize);

/// How bytes are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer of 1, 2, 4 or 8 bytes.
    Number {
        /// Whether it may be negative.
        signed: bool,
        /// Whether the highest byte stands first: a typedef called `__be16`, `__be32` or `__be64` says so.
        big_endian: bool,
    },
    /// 0 or 1, in one byte.
    Bool,
    /// An integer of 1, 2, 4 or 8 bytes, and the names that some of its values have.
    Enum(Vec<Named>),
    /// Letters, then zeros: an array of `char`.
    Text,
    /// Elements, one after the other.
    Array {
        /// What each of them is.
        element: ShapeId,
        /// How many there are.
        count: u32,
    },
    /// The members of a struct or union, in the order of their definition.
    Group(Vec<Member>),
    /// Bytes that no word describes: a pointer, a floating point number, an integer of some other size.
    Opaque,
}

/// A value of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: Box<str>,
    /// The value; see [`Enumerator::value`](super::Enumerator::value).
    pub value: i64,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: Box<str>,
    /// Where it begins, in bits from the beginning of the struct.
    pub bit_offset: u32,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bits: Option<u32>,
    /// Its type.
    pub shape: ShapeId,
}

/// A place in a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its first byte.
    pub offset: u32,
    /// Its type.
    pub shape: ShapeId,
}

impl Layout {
    /// Which type the whole has.
    pub const WHOLE: ShapeId = ShapeId(0);

    /// One of the types.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        static NOTHING: Shape = Shape {
            name: String::new(),
            size: 0,
            kind: Kind::Opaque,
        };
        // Ids come from this layout only, so it is always there.
        self.shapes.get(id.0).unwrap_or(&NOTHING)
    }

    /// The one part that a struct is made of, where it has no other; else the whole.
    pub fn core(&self) -> ShapeId {
        let mut id = Self::WHOLE;
        // A damaged type may hold itself.
        for _ in &self.shapes {
            let Kind::Group(members) = &self.shape(id).kind else {
                break;
            };
            match members.as_slice() {
                [only] if only.bits.is_none() => id = only.shape,
                _ => break,
            }
        }
        // With bytes of no member around it, it is not all there is.
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

/// The names of an enumeration's values.
pub fn names(values: &[Named]) -> Vec<&str> {
    values.iter().map(|value| &*value.name).collect()
}

impl Member {
    /// Its first byte in the struct.
    pub const fn offset(&self) -> u32 {
        self.bit_offset / 8
    }
}
