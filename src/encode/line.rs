//! The line of a Corefile that gives an entry.

use std::fmt::Write as _;

use super::Encoder;
use crate::base::hex::Upper;
use crate::corefile::Word;

/// The map that a line means which names none.
const USUAL: &str = "xdp_map";

impl Encoder<'_> {
    /// Appends to `out` the line that gives the map of this name such an entry: `entry` in words, or `map` in bytes
    /// where there are no words for it.
    pub fn line(&mut self, name: &str, key: &[u8], value: &[u8], out: &mut String) {
        let (parts, whole) = self.parts(value);
        let word = self.key_word(key).filter(|_| whole);
        out.push_str(if word.is_some() { "entry " } else { "map " });
        if name != USUAL {
            let _ = write!(out, "{} ", Word(&format!("@{name}")));
        }
        let Some(word) = word else {
            let _ = write!(out, "{} {}", Upper(key), Upper(value));
            return;
        };
        let _ = write!(out, "{}", Word(&word));
        let all_zero = parts.iter().all(|part| part.is_zero);
        for (index, part) in parts.iter().enumerate() {
            // A line names one FIELD at least.
            if !part.is_zero || all_zero && index == 0 {
                let _ = write!(out, " {}", Word(&part.field()));
            }
        }
    }
}
