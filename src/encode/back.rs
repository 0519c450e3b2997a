//! The bytes of a map's key and value → the words of an `entry` line.
//!
//! A line says the same bytes again, or there is none: what has been put into words is encoded and compared.

use std::fmt::Write as _;
use std::iter::once;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Encoder, prefix};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::hex::Upper;
use crate::encode::integer::Number;
use crate::object::layout::{Kind, Layout, Shape};

/// A part of a value in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// FIELD.
    pub path: String,
    /// VALUE.
    pub word: String,
    /// Whether that is a number in decimal.
    pub is_number: bool,
    /// Whether all its bytes are 0; a line need not name it.
    pub is_zero: bool,
    place: Range<usize>,
}

impl Said {
    /// FIELD=VALUE.
    pub fn field(&self) -> String {
        format!("{}={}", self.path, self.word)
    }
}

impl Encoder<'_> {
    /// A key in a word; `None` where no word gives these bytes.
    pub fn key_word(&self, key: &[u8]) -> Option<String> {
        let core = self.key.shape(self.key.core());
        let word = if self.map.kind == crate::object::MapKind::LPM_TRIE {
            prefix::read(key)
        } else {
            let mapped = prefix::mapped(key).filter(|_| is_address(&self.key, core));
            match mapped {
                Some(four) => address(four),
                None => word(&self.key, core, key).map(|(word, _)| word),
            }
        };
        let says = |word: &String| {
            let mut out = [0; MAX_KEY];
            let size = self.key(word, &mut out).ok();
            size.and_then(|size| out.get(..size)) == Some(key)
        };
        let in_bytes = || Some(format!("0x{}", Upper(key)));
        word.filter(says).or_else(in_bytes).filter(says)
    }

    /// The parts of a value; none where the object does not say what it is made of. True if they give these bytes.
    pub fn parts(&mut self, value: &[u8]) -> (Vec<Said>, bool) {
        let all = self.value.as_ref().map(|layout| all(layout, value));
        let all = all.unwrap_or_default();
        // Of the views of a union the first is meant, unless it leaves something out.
        for largest in [false, true] {
            let parts = apart(&all, largest);
            if self.gives(&parts, value) {
                return (parts, true);
            }
        }
        (apart(&all, false), false)
    }

    fn gives(&mut self, parts: &[Said], value: &[u8]) -> bool {
        let named = parts.iter().filter(|part| !part.is_zero);
        let words: Vec<_> = named.map(Said::field).collect();
        let mut out = [0; MAX_VALUE];
        let size = self.value(words.iter().map(String::as_str), &mut out).ok();
        !parts.is_empty() && size.and_then(|size| out.get(..size)) == Some(value)
    }
}

/// All parts that there are words for, the views of a union too.
fn all(layout: &Layout, value: &[u8]) -> Vec<Said> {
    let mut all = Vec::new();
    layout.walk_all("value", &mut |part| {
        let shape = layout.shape(part.shape);
        let from = part.offset as usize;
        let place = from..from.saturating_add(shape.size as usize);
        // A bit-field has no name.
        let Some(bytes) = value.get(place.clone()).filter(|_| part.bits.is_none()) else {
            return false;
        };
        let Some((word, is_number)) = word(layout, shape, bytes) else {
            return true;
        };
        all.push(Said {
            path: part.path.into(),
            word,
            is_number,
            is_zero: bytes.iter().all(|&byte| byte == 0),
            place,
        });
        false
    });
    all
}

/// Of parts that share bytes only one, the first or the largest.
fn apart(all: &[Said], largest: bool) -> Vec<Said> {
    let (mut taken, mut end) = (Vec::<Said>::new(), 0);
    for part in all.iter().filter(|part| !part.place.is_empty()) {
        let shares =
            |other: &Said| part.place.start < other.place.end && other.place.start < part.place.end;
        let gives_way = |other: &Said| !shares(other) || other.place.len() < part.place.len();
        // Mostly each begins where all before have ended, and none has to be looked at.
        if part.place.start < end && taken.iter().any(shares) {
            if !largest || !taken.iter().all(gives_way) {
                continue;
            }
            taken.retain(|other| !shares(other));
        }
        end = end.max(part.place.end);
        taken.push(part.clone());
    }
    taken
}

/// What bytes are called, and whether that is a number; `None` for what has parts.
fn word(layout: &Layout, shape: &Shape, bytes: &[u8]) -> Option<(String, bool)> {
    let number = |signed, big_endian| {
        let (position, length) = (0, bytes.len());
        let number = Number {
            position,
            length,
            big_endian,
            signed,
        };
        (number.total(once(bytes)).to_string(), true)
    };
    let known = match &shape.kind {
        Kind::Number {
            big_endian: true, ..
        } if bytes.len() == 4 => address(bytes),
        Kind::Number { signed, big_endian } => return Some(number(*signed, *big_endian)),
        Kind::Bool => match bytes {
            [0] => Some("false".into()),
            [1] => Some("true".into()),
            _ => None,
        },
        Kind::Enum(values) => {
            let mut values = values.iter();
            let is_meant = |value: i64| value.to_le_bytes().starts_with(bytes);
            let meant = values.find(|value| is_meant(value.value));
            return Some(meant.map_or_else(
                || number(false, false),
                |value| (value.name.as_ref().into(), false),
            ));
        }
        Kind::Text => text(bytes),
        _ if is_address(layout, shape) => address(bytes),
        Kind::Array { element, .. } if layout.shape(*element).size != 1 => return None,
        Kind::Group(members) if !members.is_empty() => return None,
        Kind::Array { .. } | Kind::Group(_) | Kind::Opaque => None,
    };
    Some((
        known.unwrap_or_else(|| format!("0x{}", Upper(bytes))),
        false,
    ))
}

/// Letters up to the zeros, if a Corefile has a word for them.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0);
    let text = std::str::from_utf8(bytes.get(..end.unwrap_or(bytes.len()))?).ok()?;
    let bad = |letter: char| letter.is_control() || "\"\\{}".contains(letter);
    (!text.contains(bad)).then(|| text.into())
}

/// Whether bytes without a number's type are an address: an array of bytes, or of what stands highest byte first; or
/// views of such.
fn is_address(layout: &Layout, shape: &Shape) -> bool {
    match &shape.kind {
        Kind::Array { element, .. } => matches!(
            layout.shape(*element),
            Shape {
                size: 1,
                kind: Kind::Number { .. },
                ..
            } | Shape {
                kind: Kind::Number {
                    big_endian: true,
                    ..
                },
                ..
            }
        ),
        Kind::Group(members) => {
            let view = |shape: &Shape| is_address(layout, shape);
            let views = members.iter().all(|member| {
                member.bit_offset == 0
                    && layout.shape(member.shape).size == shape.size
                    && view(layout.shape(member.shape))
            });
            views && !members.is_empty()
        }
        _ => false,
    }
}

/// Bytes as the address that has so many.
pub(super) fn address(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        write!(text, "{}", Ipv4Addr::from(four))
    } else if let Ok(six) = <[u8; 16]>::try_from(bytes) {
        write!(text, "{}", Ipv6Addr::from(six))
    } else if bytes.len() == 6 {
        for (index, byte) in bytes.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            let _ = write!(text, "{colon}{byte:02x}");
        }
        Ok(())
    } else {
        return None;
    };
    Some(text)
}
