//! Words of an `entry` line → the bytes of a map's key and value, by the map's types; and [back](Encoder::parts).
//!
//! What a word means is decided by its spelling and the type together: `192.0.2.1` is an address in any four bytes,
//! `53` a number in the byte order that the type's name says, `ACL_DROP` the value that an enumeration gives it.

mod address;
mod back;
pub mod integer;
mod line;
mod number;
mod prefix;
#[cfg(test)]
mod tests;
mod word;

use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Quoted;
use crate::base::hex::Count;
use crate::encode::integer::Number;
use crate::object::layout::{Field, Kind};
use crate::object::{Btf, Layout, MapDef, MapKind};

pub use back::Said;
use word::Refusal;

/// What errors call a key.
const KEY: &str = "KEY";

/// The words of one map.
#[derive(Debug)]
pub struct Encoder<'a> {
    map: &'a MapDef,
    key: Layout,
    /// `None` when the object does not say what its values are.
    value: Option<Layout>,
    /// The FIELDs of the last line. Most lines have the same ones in the same order.
    known: Vec<(String, Field)>,
}

/// What is wrong with an `entry` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which of its FIELDs, from 0.
    pub field: usize,
    /// What is wrong with it, and what would be right.
    pub what: String,
}

impl<'a> Encoder<'a> {
    /// For the entries of this map, whose types are in `btf`.
    pub fn new(map: &'a MapDef, btf: Option<&Btf>) -> Self {
        let (key, value) = map.btf_types.unwrap_or_default();
        let layout = |id, size| {
            let layout = Layout::of(btf.filter(|_| id != 0)?, id)?;
            (layout.whole().size == size).then_some(layout)
        };
        Self {
            map,
            key: layout(key, map.key_size).unwrap_or_else(|| Layout::bytes(map.key_size)),
            value: layout(value, map.value_size),
            known: Vec::new(),
        }
    }

    /// What the bytes of a value mean, if the object says that.
    pub const fn value_layout(&self) -> Option<&Layout> {
        self.value.as_ref()
    }

    /// What the bytes of a key mean.
    pub const fn key_layout(&self) -> &Layout {
        &self.key
    }

    /// Writes a key to `out`; how many bytes it has.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it and what would be right.
    pub fn key(&self, word: &str, out: &mut [u8]) -> Result<usize, String> {
        let size = self.map.key_size as usize;
        let out = out
            .get_mut(..size)
            .ok_or_else(|| too_long("key", KEY, size, MAX_KEY))?;
        let good = match word.strip_prefix("0x") {
            Some(digits) => word::bytes(digits, out),
            None if self.map.kind == MapKind::LPM_TRIE => prefix::write(word, out)?,
            None => word::write(&self.key, self.key.core(), word, out) || prefix::map(word, out),
        };
        if good {
            return Ok(size);
        }
        Err(if self.map.kind == MapKind::LPM_TRIE {
            prefix::refuse(word, size)
        } else {
            let shape = self.key.shape(self.key.core());
            let name = KEY;
            Refusal { name, shape, word }.to_string()
        })
    }

    /// Writes a value to `out`, FIELD by FIELD; how many bytes it has. What no FIELD names is zero.
    ///
    /// # Errors
    /// The first FIELD that is wrong, and why.
    pub fn value<'w>(
        &mut self,
        words: impl Iterator<Item = &'w str>,
        out: &mut [u8],
    ) -> Result<usize, Wrong> {
        let size = self.map.value_size as usize;
        let wrong = |field, what| Wrong { field, what };
        let out = out
            .get_mut(..size)
            .ok_or_else(|| wrong(0, too_long("value", "VALUE", size, MAX_VALUE)))?;
        out.fill(0);
        for (number, word) in words.enumerate() {
            self.field(number, word, out)
                .map_err(|what| wrong(number, what))?;
        }
        Ok(size)
    }

    /// Writes FIELD=VALUE, the one with this number in its line.
    fn field(&mut self, number: usize, word: &str, out: &mut [u8]) -> Result<(), String> {
        let Some((path, value)) = word.split_once('=') else {
            let word = Quoted(word);
            return Err(format!(
                "{word} has no `=`; write FIELD=VALUE, and one that has spaces as \"FIELD=VALUE\""
            ));
        };
        self.know(number, path)?;
        let Some(((_, field), layout)) = self.known.get(number).zip(self.value.as_ref()) else {
            return Ok(());
        };
        let shape = layout.shape(field.shape);
        let (from, size) = (field.offset as usize, shape.size as usize);
        let end = from.saturating_add(size);
        let place = out.get_mut(from..end).filter(|place| !place.is_empty());
        if place.is_some_and(|place| word::write(layout, field.shape, value, place)) {
            return Ok(());
        }
        let (name, word) = (path, value);
        Err(Refusal { name, shape, word }.to_string())
    }

    /// Sees to it that the place of the FIELD with this number is known, and none of those before it has the same bytes.
    fn know(&mut self, number: usize, path: &str) -> Result<(), String> {
        if self
            .known
            .get(number)
            .is_some_and(|(known, _)| known == path)
        {
            return Ok(());
        }
        let layout = self.layout()?;
        let field = layout.find(path)?;
        let bytes = |field: &Field| {
            let end = field.offset.saturating_add(layout.shape(field.shape).size);
            field.offset..end
        };
        let mine = bytes(&field);
        let before = self.known.iter().take(number);
        let same = before.into_iter().find(|(_, other)| {
            let other = bytes(other);
            mine.start < other.end && other.start < mine.end
        });
        if let Some((other, _)) = same {
            return Err(if other == path {
                format!("{path} is given twice; keep one")
            } else {
                format!("{path} and {other} are the same bytes; keep one")
            });
        }
        self.known.truncate(number);
        self.known.push((path.into(), field));
        Ok(())
    }

    fn layout(&self) -> Result<&Layout, String> {
        self.value.as_ref().ok_or_else(|| {
            "the object does not say what its values are made of; compile it with -g, or write `map` and `metric`".into()
        })
    }

    /// The number that is read from a value under a FIELD.
    ///
    /// # Errors
    /// When there is no such FIELD, or it is no number.
    pub fn number(&self, path: &str) -> Result<Number, String> {
        let layout = self.layout()?;
        let field = layout.find(path)?;
        let shape = layout.shape(field.shape);
        let (signed, big_endian) = match shape.kind {
            Kind::Number { signed, big_endian } => (signed, big_endian),
            Kind::Bool | Kind::Enum(_) => (false, false),
            _ => {
                let what = format!("{path} is {}, {}", shape.name, Count(shape.size as usize));
                return Err(format!(
                    "{what}; a metric is read from a number of 1, 2, 4 or 8 bytes"
                ));
            }
        };
        Ok(Number {
            position: field.offset as usize,
            length: shape.size as usize,
            big_endian,
            signed,
        })
    }
}

fn too_long(what: &str, capital: &str, size: usize, most: usize) -> String {
    format!(
        "a {what} of the map has {size} bytes, more than {most}; COREXDP_MAX_{capital} sets how many at build time"
    )
}
