//! Output of `dump --json`, map by map.

use std::fmt;

use serde::Serialize;

use super::{Entry, MapView as Map, Writer};
use crate::base::hex::Upper;
use crate::base::json::{self, Output, Shown};
use crate::config::decision::End;
use crate::encode::{Assignment, SECRET};
use crate::object::MapKind;

/// Writer of a list of maps, each with a list of its entries.
pub(super) struct Json<'a>(json::Writer<'a>);

impl<'a> Json<'a> {
    pub(super) fn begin(out: &'a mut Output<'_>) -> Self {
        let mut writer = json::Writer::new(out);
        writer.begin_list();
        Self(writer)
    }
}

#[derive(Serialize)]
struct MapJson<'a> {
    interface: &'a str,
    /// The stage, in a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    map: &'a str,
    r#type: Shown<&'a dyn fmt::Display>,
    /// Absent for a table, which grows with its list.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u64>,
}

#[derive(Serialize)]
struct KeyJson<'a> {
    key: Shown<Upper<'a>>,
    key_word: Option<&'a str>,
}

impl Json<'_> {
    /// Writes a member: a list with one value for each CPU if the map is per-CPU, else one value.
    fn values(&mut self, name: &str, kind: MapKind, write: &mut dyn FnMut(&mut json::Writer<'_>)) {
        self.0.member(name);
        if kind.is_per_cpu() {
            self.0.begin_list();
        }
        write(&mut self.0);
        if kind.is_per_cpu() {
            self.0.end_list();
        }
    }
}

/// Writes the fields of a value by name. Numbers become JSON numbers.
fn write_fields(json: &mut json::Writer<'_>, assignments: &[Assignment]) {
    json.begin_empty_object();
    for assignment in assignments {
        json.member(&assignment.path);
        match assignment.number {
            Some(number) => json.value(&number),
            None => json.value(&assignment.word.as_str()),
        }
    }
    json.end_object();
}

impl Writer for Json<'_> {
    fn begin(&mut self, map: &Map<'_>) -> fmt::Result {
        self.0.begin_object(&MapJson {
            interface: &map.place.interface,
            object: map.place.stage.as_deref(),
            map: map.name,
            r#type: Shown(match &map.table {
                Some(table) => table,
                None => &map.shape.kind,
            }),
            capacity: match map.table {
                Some(_) => None,
                None => Some(map.shape.max_entries.into()),
            },
        });
        self.0.member("entries");
        self.0.begin_list();
        self.0.result()
    }

    fn entry(&mut self, map: &mut Map<'_>, entry: &Entry<'_>) -> fmt::Result {
        let kind = map.shape.kind;
        self.0.begin_object(&KeyJson {
            key: Shown(Upper(entry.key)),
            key_word: map.encoder.key_word(entry.key).as_deref(),
        });
        self.values("value", kind, &mut |json| {
            for value in &entry.values {
                if map.encoder.hides(value) {
                    json.value(&SECRET);
                } else {
                    json.value(&Shown(Upper(value)));
                }
            }
        });
        self.values("fields", kind, &mut |json| {
            for value in &entry.values {
                write_fields(json, &map.encoder.assignments(value).assignments);
            }
        });
        if let Some(End(until)) = &entry.end {
            self.0.member("decision");
            self.0.value(&true);
            self.0.member("until");
            self.0.value(&until.as_ref().map(|until| until.0));
        }
        self.0.end_object();
        self.0.result()
    }

    fn end(&mut self) -> fmt::Result {
        self.0.end_list();
        self.0.end_object();
        self.0.result()
    }

    fn finish(&mut self) -> fmt::Result {
        self.0.end_list();
        self.0.end()
    }
}
