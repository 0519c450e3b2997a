//! A block for a Corefile that uses an object: each map with an entry to begin with.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::corefile::Word;
use crate::encode::Encoder;
use crate::object::layout::{Kind, Shape};
use crate::object::{Layout, MapDef, MapKind, Survey};
use crate::plan::ENTRY;

/// The block.
pub(super) struct Block<'a> {
    pub(super) path: &'a Path,
    pub(super) survey: &'a Survey,
}

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        writeln!(f, "ebpf {{\n  elf {}", Word(&path))?;
        let usable = || self.survey.programs.iter().filter(|one| one.linked.is_ok());
        let usual = usable().any(|one| one.name == ENTRY);
        if let Some(one) = usable().next().filter(|_| !usual) {
            writeln!(f, "  prog {}", Word(&one.name))?;
        }
        writeln!(f, "  if eth0")?;
        for map in self.survey.maps.iter().filter(|map| map.kind.holds_bytes()) {
            self.entry(f, map)?;
        }
        writeln!(f, "}}")
    }
}

impl Block<'_> {
    /// An entry in words, or in bytes where the object has no words for it.
    fn entry(&self, f: &mut fmt::Formatter<'_>, map: &MapDef) -> fmt::Result {
        let name = format!("@{}", map.name);
        let name = Word(&name);
        let encoder = Encoder::new(map, self.survey.btf.as_ref());
        let fields = encoder.value_layout().map(fields).unwrap_or_default();
        if fields.is_empty() {
            let (key, value) = (zeros(map.key_size), zeros(map.value_size));
            return writeln!(f, "  map {name} {key} {value}");
        }
        let key = key(map, encoder.key_layout());
        writeln!(f, "  entry {name} {key}{fields}")
    }
}

/// A key to begin with, from the ranges kept for documentation.
fn key(map: &MapDef, layout: &Layout) -> String {
    let core = layout.shape(layout.core());
    if map.kind == MapKind::LPM_TRIE {
        return match map.key_size {
            8 => "192.0.2.0/24".into(),
            20 => "2001:db8::/32".into(),
            size => format!("0x{}", zeros(size)),
        };
    }
    match (&core.kind, core.size) {
        (Kind::Text, _) => "text".chars().take(core.size as usize).collect(),
        (Kind::Bool, _) => "false".into(),
        (
            Kind::Number {
                big_endian: true, ..
            },
            4,
        ) => "192.0.2.1".into(),
        (Kind::Number { .. } | Kind::Enum(_), _) => "0".into(),
        _ if layout.may_be_address(core) && core.size == 16 => "2001:db8::1".into(),
        _ if layout.may_be_address(core) => "02:00:00:00:00:01".into(),
        (_, size) => format!("0x{}", zeros(size)),
    }
}

fn zeros(size: u32) -> String {
    "00".repeat(size as usize)
}

/// FIELD=VALUE for each member, of the first element of an array and of the first view of a union.
fn fields(layout: &Layout) -> String {
    let (mut end, mut fields) = (0, String::new());
    layout.walk("value", &mut |part| {
        let shape = layout.shape(part.shape);
        if part.bits.is_some() || part.offset < end || shape.size == 0 {
            return false;
        }
        let Some(value) = value(layout, shape) else {
            return true;
        };
        end = part.offset.saturating_add(shape.size);
        let _ = write!(fields, " {}={value}", part.path);
        false
    });
    fields
}

/// A value to begin with; `None` for what has parts, or takes no words.
fn value<'a>(layout: &'a Layout, shape: &'a Shape) -> Option<&'a str> {
    Some(match &shape.kind {
        Kind::Number {
            big_endian: true, ..
        } if shape.size == 4 => "0.0.0.0",
        Kind::Number { .. } => "0",
        Kind::Bool => "false",
        Kind::Enum(values) => values.first().map_or("0", |first| &first.name),
        Kind::Text => "text".get(..shape.size as usize).unwrap_or("text"),
        _ if layout.may_be_address(shape) && shape.size == 16 => "::",
        _ if layout.may_be_address(shape) => "00:00:00:00:00:00",
        _ => return None,
    })
}
