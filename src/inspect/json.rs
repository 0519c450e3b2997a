//! `inspect --json`: one object, in one line.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::example::Block;
use crate::encode::Encoder;
use crate::object::{Layout, MapDef, Survey};
use crate::report;

#[derive(Serialize)]
struct Program<'a> {
    name: &'a str,
    section: &'a str,
    instructions: Option<usize>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Member<'a> {
    name: &'a str,
    offset: u32,
    size: u32,
    r#type: &'a str,
    bits: Option<u32>,
}

/// Writes it for a program.
///
/// # Errors
/// When `out` can't be written to.
pub fn json(out: &mut impl Write, program: &Path, survey: &Survey) -> io::Result<()> {
    out.write_all(b"{\"programs\":[")?;
    report::list(out, &survey.programs, |out, one| {
        let error = one.linked.as_ref().err().map(ToString::to_string);
        let one = Program {
            name: &one.name,
            section: &one.section,
            instructions: one.linked.as_ref().ok().copied(),
            error: error.as_deref(),
        };
        report::json(out, &one)
    })?;
    out.write_all(b"],\"maps\":[")?;
    report::list(out, &survey.maps, |out, map| self::map(out, map, survey))?;
    out.write_all(b"],\"ebpf\":")?;
    report::json(out, &Block { program, survey }.to_string().as_str())?;
    out.write_all(b"}\n")
}

fn map(out: &mut impl Write, map: &MapDef, survey: &Survey) -> io::Result<()> {
    let encoder = Encoder::new(map, survey.btf.as_ref());
    out.write_all(b"{\"name\":")?;
    report::json(out, &map.name.as_str())?;
    out.write_all(b",\"map\":")?;
    report::map(out, map)?;
    for (name, layout) in [
        ("key", Some(encoder.key_layout())),
        ("value", encoder.value_layout()),
    ] {
        write!(out, ",\"{name}\":[")?;
        if let Some(layout) = layout {
            members(out, name, layout)?;
        }
        out.write_all(b"]")?;
    }
    out.write_all(b"}")
}

fn members(out: &mut impl Write, whole: &str, layout: &Layout) -> io::Result<()> {
    let (mut comma, mut done) = ("", Ok(()));
    layout.walk(whole, &mut |part| {
        let shape = layout.shape(part.shape);
        let member = Member {
            name: part.path,
            offset: part.offset,
            size: shape.size,
            r#type: &shape.name,
            bits: part.bits,
        };
        if done.is_ok() {
            done = out.write_all(comma.as_bytes());
        }
        if done.is_ok() {
            done = report::json(out, &member);
        }
        comma = ",";
        layout.has_members(part.shape)
    });
    done
}
