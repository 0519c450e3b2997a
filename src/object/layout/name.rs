//! Names of types in C.

use std::fmt::Write as _;

use crate::base::escape::is_control;
use crate::object::btf::{Btf, Type};

/// Length in bytes from which a name is truncated.
const MAX_NAME_LEN: usize = 128;
/// Longest chain of modifiers and arrays.
const MAX_DEPTH: usize = 64;

/// A name from the object, truncated and without control characters.
pub(super) fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        if plain.len() < MAX_NAME_LEN && !is_control(c) {
            plain.push(c);
        }
    }
    plain
}

/// A type's name in C; `None` if the types form a cycle.
pub(super) fn type_name(btf: &Btf, mut id: u32) -> Option<String> {
    let mut counts = String::new();
    for _ in 0..MAX_DEPTH {
        let (word, name) = match btf.get(id)? {
            Type::Modifier { target } => {
                id = target;
                continue;
            }
            Type::Array { element, count } => {
                let _ = write!(counts, "[{count}]");
                id = element;
                continue;
            }
            Type::Typedef { name, .. } | Type::Float { name, .. } => ("", name),
            Type::Int(int) => ("", int.name),
            Type::Composite(composite) if composite.union => ("union", composite.name),
            Type::Composite(composite) => ("struct", composite.name),
            Type::Enum(values) => ("enum", values.name),
            Type::Pointer { .. } => ("pointer", ""),
            Type::Section(section) => ("section", section.name),
            _ => ("", ""),
        };
        let space = if word.is_empty() || name.is_empty() {
            ""
        } else {
            " "
        };
        return Some(format!("{word}{space}{}{counts}", plain(name)));
    }
    None
}
