//! Output of `inspect --json`: one JSON object on one line.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::example::Block;
use crate::base::json::{Output, Shown, Writer};
use crate::encode::Encoder;
use crate::object::layout::Part;
use crate::object::{Error, Layout, MapDef, Survey};

#[derive(Serialize)]
struct ProgramJson<'a> {
    name: &'a str,
    section: &'a str,
    instructions: Option<u64>,
    error: Option<Shown<&'a Error>>,
}

#[derive(Serialize)]
struct MapJson<'a> {
    name: &'a str,
    r#type: Shown<&'a dyn fmt::Display>,
    key_size: u64,
    value_size: u64,
    max_entries: u64,
}

#[derive(Serialize)]
struct MemberJson<'a> {
    name: &'a str,
    offset: u64,
    size: u64,
    r#type: &'a str,
    bits: Option<u64>,
}

/// Writes the content of an object.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(out: &mut dyn Write, path: &Path, survey: &Survey) -> io::Result<()> {
    let mut out = Output::new(out);
    let written = write(Writer::new(&mut out), path, survey);
    out.finish(written)
}

fn write(mut json: Writer<'_>, path: &Path, survey: &Survey) -> fmt::Result {
    json.begin_empty_object();
    let programs = survey.programs.iter().map(|program| ProgramJson {
        name: &program.name,
        section: &program.section,
        instructions: program.linked.as_ref().ok().map(|count| *count as u64),
        error: program.linked.as_ref().err().map(Shown),
    });
    json.list("programs", programs);
    json.member("link_header");
    json.value(&survey.has_link_header());
    json.member("maps");
    json.begin_list();
    for definition in survey.maps.iter().filter_map(MapDef::for_lines) {
        map(&mut json, definition, survey);
    }
    json.end_list();
    json.member("ebpf");
    json.value(&Block::new(path, survey).ok().map(Shown));
    json.end_object();
    json.end()
}

fn map(json: &mut Writer<'_>, map: &MapDef, survey: &Survey) {
    json.begin_object(&MapJson {
        name: &map.name,
        r#type: Shown(map.kind_name()),
        key_size: map.key_size.into(),
        value_size: map.value_size.into(),
        max_entries: map.max_entries.into(),
    });
    let encoder = Encoder::new(map, survey.btf.as_ref());
    members(json, "key", Some(encoder.key_layout()));
    members(json, "value", encoder.value_layout());
    json.end_object();
}

/// Writes the members of a key or value; an empty list without a layout.
fn members(json: &mut Writer<'_>, whole: &str, layout: Option<&Layout>) {
    json.member(whole);
    json.begin_list();
    if let Some(layout) = layout {
        layout.walk(whole, &mut |part: Part<'_>| {
            let shape = layout.shape(part.shape);
            let member = MemberJson {
                name: part.path,
                offset: part.offset.into(),
                size: shape.size.into(),
                r#type: &shape.name,
                bits: part.bits.map(u64::from),
            };
            json.value(&member);
            layout.has_members(part.shape)
        });
    }
    json.end_list();
}
