//! An example `ebpf` block for an object, with one entry for each map.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::corefile::Word;
use crate::encode::Encoder;
use crate::object::layout::{Kind, Shape};
use crate::object::{Layout, MapDef, MapKind, Survey};
use crate::plan::ENTRY;

/// An example block, displayed as lines of a Corefile.
pub(super) struct Block<'a> {
    pub(super) path: &'a Path,
    pub(super) survey: &'a Survey,
}

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        writeln!(f, "ebpf {{\n  elf {}", Word(&path))?;
        let programs = self.survey.programs.iter();
        let usable = || programs.clone().filter(|program| program.linked.is_ok());
        let has_default = usable().any(|program| program.name == ENTRY);
        if let Some(program) = usable().next().filter(|_| !has_default) {
            writeln!(f, "  prog {}", Word(&program.name))?;
        }
        writeln!(f, "  if eth0")?;
        let maps = self.survey.maps.iter();
        // Variables have values already.
        for map in maps.filter(|map| map.kind.holds_bytes() && map.initial.is_none()) {
            self.entry(f, map)?;
        }
        writeln!(f, "}}")
    }
}

impl Block<'_> {
    /// Writes an entry in words, or in bytes if the object has no type for the value.
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

/// Example key; addresses are of the ranges for documentation (RFC 5737, RFC 3849).
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

/// FIELD=VALUE for each member; of arrays the first element, of unions the first member.
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
        let assignment = format!("{}={value}", part.path);
        let _ = write!(fields, " {}", Word(&assignment));
        false
    });
    fields
}

/// Example value; `None` for a type with members, and for a type without words.
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
