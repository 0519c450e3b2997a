//! Rows of a table whose cells are members of the status.

use super::style::Colour;
use super::table::Table;
use crate::base::escape::Escaped;
use crate::base::json::Value;
use crate::base::utc::Utc;

/// Cell without a value.
pub(super) const NONE: &str = "-";

/// Columns of a table: heading, and path of the member in the JSON.
pub(super) type Columns = &'static [(&'static str, &'static str)];

pub(super) fn head(table: &mut Table, columns: Columns) {
    table.row();
    table.cell("interface", None);
    for (heading, _) in columns {
        table.cell(heading, None);
    }
}

pub(super) fn cells(table: &mut Table, part: &Value, columns: Columns) {
    for (_, member) in columns {
        let value = part.at(member);
        match (*member, value) {
            ("attached", Value::Bool(true)) => table.cell("attached", Some(Colour::Green)),
            ("attached", _) => table.cell("not attached", Some(Colour::Red)),
            ("program.loaded_at" | "modified", _) => table.cell(&time(value), None),
            _ => table.cell(&word(value), None),
        }
    }
}

/// A value as text. Control characters are escaped, since the terminal would interpret them.
pub(super) fn word(value: &Value) -> String {
    let word = value.word().filter(|word| !word.is_empty());
    Escaped(word.unwrap_or(NONE)).to_string()
}

pub(super) fn time(value: &Value) -> String {
    let known = value.number().map(|seconds| Utc(seconds).to_string());
    known.unwrap_or_else(|| NONE.into())
}

/// The element of `list` whose `member` has this value.
pub(super) fn with<'a>(list: &'a Value, member: &str, value: &Value) -> &'a Value {
    let mut elements = list.list().iter();
    let found = elements.find(|element| element.get(member) == value);
    found.unwrap_or(&Value::Null)
}

/// The element of `list` for the stage `filter`; null without one.
pub(super) fn with_stage<'a>(list: &'a Value, filter: &Value) -> &'a Value {
    let mut elements = list.list().iter();
    let same = |element: &&Value| {
        ["interface", "stage"]
            .iter()
            .all(|member| element.get(member) == filter.get(member))
    };
    elements.find(same).unwrap_or(&Value::Null)
}

/// The interface of a filter, and in a chain the name of the stage: `eth0/acl`.
pub(super) fn place(filters: &[Value], filter: &Value) -> String {
    let interface = filter.get("interface");
    let same = |other: &&Value| other.get("interface") == interface;
    if filters.iter().filter(same).count() < 2 {
        return word(interface);
    }
    format!("{}/{}", word(interface), word(filter.get("object")))
}
