//! `inspect --json`: one object, in one line.

use std::fmt::Write as _;
use std::path::Path;

use super::example::Block;
use crate::base::json::Quoted;
use crate::encode::Encoder;
use crate::object::{Layout, MapDef, Survey};

/// What an object holds, for a program.
pub fn json(path: &Path, survey: &Survey) -> String {
    let mut out = "{\"programs\":[".to_owned();
    let mut comma = "";
    for one in &survey.programs {
        let (name, section) = (Quoted(&one.name), Quoted(&one.section));
        let _ = write!(out, "{comma}{{\"name\":{name},\"section\":{section}");
        let _ = match &one.linked {
            Ok(count) => write!(out, ",\"instructions\":{count},\"error\":null}}"),
            Err(error) => {
                let error = error.to_string();
                let error = Quoted(&error);
                write!(out, ",\"instructions\":null,\"error\":{error}}}")
            }
        };
        comma = ",";
    }
    out.push_str("],\"maps\":[");
    comma = "";
    for one in &survey.maps {
        out.push_str(comma);
        map(&mut out, one, survey);
        comma = ",";
    }
    let block = Block { path, survey }.to_string();
    let _ = writeln!(out, "],\"ebpf\":{}}}", Quoted(&block));
    out
}

fn map(out: &mut String, map: &MapDef, survey: &Survey) {
    let (name, kind) = (Quoted(&map.name), map.kind);
    let (key, value, room) = (map.key_size, map.value_size, map.max_entries);
    // No kind has a name that needs marks.
    let _ = write!(
        out,
        "{{\"name\":{name},\"type\":\"{kind}\",\"key_size\":{key},\"value_size\":{value},\"max_entries\":{room},\"key\":["
    );
    let encoder = Encoder::new(map, survey.btf.as_ref());
    members(out, "key", encoder.key_layout());
    out.push_str("],\"value\":[");
    if let Some(layout) = encoder.value_layout() {
        members(out, "value", layout);
    }
    out.push_str("]}");
}

fn members(out: &mut String, whole: &str, layout: &Layout) {
    let mut comma = "";
    layout.walk(whole, &mut |part| {
        let shape = layout.shape(part.shape);
        let (name, kind) = (Quoted(part.path), Quoted(&shape.name));
        let (offset, size) = (part.offset, shape.size);
        let _ = write!(
            out,
            "{comma}{{\"name\":{name},\"offset\":{offset},\"size\":{size},\"type\":{kind},\"bits\":"
        );
        let _ = match part.bits {
            Some(bits) => write!(out, "{bits}}}"),
            None => write!(out, "null}}"),
        };
        comma = ",";
        layout.has_members(part.shape)
    });
}
