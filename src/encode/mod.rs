//! Encodes the words of an `entry` line to the bytes of a map's key and value, and decodes them
//! [back](Encoder::assignments), by the map's types.
//!
//! Spelling and type together determine the meaning of a word: `192.0.2.1` is an address in any four bytes, `53` a number
//! in the byte order of the type, `ACL_DROP` an enumerator.

mod address;
mod decode;
mod domain;
pub mod integer;
mod item;
mod line;
mod number;
mod prefix;
mod secret;
#[cfg(test)]
mod tests;
mod word;

use std::fmt::Display;
use std::ops::Range;

use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Quoted;
use crate::base::hex::Count;
use crate::encode::integer::Number;
use crate::object::layout::{Field, Kind};
use crate::object::{Btf, Layout, MapDef, MapKind, Role, TableKind};

pub use decode::{Assignment, Decoded};
pub use domain::{WIRE_SIZE, name_to_wire, write_wire};
pub use item::ItemKeys;
pub use line::MAP;
pub use prefix::{byte_order_hint, check_length, clear_host_bits};
pub use secret::{SECRET, SecretWords, field_of, is_secret};
use word::Refusal;

/// Name of the key in errors.
const KEY: &str = "KEY";

/// Encoder and decoder for the entries of one map.
#[derive(Debug)]
pub struct Encoder<'a> {
    map: &'a MapDef,
    key: Layout,
    /// Layout of a value; `None` if the object has no type for the map's values.
    value: Option<Layout>,
    /// Bytes of a value that are never printed.
    secrets: Vec<Range<usize>>,
    /// Paths and places of the last line's FIELDs, by index. A cache, since most lines have the same FIELDs in the same
    /// order.
    cached: Vec<(String, Field)>,
}

/// Error in a FIELD=VALUE of an `entry` line.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Index of the FIELD in its line, from 0.
    pub field: usize,
    /// The fault and its remedy.
    pub message: String,
}

impl<'a> Encoder<'a> {
    /// An encoder for `map`, whose type ids refer to `btf`.
    pub fn new(map: &'a MapDef, btf: Option<&Btf>) -> Self {
        let (key, value) = map.btf_types.unwrap_or_default();
        let layout = |id, size| {
            let layout = Layout::of(btf.filter(|_| id != 0)?, id)?;
            (layout.whole().size == size).then_some(layout)
        };
        let value = layout(value, map.value_size);
        Self {
            map,
            secrets: secret::secrets(map, value.as_ref()),
            key: match map.role {
                Role::Entries(TableKind::Names) => domain::layout(),
                _ => layout(key, map.key_size).unwrap_or_else(|| Layout::bytes(map.key_size)),
            },
            value,
            cached: Vec::new(),
        }
    }

    /// Clears the host bits of a key of this map, if the map is a trie.
    pub fn clear_host_bits(&self, key: &mut [u8]) {
        clear_host_bits(self.map.kind, key);
    }

    /// Layout of a value; `None` if the object has no type for the map's values.
    pub const fn value_layout(&self) -> Option<&Layout> {
        self.value.as_ref()
    }

    /// Layout of a key; of its bytes if the key has no type.
    pub const fn key_layout(&self) -> &Layout {
        &self.key
    }

    /// True if keys are domain names.
    pub fn has_domain_keys(&self) -> bool {
        domain::is_key(&self.key)
    }

    /// Writes a key to `out` and returns its size in bytes.
    ///
    /// # Errors
    /// The fault of `word` and its remedy, as a sentence.
    pub fn key(&self, word: &str, out: &mut [u8]) -> Result<usize, String> {
        self.write_key(word, out).map_err(|message| {
            // KEY may be missing, so that the word is a secret.
            if self.has_secrets() && word.contains('=') {
                "KEY has a `=`; write KEY before FIELD=VALUE".into()
            } else if is_secret(&self.map.name) {
                self.refuse_key(None)
            } else {
                message
            }
        })
    }

    fn write_key(&self, word: &str, out: &mut [u8]) -> Result<usize, String> {
        let size = self.map.key_size as usize;
        let out = out
            .get_mut(..size)
            .ok_or_else(|| too_long("key", KEY, size, MAX_KEY))?;
        let written = match word.strip_prefix("0x") {
            Some(digits) => word::write_bytes(digits, out),
            None if self.map.kind == MapKind::LPM_TRIE => prefix::write(word, out)?,
            None if self.has_domain_keys() => {
                domain::write(word, out)?;
                true
            }
            None => {
                word::write(&self.key, self.key.core(), word, out)
                    || prefix::write_mapped(word, out)
            }
        };
        if written {
            if self.map.kind == MapKind::LPM_TRIE {
                check_length(&self.map.name, out)?;
            }
            return Ok(size);
        }
        Err(if self.map.kind == MapKind::LPM_TRIE {
            prefix::refuse(word, size)
        } else {
            self.refuse_key(Some(word))
        })
    }

    fn refuse_key(&self, word: Option<&str>) -> String {
        let (name, shape) = (KEY, self.key.shape(self.key.core()));
        Refusal { name, shape, word }.to_string()
    }

    /// Writes a value to `out`, FIELD by FIELD, and returns its size in bytes. Bytes that no FIELD names are zero; for
    /// variables they are the initial values in the object.
    ///
    /// # Errors
    /// The first FIELD at fault.
    pub fn value<'w>(
        &mut self,
        words: impl Iterator<Item = &'w str>,
        out: &mut [u8],
    ) -> Result<usize, FieldError> {
        let size = self.map.value_size as usize;
        let error = |field, message| FieldError { field, message };
        let out = out
            .get_mut(..size)
            .ok_or_else(|| error(0, too_long("value", "VALUE", size, MAX_VALUE)))?;
        match &self.map.initial {
            Some(initial) if initial.len() == size => out.copy_from_slice(initial),
            _ => out.fill(0),
        }
        for (index, word) in words.enumerate() {
            self.write_field(index, word, out)
                .map_err(|message| error(index, message))?;
        }
        Ok(size)
    }

    /// Writes the FIELD=VALUE at `index` of its line.
    fn write_field(&mut self, index: usize, word: &str, out: &mut [u8]) -> Result<(), String> {
        let Some((path, value)) = word.split_once('=') else {
            let quoted = Quoted(word);
            let word: &dyn Display = if self.has_secrets() {
                &"a word"
            } else {
                &quoted
            };
            return Err(format!(
                "{word} has no `=`; write FIELD=VALUE without spaces around it, and a VALUE with spaces as \"FIELD=VALUE\""
            ));
        };
        self.cache(index, path)?;
        let Some(((_, field), layout)) = self.cached.get(index).zip(self.value.as_ref()) else {
            return Ok(());
        };
        let shape = layout.shape(field.shape);
        let (start, size) = (field.offset as usize, shape.size as usize);
        let end = start.saturating_add(size);
        let is_secret = is_secret(path) || self.is_secret(&(start..end));
        let bytes = out.get_mut(start..end).filter(|bytes| !bytes.is_empty());
        // A line of `dump` does not have the secret.
        let bytes = bytes.filter(|_| !is_secret || value != SECRET);
        if bytes.is_some_and(|bytes| word::write(layout, field.shape, value, bytes)) {
            return Ok(());
        }
        Err(Refusal {
            name: path,
            shape,
            word: (!is_secret).then_some(value),
        }
        .to_string())
    }

    /// Looks up the FIELD `path` and caches its place at `index`.
    ///
    /// # Errors
    /// When there is no such FIELD, or it shares bytes with an earlier FIELD of the line.
    fn cache(&mut self, index: usize, path: &str) -> Result<(), String> {
        if self
            .cached
            .get(index)
            .is_some_and(|(cached, _)| cached == path)
        {
            return Ok(());
        }
        let field = self.find(path)?;
        let layout = self.layout()?;
        let range = |field: &Field| {
            let end = field.offset.saturating_add(layout.shape(field.shape).size);
            field.offset..end
        };
        let new = range(&field);
        let mut earlier = self.cached.iter().take(index);
        let overlapping = earlier.find(|(_, other)| {
            let other = range(other);
            new.start < other.end && other.start < new.end
        });
        if let Some((other, _)) = overlapping {
            return Err(if other == path {
                format!("{path} is given twice; keep one")
            } else {
                format!("{path} and {other} are the same bytes; keep one")
            });
        }
        self.cached.truncate(index);
        self.cached.push((path.into(), field));
        Ok(())
    }

    fn layout(&self) -> Result<&Layout, String> {
        self.value.as_ref().ok_or_else(|| {
            "the object has no type for the values of this map; compile it with -g, or write `map` and `metric`".into()
        })
    }

    /// Place of the FIELD `path`. The error quotes no FIELD of a map whose values are secret: the word may be a secret with
    /// a `=`, such as one in base64.
    fn find(&self, path: &str) -> Result<Field, String> {
        self.layout()?.find(path).map_err(|message| {
            if is_secret(&self.map.name) {
                "a FIELD is no member of the value; `corexdp inspect` shows the members".into()
            } else {
                message
            }
        })
    }

    /// Place and encoding of the integer that the FIELD `path` names.
    ///
    /// # Errors
    /// When there is no such FIELD, or it is not an integer.
    pub fn number(&self, path: &str) -> Result<Number, String> {
        let field = self.find(path)?;
        let shape = self.layout()?.shape(field.shape);
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

fn too_long(part: &str, setting: &str, size: usize, limit: usize) -> String {
    format!(
        "a {part} of the map has {size} bytes, more than {limit}; build with a larger COREXDP_MAX_{setting}"
    )
}
