//! JSON for scripts: `check --json` and `expand`.
//!
//! Errors, filters and tokens are streamed, so a Corefile of megabytes needs memory only for its longest token.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::base::diagnostic::Diagnostic;
use crate::base::hex::Upper;
use crate::base::json::{Output, Shown, Writer};
use crate::config::{MAP, Metric};
use crate::corefile::{Corefile, Directive};
use crate::encode::{SECRET, SecretWords};
use crate::list::Format;
use crate::object::MapDef;
use crate::plan::{Plan, PlannedFilter};

#[derive(Serialize)]
struct CheckJson {
    ok: bool,
}

// All writers of JSON use `u64` for numbers, so that the binary contains code for only one integer type.

#[derive(Serialize)]
struct ErrorJson<'a> {
    file: &'a str,
    line: u64,
    directive: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct FilterJson<'a> {
    interface: &'a str,
    elf: &'a str,
    mode: &'a str,
    map: Option<MapJson<'a>>,
    entries: u64,
}

#[derive(Serialize)]
struct MapJson<'a> {
    r#type: Shown<&'a dyn fmt::Display>,
    key_size: u64,
    value_size: u64,
    max_entries: u64,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    name: &'a str,
    r#type: &'a str,
    key: Shown<Upper<'a>>,
    position: u64,
    length: u64,
    help: &'a str,
}

#[derive(Serialize)]
struct ListJson<'a> {
    file: &'a str,
    format: Option<&'a str>,
    entries: u64,
    masked: u64,
    skipped: u64,
}

#[derive(Serialize)]
struct ReasonJson<'a> {
    reason: &'a str,
    lines: u64,
}

#[derive(Serialize)]
struct TokenJson<'a> {
    file: &'a str,
    line: u64,
    text: &'a str,
}

impl<'a> From<&'a Diagnostic> for ErrorJson<'a> {
    fn from(error: &'a Diagnostic) -> Self {
        Self {
            file: &error.file,
            line: error.line.into(),
            directive: &error.directive,
            message: &error.message,
        }
    }
}

impl<'a> From<&'a MapDef> for MapJson<'a> {
    fn from(map: &'a MapDef) -> Self {
        Self {
            r#type: Shown(map.kind_name()),
            key_size: map.key_size.into(),
            value_size: map.value_size.into(),
            max_entries: map.max_entries.into(),
        }
    }
}

impl<'a> From<&'a Metric> for MetricJson<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self {
            name: &metric.name,
            r#type: metric.kind.name(),
            key: Shown(Upper(&metric.key)),
            position: metric.number.position as u64,
            length: metric.number.length as u64,
            help: &metric.help,
        }
    }
}

/// Writes the output of `check --json`: one object on one line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check(out: &mut dyn Write, result: &Result<Plan, Vec<Diagnostic>>) -> io::Result<()> {
    let (errors, filters) = match result {
        Ok(plan) => (&[][..], plan.filters.as_slice()),
        Err(errors) => (errors.as_slice(), &[][..]),
    };
    let mut out = Output::new(out);
    let written = write_check(Writer::new(&mut out), errors, filters);
    out.finish(written)
}

fn write_check(
    mut json: Writer<'_>,
    errors: &[Diagnostic],
    filters: &[PlannedFilter],
) -> fmt::Result {
    let ok = errors.is_empty();
    json.begin_object(&CheckJson { ok });
    json.list("errors", errors.iter().map(ErrorJson::from));
    json.member("filters");
    json.begin_list();
    for filter in filters {
        write_filter(&mut json, filter);
    }
    json.end_list();
    json.end_object();
    json.end()
}

fn write_filter(json: &mut Writer<'_>, filter: &PlannedFilter) {
    let PlannedFilter { block, object, .. } = filter;
    let first = block.maps.first().map(|named| named.name.as_str());
    let map = object.map(MAP).or_else(|| object.map(first?));
    json.begin_object(&FilterJson {
        interface: &block.interface,
        elf: &block.elf.to_string_lossy(),
        mode: block.mode.name(),
        map: map.and_then(MapDef::for_lines).map(MapJson::from),
        entries: block.entries.len() as u64,
    });
    json.list("metrics", block.metrics.iter().map(MetricJson::from));
    json.member("lists");
    json.begin_list();
    for planned in &filter.lists.lists {
        let path = block.lists.get(planned.line).map(|list| &list.path);
        let (path, read) = (path.map(|path| path.to_string_lossy()), &planned.report);
        json.begin_object(&ListJson {
            file: &path.unwrap_or_default(),
            format: read.format.map(Format::name),
            entries: read.kept,
            masked: read.masked,
            skipped: read.skipped.count(),
        });
        let reasons = read.skipped.reasons().map(|(reason, lines)| ReasonJson {
            reason: reason.text(),
            lines,
        });
        json.list("reasons", reasons);
        json.end_object();
    }
    json.end_list();
    json.end_object();
}

/// Writes the output of `expand`: a list of server blocks, each with the tokens of its directives.
///
/// # Errors
/// When `out` cannot be written to.
pub fn expand(out: &mut dyn Write, corefile: &Corefile) -> io::Result<()> {
    let mut out = Output::new(out);
    let written = write_blocks(Writer::new(&mut out), corefile);
    out.finish(written)
}

fn write_blocks(mut json: Writer<'_>, corefile: &Corefile) -> fmt::Result {
    json.begin_list();
    for block in corefile.blocks() {
        json.begin_empty_object();
        json.list("keys", block.keys.iter().map(String::as_str));
        json.member("tokens");
        json.begin_empty_object();
        for Directive { name, tokens } in &block.directives {
            let mut words = SecretWords::default();
            json.member(name);
            json.begin_list();
            for &token in tokens {
                let secret = words.next(corefile, token);
                let hidden = secret.map(|start| [start, SECRET].concat());
                json.value(&TokenJson {
                    file: corefile.file(token),
                    line: token.line().into(),
                    text: hidden.as_deref().unwrap_or(corefile.text(token)),
                });
            }
            json.end_list();
        }
        json.end_object();
        json.end_object();
    }
    json.end_list();
    json.end()
}
