//! Decodes the bytes of a map's key and value to the words of an `entry` line.
//!
//! Each result is encoded again and compared, so that the words of a line always encode to the same bytes.

use std::fmt;
use std::iter::once;
use std::ops::Range;

use super::{Encoder, SECRET, address, prefix};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::is_control;
use crate::base::hex::Upper;
use crate::encode::integer::{Number, Total};
use crate::object::layout::{Kind, Layout, Shape};

/// FIELD=VALUE: a member or element of a value in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// FIELD.
    pub path: String,
    /// VALUE.
    pub word: String,
    /// The number, if VALUE is a decimal number.
    pub number: Option<Total>,
    /// True if all bytes are 0. A line may then omit the FIELD.
    pub is_zero: bool,
    range: Range<usize>,
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.word)
    }
}

/// The result of [`Encoder::assignments`].
pub struct Decoded {
    /// The assignments in the order of their bytes; none if the object has no type for the value.
    pub assignments: Vec<Assignment>,
    /// True if the assignments encode to exactly the value's bytes.
    pub is_exact: bool,
}

/// Choice among assignments of the same bytes, such as the members of a union.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    First,
    Largest,
}

impl Encoder<'_> {
    /// The word for a key; `None` if no word encodes to the key's bytes.
    pub fn key_word(&self, key: &[u8]) -> Option<String> {
        let core = self.key.shape(self.key.core());
        let word = if self.map.kind == crate::object::MapKind::LPM_TRIE {
            prefix::format(key)
        } else {
            let mapped = prefix::mapped_ipv4(key).filter(|_| self.key.is_address(core));
            match mapped {
                Some(ipv4) => address::format(ipv4),
                None => format_word(&self.key, core, key).map(|(word, _)| word),
            }
        };
        let encodes_to_key = |word: &String| {
            let mut out = [0; MAX_KEY];
            let size = self.key(word, &mut out).ok();
            size.and_then(|size| out.get(..size)) == Some(key)
        };
        let in_bytes = || Some(format!("0x{}", Upper(key)));
        word.filter(encodes_to_key)
            .or_else(in_bytes)
            .filter(encodes_to_key)
    }

    /// Decodes a value to assignments, without its secrets. Secrets of zeros are shown: none is set.
    pub fn assignments(&mut self, value: &[u8]) -> Decoded {
        let (mut decoded, is_hidden) = (self.decode(value), self.hides(value));
        for assignment in &mut decoded.assignments {
            if is_hidden && self.is_secret(&assignment.range) {
                assignment.word = SECRET.into();
                assignment.number = None;
            }
        }
        decoded
    }

    /// Decodes a value to assignments.
    pub(super) fn decode(&mut self, value: &[u8]) -> Decoded {
        let all = self.value.as_ref().map(|layout| decode(layout, value));
        let all = all.unwrap_or_default();
        // The first member of a union is preferred, unless it does not cover all bytes.
        for keep in [Keep::First, Keep::Largest] {
            let assignments = without_overlaps(&all, keep);
            if self.encodes_to(&assignments, value) {
                return Decoded {
                    assignments,
                    is_exact: true,
                };
            }
        }
        Decoded {
            assignments: without_overlaps(&all, Keep::First),
            is_exact: false,
        }
    }

    fn encodes_to(&mut self, assignments: &[Assignment], value: &[u8]) -> bool {
        let named = assignments.iter().filter(|one| !one.is_zero);
        let words: Vec<_> = named.map(Assignment::to_string).collect();
        let mut out = [0; MAX_VALUE];
        let size = self.value(words.iter().map(String::as_str), &mut out).ok();
        !assignments.is_empty() && size.and_then(|size| out.get(..size)) == Some(value)
    }
}

/// The assignments for all parts of a value, with all members of each union.
fn decode(layout: &Layout, value: &[u8]) -> Vec<Assignment> {
    let mut all = Vec::new();
    layout.walk_all("value", &mut |part| {
        let shape = layout.shape(part.shape);
        let start = part.offset as usize;
        let range = start..start.saturating_add(shape.size as usize);
        // A FIELD cannot name a bit-field.
        let Some(bytes) = value.get(range.clone()).filter(|_| part.bits.is_none()) else {
            return false;
        };
        let Some((word, number)) = format_word(layout, shape, bytes) else {
            return true;
        };
        all.push(Assignment {
            path: part.path.into(),
            word,
            number,
            is_zero: bytes.iter().all(|&byte| byte == 0),
            range,
        });
        false
    });
    all
}

/// The assignments without overlaps: of those that cover the same bytes, one is kept.
fn without_overlaps(all: &[Assignment], keep: Keep) -> Vec<Assignment> {
    let (mut kept, mut end) = (Vec::<Assignment>::new(), 0);
    for new in all.iter().filter(|new| !new.range.is_empty()) {
        let overlaps = |other: &Assignment| {
            new.range.start < other.range.end && other.range.start < new.range.end
        };
        let is_smaller =
            |other: &Assignment| !overlaps(other) || other.range.len() < new.range.len();
        // Fast path: most ranges begin after the end of all earlier ranges.
        if new.range.start < end && kept.iter().any(overlaps) {
            if keep == Keep::First || !kept.iter().all(is_smaller) {
                continue;
            }
            kept.retain(|other| !overlaps(other));
        }
        end = end.max(new.range.end);
        kept.push(new.clone());
    }
    kept
}

/// The word for the bytes of a shape, and its number if the word is a decimal number; `None` for a shape with parts.
fn format_word(layout: &Layout, shape: &Shape, bytes: &[u8]) -> Option<(String, Option<Total>)> {
    let unsigned = Number::little_endian(0, bytes.len());
    let format_number = |number: Number| {
        let total = number.total(once(bytes));
        (total.to_string(), Some(total))
    };
    let word = match &shape.kind {
        Kind::Number {
            big_endian: true, ..
        } if bytes.len() == 4 => address::format(bytes),
        &Kind::Number { signed, big_endian } => {
            return Some(format_number(Number {
                big_endian,
                signed,
                ..unsigned
            }));
        }
        Kind::Bool => match bytes {
            [0] => Some("false".into()),
            [1] => Some("true".into()),
            _ => None,
        },
        Kind::Enum(values) => {
            let mut values = values.iter();
            let named = values.find(|named| named.value.to_le_bytes().starts_with(bytes));
            return Some(named.map_or_else(
                || format_number(unsigned),
                |value| (value.name.as_ref().into(), None),
            ));
        }
        Kind::Text => format_text(bytes),
        _ if layout.is_address(shape) => address::format(bytes),
        Kind::Array { element, .. } if layout.shape(*element).size != 1 => return None,
        Kind::Composite(members) if !members.is_empty() => return None,
        Kind::Array { .. } | Kind::Composite(_) | Kind::Opaque => None,
    };
    Some((word.unwrap_or_else(|| format!("0x{}", Upper(bytes))), None))
}

/// The text before the first NUL; `None` if the text cannot be written as a word of a Corefile.
fn format_text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0);
    let text = std::str::from_utf8(bytes.get(..end.unwrap_or(bytes.len()))?).ok()?;
    let inexpressible = |c: char| is_control(c) || "\"\\{}".contains(c);
    (!text.contains(inexpressible)).then(|| text.into())
}
