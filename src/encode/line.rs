//! Writes the line of a Corefile for an entry.

use std::fmt::{Display, Write as _};

use super::{Decoded, Encoder, SECRET};
use crate::base::hex::Upper;
use crate::corefile::Word;

/// The map of a line without `@NAME`.
pub const MAP: &str = "xdp_map";

impl Encoder<'_> {
    /// Appends to `out` the line for an entry of the map `name`: an `entry` line, or a `map` line if no words encode to
    /// the entry. The line has no secrets.
    pub fn line(&mut self, name: &str, key: &[u8], value: &[u8], out: &mut String) {
        let decoded = self.assignments(value);
        let bytes: &dyn Display = if self.hides(value) {
            &SECRET
        } else {
            &Upper(value)
        };
        self.write_line(name, key, bytes, &decoded, out);
    }

    /// Like [`Encoder::line`], but with the secrets: for a file that is not shown.
    pub fn secret_line(&mut self, name: &str, key: &[u8], value: &[u8], out: &mut String) {
        let decoded = self.decode(value);
        self.write_line(name, key, &Upper(value), &decoded, out);
    }

    /// Writes the line of a value, which has the `bytes` and is `decoded`.
    fn write_line(
        &self,
        name: &str,
        key: &[u8],
        bytes: &dyn Display,
        decoded: &Decoded,
        out: &mut String,
    ) {
        let Decoded {
            assignments,
            is_exact,
        } = decoded;
        let word = self.key_word(key).filter(|_| *is_exact);
        out.push_str(if word.is_some() { "entry " } else { "map " });
        if name != MAP {
            let _ = write!(out, "{} ", Word(&format!("@{name}")));
        }
        let Some(word) = word else {
            let _ = write!(out, "{} {bytes}", Upper(key));
            return;
        };
        let _ = write!(out, "{}", Word(&word));
        let all_zero = assignments.iter().all(|one| one.is_zero);
        for (index, assignment) in assignments.iter().enumerate() {
            // The first FIELD is written even if all are 0, because a line needs at least one. If it is no number, it is always
            // written: the first member of an enumeration is an action.
            let is_wanted = index == 0 && (all_zero || assignment.number.is_none());
            if is_wanted || !assignment.is_zero {
                let _ = write!(out, " {}", Word(&assignment.to_string()));
            }
        }
    }
}
