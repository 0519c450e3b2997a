//! One word and the bytes it stands for.

use std::fmt;

use super::address::{self, Address};
use super::number::{Number, range};
use crate::base::escape::Quoted;
use crate::base::hex::{self, Count};
use crate::base::suggest::{list, nearest};
use crate::object::layout::{Kind, Layout, Shape, ShapeId, names};

/// Writes what `word` says to all of `out`, which has as many bytes as the shape; false when the shape has no such
/// value.
pub(super) fn write(layout: &Layout, id: ShapeId, word: &str, out: &mut [u8]) -> bool {
    let kind = &layout.shape(id).kind;
    match kind {
        Kind::Text => return text(word, out),
        Kind::Bool => return boolean(word, out),
        Kind::Enum(values) => {
            let known = values.iter().find(|value| *value.name == *word);
            let number = match known {
                Some(known) => Some(Number::of(known.value)),
                None => Number::read(word).filter(|number| {
                    number.is_in(range(out.len(), false)) || number.is_in(range(out.len(), true))
                }),
            };
            return put(number, false, out);
        }
        _ => {}
    }
    if let Some(address) = Address::read(word).filter(|one| one.octets().len() == out.len()) {
        out.copy_from_slice(address.octets());
        return true;
    }
    match kind {
        Kind::Number { signed, big_endian } => {
            let range = range(out.len(), *signed);
            let number = Number::read(word).filter(|number| number.is_in(range));
            put(number, *big_endian, out)
        }
        _ => word
            .strip_prefix("0x")
            .is_some_and(|digits| bytes(digits, out)),
    }
}

/// Writes bytes as in memory; false when they are not as many as `out` has.
pub(super) fn bytes(digits: &str, out: &mut [u8]) -> bool {
    hex::decode(digits, None, out) == Ok(out.len())
}

fn text(word: &str, out: &mut [u8]) -> bool {
    out.fill(0);
    let room = out.get_mut(..word.len());
    room.map(|room| room.copy_from_slice(word.as_bytes()))
        .is_some()
}

fn boolean(word: &str, out: &mut [u8]) -> bool {
    let value = match word {
        "false" | "0" => 0,
        "true" | "1" => 1,
        _ => return false,
    };
    out.fill(value);
    true
}

fn put(number: Option<Number>, big_endian: bool, out: &mut [u8]) -> bool {
    number.map(|number| number.put(big_endian, out)).is_some()
}

/// Why a word is no value: what the place is, what it takes and what it was given.
pub(super) struct Refusal<'a> {
    /// What the place is called.
    pub name: &'a str,
    pub shape: &'a Shape,
    pub word: &'a str,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, word } = self;
        let (kind, size) = (&shape.name, Count(shape.size as usize));
        write!(f, "{name} is {kind}, {size}; it takes ")?;
        self.takes(f)?;
        write!(f, ", not {}", Quoted(word))?;
        match (Address::read(word), &shape.kind) {
            (_, Kind::Text) => write!(f, ", {}", Count(word.len())),
            (Some(address), _) => write!(f, ", {}", address.kind()),
            (None, Kind::Enum(values)) => match nearest(word, &names(values)) {
                Some(near) => write!(f, "; did you mean {near}?"),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Refusal<'_> {
    /// What words there are for it.
    fn takes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, .. } = self;
        let (size, is_key) = (shape.size as usize, *name == super::KEY);
        match &shape.kind {
            Kind::Text => write!(f, "a text of at most {}", Count(size))?,
            Kind::Bool => f.write_str("true or false")?,
            Kind::Enum(values) => f.write_str(&list(&names(values), " or "))?,
            Kind::Number { signed, .. } => {
                let (low, high) = range(size, *signed);
                let sign = if *signed { "-" } else { "" };
                write!(f, "a number from {sign}{low} to {high}")?;
            }
            _ => write!(f, "{}", Digits(size))?,
        }
        match &shape.kind {
            Kind::Text | Kind::Bool | Kind::Enum(_) => {}
            _ => match address::kind(size) {
                "" => {}
                address => {
                    // See prefix::map.
                    let both = if is_key && size == 16 {
                        " or an IPv4 address"
                    } else {
                        ""
                    };
                    write!(f, " or {address}{both}")?;
                }
            },
        }
        match &shape.kind {
            Kind::Text | Kind::Bool | Kind::Enum(_) | Kind::Number { .. } if is_key => {
                write!(f, " or {}", Digits(size))
            }
            Kind::Array { .. } if !is_key => write!(f, " or its elements as {name}[0]"),
            Kind::Group(members) if !is_key => match members.first() {
                Some(first) => write!(f, " or its members as {name}.{}", first.name),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Bytes as they are written, so many.
pub(super) struct Digits(pub usize);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x and {} digits", 2 * self.0)
    }
}
