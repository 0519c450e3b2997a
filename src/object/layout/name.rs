//! Names of types, as C spells them.

use std::fmt::Write as _;

use crate::object::btf::{Btf, Type};

/// About how many bytes of a name are kept.
const LONGEST: usize = 128;
/// Typedefs, modifiers and arrays followed.
const DEEPEST: usize = 64;

/// A name of the object's without control characters, and not too long.
pub(super) fn plain(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.chars() {
        if plain.len() < LONGEST && !letter.is_control() {
            plain.push(letter);
        }
    }
    plain
}

/// How C calls a type; `None` when it is endless.
pub(super) fn type_name(btf: &Btf, mut id: u32) -> Option<String> {
    let mut counts = String::new();
    for _ in 0..DEEPEST {
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
