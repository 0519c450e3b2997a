//! An example `ebpf` block for an object, with an entry for each map that an operator fills. The block passes `check`
//! without changes.

use std::fmt::{self, Write as _};
use std::iter::once;
use std::path::Path;

use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::{Plain, Quoted};
use crate::base::hex::Count;
use crate::corefile::Word;
use crate::encode::Encoder;
use crate::list::{Action, Reason};
use crate::object::layout::{Kind, Shape};
use crate::object::{LINK_HEADER, Layout, MapDef, MapKind, Role, Survey};
use crate::plan::ENTRY;

/// Name of the map of constants, by which a Corefile configures a program.
const CONSTANTS: &str = ".rodata";
/// Maps that no line sets: those that only the programs of `bpf/clock.h`, `bpf/scratch.h` and `bpf/scope.h` write, and the
/// map that the daemon writes.
pub(in crate::commands) const INTERNAL: [&str; 4] =
    ["clock", "scratch", "reply_sources", "wall_clock"];

/// An example block, displayed as lines of a Corefile.
pub(super) struct Block<'a> {
    survey: &'a Survey,
    path: &'a str,
    /// The entry function; `None` for the default name.
    program: Option<&'a str>,
}

impl<'a> Block<'a> {
    /// The block for the object at `path`.
    ///
    /// # Errors
    /// Reason why no block can use the object.
    pub(super) fn new(path: &'a Path, survey: &'a Survey) -> Result<Self, String> {
        let mut usable = survey
            .programs
            .iter()
            .filter(|program| program.linked.is_ok())
            .map(|program| program.name.as_str())
            .filter(|name| Word(name).is_exact());
        let first = usable.clone().next().ok_or("no program can be used")?;
        let program = (!usable.any(|name| name == ENTRY)).then_some(first);
        let path = path
            .to_str()
            .filter(|path| Word(path).is_exact())
            .ok_or_else(|| {
                let path = path.to_string_lossy();
                let path = Quoted(&path);
                format!("a Corefile cannot express the path {path}; rename the object")
            })?;
        Ok(Self {
            survey,
            path,
            program,
        })
    }
}

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ebpf {{\n  elf {}", Word(self.path))?;
        if let Some(program) = self.program {
            writeln!(f, "  prog {}", Word(program))?;
        }
        writeln!(f, "  if eth0")?;
        let maps = self.survey.maps.iter().filter_map(MapDef::for_lines);
        for map in maps.filter(|map| is_filled_by_lines(map)) {
            match &map.initial {
                None => self.entry(f, map)?,
                Some(initial) => self.variable(f, map, initial)?,
            }
        }
        writeln!(f, "}}")
    }
}

/// True for a map that lines of a Corefile may fill.
fn is_filled_by_lines(map: &MapDef) -> bool {
    map.kind.holds_bytes() && !INTERNAL.contains(&map.name.as_str())
}

impl Block<'_> {
    /// Writes a comment with a line that sets a constant to its present value. Variables need no line, since the object
    /// has their values.
    fn variable(&self, f: &mut fmt::Formatter<'_>, map: &MapDef, initial: &[u8]) -> fmt::Result {
        if map.name != CONSTANTS {
            return Ok(());
        }
        let mut encoder = Encoder::new(map, self.survey.btf.as_ref());
        for assignment in &encoder.assignments(initial).assignments {
            let word = assignment.to_string();
            let is_value = encoder
                .value(once(word.as_str()), &mut [0; MAX_VALUE])
                .is_ok();
            // Static variables of functions, such as format strings, have a dot in their name and are omitted.
            // The daemon sets the link header.
            let is_value = is_value && assignment.path != LINK_HEADER;
            if is_value && !assignment.path.contains('.') && Word(&word).is_exact() {
                return writeln!(f, "  # entry @{CONSTANTS} 0 {}", Word(&word));
            }
        }
        Ok(())
    }

    /// Writes an entry in words, or in bytes if words cannot express it. Writes a comment for a map of which a Corefile
    /// cannot set entries.
    fn entry(&self, f: &mut fmt::Formatter<'_>, map: &MapDef) -> fmt::Result {
        let name = format!("@{}", map.name);
        let word = Word(&name);
        for (part, size, most) in [
            ("key", map.key_size, MAX_KEY),
            ("value", map.value_size, MAX_VALUE),
        ] {
            if size as usize > most {
                let (name, size) = (Plain(&name), Count(size as usize));
                return writeln!(f, "  # {name}: a {part} has {size}, more than {most}");
            }
        }
        if map.key_size == 0 || map.max_entries == 0 || !word.is_exact() {
            return writeln!(f, "  # {}: a line cannot name an entry", Plain(&name));
        }
        let mut encoder = Encoder::new(map, self.survey.btf.as_ref());
        if let Some(words) = words(map, &mut encoder) {
            writeln!(f, "  entry {word} {words}")?;
            if !matches!(map.role, Role::Entries(_)) {
                return Ok(());
            }
            return match encoder.action_field(Action::Drop) {
                Some(field) => writeln!(f, "  # list {word} FILE {field}"),
                None => writeln!(f, "  # list {word} FILE: {}", Reason::NoDrop.text()),
            };
        }
        let (key, value) = (zeros(map.key_size), zeros(map.value_size));
        writeln!(f, "  map {word} {key} {value}")
    }
}

/// Key and fields of an `entry` line; `None` if words cannot express the entry.
fn words(map: &MapDef, encoder: &mut Encoder<'_>) -> Option<String> {
    let key = if encoder.has_domain_keys() {
        "name.example".into()
    } else {
        key(map, encoder.key_layout())
    };
    let fields = fields(encoder.value_layout()?);
    let is_key = encoder.key(&key, &mut [0; MAX_KEY]).is_ok();
    let texts = fields.iter().map(String::as_str);
    let is_value = encoder.value(texts, &mut [0; MAX_VALUE]).is_ok();
    let are_exact = fields.iter().all(|field| Word(field).is_exact());
    if fields.is_empty() || !is_key || !is_value || !are_exact {
        return None;
    }
    let mut words = Word(&key).to_string();
    for field in &fields {
        // Writing to a String cannot fail.
        let _ = write!(words, " {}", Word(field));
    }
    Some(words)
}

/// Example key. Addresses are from the ranges for documentation (RFC 5737, RFC 3849).
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

/// `FIELD=VALUE` for each member, for the first element of an array, and for the first member of a union.
fn fields(layout: &Layout) -> Vec<String> {
    let (mut end, mut fields) = (0, Vec::new());
    layout.walk("value", &mut |part| {
        let shape = layout.shape(part.shape);
        if part.bits.is_some() || part.offset < end || shape.size == 0 {
            return false;
        }
        let Some(value) = value(layout, shape) else {
            return true;
        };
        end = part.offset.saturating_add(shape.size);
        fields.push(format!("{}={value}", part.path));
        false
    });
    fields
}

/// Example value; `None` for a type that has members or that words cannot express.
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
