//! `inspect`: what an object holds, and how a Corefile uses it.

#![forbid(unsafe_code)]

mod example;
mod json;

use std::io::{self, Write};
use std::path::Path;

use crate::config::Diagnostic;
use crate::corefile::Escaped;
use crate::encode::Encoder;
use crate::hex::count;
use crate::nearest::list;
use crate::object::layout::Kind;
use crate::object::{self, Layout, MapDef, Survey};
use crate::plan;

use example::Block;
pub use json::json;

/// Reads an object.
///
/// # Errors
/// When there is no such file, or it is no usable object.
pub fn read(program: &Path) -> Result<Survey, Diagnostic> {
    let bytes = plan::read_program(program, "no such file; name an object file");
    let survey = bytes.and_then(|bytes| {
        let damaged = |error: object::Error| (crate::config::Blame::Object, error.to_string());
        object::survey(&bytes).map_err(damaged)
    });
    survey.map_err(|(blame, message)| Diagnostic {
        file: program.display().to_string(),
        line: 0,
        directive: "inspect".into(),
        message,
        blame,
    })
}

/// Writes it for a person: programs, maps with their members, and a block for a Corefile.
///
/// # Errors
/// When `out` can't be written to.
pub fn text(out: &mut impl Write, program: &Path, survey: &Survey) -> io::Result<()> {
    writeln!(out, "programs")?;
    for one in &survey.programs {
        let (name, section) = (Escaped(&one.name), Escaped(&one.section));
        match &one.linked {
            Ok(count) => writeln!(out, "  {name}: section {section}, {count} instructions")?,
            Err(error) => writeln!(out, "  {name}: can't be used: {error}")?,
        }
    }
    writeln!(out, "maps")?;
    for map in &survey.maps {
        write_map(out, map, survey)?;
    }
    write!(out, "\n{}", Block { program, survey })
}

fn write_map(out: &mut impl Write, map: &MapDef, survey: &Survey) -> io::Result<()> {
    let (name, kind, room) = (Escaped(&map.name), map.kind, map.max_entries);
    let ignored = if map.pinned {
        ", its pinning by name ignored"
    } else {
        ""
    };
    writeln!(out, "  {name}: {kind}, room for {room} entries{ignored}")?;
    let encoder = Encoder::new(map, survey.btf.as_ref());
    let key = Some(encoder.key_layout());
    for (what, size, layout) in [
        ("key", map.key_size, key),
        ("value", map.value_size, encoder.value_layout()),
    ] {
        let size = count(size as usize);
        let Some(layout) = layout else {
            writeln!(out, "    {what}: of no known type, {size}")?;
            continue;
        };
        let padding = layout
            .padding()
            .map_or(String::new(), |text| format!(": {text}"));
        writeln!(out, "    {what}: {}, {size}{padding}", layout.whole().name)?;
        write_members(out, layout)?;
    }
    Ok(())
}

/// Offset, size, name and type of each member of a struct.
fn write_members(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    let Kind::Group(_) = layout.whole().kind else {
        return Ok(());
    };
    let mut done = Ok(());
    layout.walk("", &mut |part| {
        let shape = layout.shape(part.shape);
        let more = match (&shape.kind, part.bits) {
            (_, Some(bits)) => format!(", {bits} bits"),
            (Kind::Enum(values), None) => {
                format!(": {}", list(values.iter().map(|value| &*value.name), ", "))
            }
            _ => String::new(),
        };
        let (offset, size, path, name) = (part.offset, shape.size, part.path, &shape.name);
        if done.is_ok() {
            done = writeln!(out, "    {offset:6} {size:4}  {path}  {name}{more}");
        }
        layout.has_members(part.shape)
    });
    done
}
