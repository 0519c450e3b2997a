//! `corexdp inspect`: programs, maps and types of an object, and a Corefile block that uses the object.

mod example;
mod json;

use std::fmt::Write as _;
use std::path::Path;

use crate::base::diagnostic::{Diagnostic, Fault};
use crate::base::escape::{Escaped, OneLine};
use crate::base::hex::Count;
use crate::base::quantity::Quantity;
use crate::base::suggest::list;
use crate::encode::Encoder;
use crate::object::layout::{Kind, names};
use crate::object::{self, LINK_HEADER, Layout, MapDef, Role, Survey};
use crate::plan;
use crate::plan::sources::Sources;

use example::Block;
pub(super) use example::INTERNAL;
pub use json::json;

/// Reads an object.
///
/// # Errors
/// When the file is missing or unreadable, or is not a usable object.
pub fn read(program: &Path) -> Result<Survey, Diagnostic> {
    let bytes = plan::read_program(
        program,
        "no such file; name an object file",
        &mut Sources::default(),
    );
    let survey = bytes.and_then(|bytes| {
        let damaged =
            |error: object::Error| (crate::base::diagnostic::Blame::Object, error.to_string());
        object::survey(&bytes).map_err(damaged)
    });
    survey.map_err(|(blame, message)| {
        Diagnostic::from(Fault {
            file: program.display().to_string(),
            line: 0,
            directive: "inspect".into(),
            message,
            blame,
        })
    })
}

/// Text about an object: programs, maps with their members, and an example block of a Corefile.
pub fn text(path: &Path, survey: &Survey) -> String {
    let mut out = "programs\n".to_owned();
    for program in &survey.programs {
        let (name, section) = (Escaped(&program.name), Escaped(&program.section));
        let _ = match &program.linked {
            Ok(count) => {
                let size = Quantity(*count as u64, "instruction");
                writeln!(out, "  {name}: section {section}, {size}")
            }
            Err(error) => writeln!(out, "  {name}: cannot be used: {}", OneLine(error)),
        };
    }
    out.push_str("links\n  Ethernet");
    if survey.has_link_header() {
        let _ = write!(out, ", and IP by {LINK_HEADER}");
    }
    out.push('\n');
    out.push_str("maps\n");
    for map in survey.maps.iter().filter_map(MapDef::for_lines) {
        let (name, kind, capacity) = (Escaped(&map.name), map.kind, map.max_entries);
        let ignored = if map.pinned {
            ", its pinning by name ignored"
        } else {
            ""
        };
        let room = Quantity(capacity.into(), "entry");
        let _ = match map.role {
            Role::Entries(table) => writeln!(out, "  {name}: {table}, with room for any list"),
            _ => writeln!(out, "  {name}: {kind}, room for {room}{ignored}"),
        };
        let encoder = Encoder::new(map, survey.btf.as_ref());
        if map.initial.is_some() {
            out.push_str("    key: 0\n");
        } else {
            layout_lines(&mut out, "key", map.key_size, Some(encoder.key_layout()));
        }
        layout_lines(&mut out, "value", map.value_size, encoder.value_layout());
    }
    let _ = match Block::new(path, survey) {
        Ok(block) => write!(out, "\n{block}"),
        Err(reason) => writeln!(out, "\n# no ebpf block: {}", OneLine(reason)),
    };
    out
}

/// Writes type and size of a key or value, and offset, size, name and type of each member of a struct.
fn layout_lines(out: &mut String, label: &str, size: u32, layout: Option<&Layout>) {
    let size = Count(size as usize);
    let Some(layout) = layout else {
        let _ = writeln!(out, "    {label}: of no known type, {size}");
        return;
    };
    let whole = layout.whole();
    let _ = write!(out, "    {label}: {}, {size}", Escaped(&whole.name));
    if let Some(padding) = layout.padding() {
        let _ = write!(out, ": {}", OneLine(padding));
    }
    out.push('\n');
    let Kind::Composite(_) = whole.kind else {
        return;
    };
    layout.walk("", &mut |part| {
        let shape = layout.shape(part.shape);
        let (offset, size) = (part.offset, shape.size);
        let (path, name) = (Escaped(part.path), Escaped(&shape.name));
        let _ = write!(out, "    {offset:6} {size:4}  {path}  {name}");
        let _ = match (&shape.kind, part.bits) {
            (_, Some(bits)) => write!(out, ", {}", Quantity(bits.into(), "bit")),
            (Kind::Enum(values), None) => {
                write!(out, ": {}", Escaped(&list(&names(values), ", ")))
            }
            _ => Ok(()),
        };
        if let Some(max) = part.max {
            let _ = write!(out, ", at most {max}");
        }
        out.push('\n');
        layout.has_members(part.shape)
    });
}
