//! Entries as JSON, one map after the other.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Entry, Shown as Map, Writer};
use crate::base::hex::Upper;
use crate::base::json::{self, Output, Shown};
use crate::encode::Said;
use crate::object::MapKind;

/// A list of maps, each with a list of its entries.
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
    map: &'a str,
    r#type: Shown<MapKind>,
    capacity: u64,
}

#[derive(Serialize)]
struct EntryJson<'a> {
    key: Shown<Upper<'a>>,
    key_word: Option<&'a str>,
    value: Values<'a, Shown<Upper<'a>>>,
    fields: Values<'a, Fields>,
}

/// The value of a map that has one for each key, or those of a per-CPU map.
#[derive(Serialize)]
#[serde(untagged)]
enum Values<'a, T> {
    One(Option<&'a T>),
    EachCpu(&'a [T]),
}

impl<'a, T> Values<'a, T> {
    fn of(kind: MapKind, values: &'a [T]) -> Self {
        if kind.is_per_cpu() {
            Self::EachCpu(values)
        } else {
            Self::One(values.first())
        }
    }
}

/// The parts of a value by name; numbers are numbers.
struct Fields(Vec<Said>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|part| (part.path.as_str(), Field(part))))
    }
}

struct Field<'a>(&'a Said);

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.number {
            Some(number) => number.serialize(to),
            None => to.serialize_str(&self.0.word),
        }
    }
}

impl Writer for Json<'_> {
    fn begin(&mut self, map: &Map<'_>) -> fmt::Result {
        self.0.begin_object(&MapJson {
            interface: map.interface,
            map: map.name,
            r#type: Shown(map.shape.kind),
            capacity: map.shape.max_entries.into(),
        });
        self.0.member("entries");
        self.0.begin_list();
        self.0.result()
    }

    fn entry(&mut self, map: &mut Map<'_>, entry: &Entry<'_>) -> fmt::Result {
        let values = entry.values.iter().map(|value| Shown(Upper(value)));
        let fields = entry.values.iter();
        let fields = fields.map(|value| Fields(map.encoder.parts(value).0));
        let (values, fields) = (values.collect::<Vec<_>>(), fields.collect::<Vec<_>>());
        self.0.value(&EntryJson {
            key: Shown(Upper(entry.key)),
            key_word: map.encoder.key_word(entry.key).as_deref(),
            value: Values::of(map.shape.kind, &values),
            fields: Values::of(map.shape.kind, &fields),
        });
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
