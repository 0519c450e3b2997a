//! Encodes a word to the bytes of a type.

use std::fmt;

use super::address::{self, Address};
use super::number::{Literal, range, signed_range, unsigned_range};
use crate::base::escape::Quoted;
use crate::base::hex::{self, Count};
use crate::base::suggest::{list, nearest};
use crate::object::layout::{Kind, Layout, Shape, ShapeId, names};

/// Fills `out`, which has the size of the shape, with the bytes of `word`. Returns false if `word` is not a value of the
/// shape.
pub(super) fn write(layout: &Layout, id: ShapeId, word: &str, out: &mut [u8]) -> bool {
    let kind = &layout.shape(id).kind;
    match kind {
        Kind::Text => return write_text(word, out),
        Kind::Bool => return write_bool(word, out),
        Kind::Enum(values) => {
            let named = values.iter().find(|value| *value.name == *word);
            let number = match (named, word) {
                (Some(named), _) => Some(Literal::from_i64(named.value)),
                // A member that was a `bool` may get more values: Corefiles stay right.
                (None, "false") => Some(Literal::from_i64(0)),
                (None, "true") => Some(Literal::from_i64(1)),
                _ => Literal::parse(word).filter(|number| {
                    number.is_in(unsigned_range(out.len())) || number.is_in(signed_range(out.len()))
                }),
            };
            return number
                .map(|number| number.write_little_endian(out))
                .is_some();
        }
        _ => {}
    }
    if let Some(address) = Address::parse(word).filter(|one| one.octets().len() == out.len()) {
        out.copy_from_slice(address.octets());
        return true;
    }
    match kind {
        Kind::Number { signed, big_endian } => {
            let range = range(out.len(), *signed);
            let number = Literal::parse(word).filter(|number| number.is_in(range));
            let Some(number) = number else { return false };
            if *big_endian {
                number.write_big_endian(out);
            } else {
                number.write_little_endian(out);
            }
            true
        }
        _ => word
            .strip_prefix("0x")
            .is_some_and(|digits| write_bytes(digits, out)),
    }
}

/// Writes hexadecimal digits in memory order. Returns false unless they fill `out` exactly.
pub(super) fn write_bytes(digits: &str, out: &mut [u8]) -> bool {
    hex::decode(digits, None, out) == Ok(out.len())
}

fn write_text(word: &str, out: &mut [u8]) -> bool {
    out.fill(0);
    let start = out.get_mut(..word.len());
    start
        .map(|start| start.copy_from_slice(word.as_bytes()))
        .is_some()
}

fn write_bool(word: &str, out: &mut [u8]) -> bool {
    let value = match word {
        "false" | "0" => 0,
        "true" | "1" => 1,
        _ => return false,
    };
    out.fill(value);
    true
}

/// The message for a word that is not a value of a shape. The message names the FIELD, its type, the accepted words and the
/// given word.
pub(super) struct Refusal<'a> {
    /// KEY or the FIELD's path.
    pub name: &'a str,
    pub shape: &'a Shape,
    /// The given word; `None` for a secret.
    pub word: Option<&'a str>,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, .. } = self;
        let (kind, size) = (&shape.name, Count(shape.size as usize));
        write!(f, "{name} is {kind}, {size}; it takes ")?;
        self.write_accepted(f)?;
        let Some(word) = self.word else { return Ok(()) };
        write!(f, ", not {}", Quoted(word))?;
        match (Address::parse(word), &shape.kind) {
            (_, Kind::Text) => write!(f, ", {}", Count(word.len())),
            (Some(address), _) => write!(f, ", {}", address.family()),
            (None, Kind::Enum(values)) => match nearest(word, &names(values)) {
                Some(near) => write!(f, "; did you mean {near}?"),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Refusal<'_> {
    /// Writes the words that the shape accepts.
    fn write_accepted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            _ => match address::family(size) {
                "" => {}
                address => {
                    // `prefix::write_mapped` converts the address.
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
            Kind::Composite(members) if !is_key => match members.first() {
                Some(first) => write!(f, " or its members as {name}.{}", first.name),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// The hexadecimal form of a number of bytes: `0x and N digits`.
pub(super) struct Digits(pub usize);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x and {} digits", 2 * self.0)
    }
}
