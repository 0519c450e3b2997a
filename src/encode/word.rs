//! One word and the bytes it stands for.

use super::address::{self, Address};
use super::number::{Number, range};
use crate::corefile::Quoted;
use crate::hex::{self, count};
use crate::nearest::{list, nearest};
use crate::object::layout::{Kind, Layout, Member, Shape, ShapeId};

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

/// Why `word` is no value for the shape that is called `name`: what it is, what it takes and what it was given.
pub(super) fn refuse(name: &str, shape: &Shape, word: &str) -> String {
    let Shape {
        name: kind, size, ..
    } = shape;
    let what = format!("{name} is {kind}, {}", count(*size as usize));
    let takes = takes(name, shape);
    let quoted = Quoted(word);
    let given = match (Address::read(word), &shape.kind) {
        (_, Kind::Text) => format!(", {}", count(word.len())),
        (Some(address), _) => format!(", {}", address.kind()),
        (None, Kind::Enum(values)) => nearest(word, values.iter().map(|value| &*value.name))
            .map_or(String::new(), |near| format!("; did you mean {near}?")),
        _ => String::new(),
    };
    format!("{what}; it takes {takes}, not {quoted}{given}")
}

/// What words a shape takes.
fn takes(name: &str, shape: &Shape) -> String {
    let size = shape.size as usize;
    let mut takes = Vec::new();
    match &shape.kind {
        Kind::Text => takes.push(format!("a text of at most {}", count(size))),
        Kind::Bool => takes.push("true or false".into()),
        Kind::Enum(values) => takes.push(list(values.iter().map(|value| &*value.name), " or ")),
        kind => {
            takes.extend(Some(address::kind(size).to_owned()).filter(|kind| !kind.is_empty()));
            if let Kind::Number { signed, .. } = kind {
                let (low, high) = range(size, *signed);
                let sign = if *signed { "-" } else { "" };
                takes.push(format!("a number from {sign}{low} to {high}"));
            }
        }
    }
    let is_key = name == super::KEY;
    match &shape.kind {
        Kind::Group(_) | Kind::Array { .. } | Kind::Opaque => takes.push(digits(size)),
        _ if is_key => takes.push(digits(size)),
        _ => {}
    }
    match &shape.kind {
        Kind::Group(members) if !is_key => {
            let member = |first: &Member| format!("its members as {name}.{}", first.name);
            takes.extend(members.first().map(member));
        }
        Kind::Array { .. } if !is_key => takes.push(format!("its elements as {name}[0]")),
        _ => {}
    }
    list(takes.iter().map(String::as_str), " or ")
}

/// Bytes as they are written.
pub(super) fn digits(size: usize) -> String {
    format!("0x and {} digits", 2 * size)
}
