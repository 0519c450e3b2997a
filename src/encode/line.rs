//! The line of a Corefile that gives an entry.

use std::fmt::Write as _;

use super::Encoder;
use crate::corefile::Word;
use crate::hex::Upper;

/// The map that a line means which names none.
const USUAL: &str = "xdp_map";

impl Encoder<'_> {
    /// The line that gives the map of this name such an entry: `entry` in words, or `map` in bytes where there are no
    /// words for it.
    pub fn line(&mut self, name: &str, key: &[u8], value: &[u8]) -> String {
        let name = match name {
            USUAL => String::new(),
            _ => format!(" {}", Word(&format!("@{name}"))),
        };
        let (parts, whole) = self.parts(value);
        let Some(word) = self.key_word(key).filter(|_| whole) else {
            return format!("map{name} {} {}", Upper(key), Upper(value));
        };
        let mut line = format!("entry{name} {}", Word(&word));
        let all_zero = parts.iter().all(|part| part.is_zero);
        for (index, part) in parts.iter().enumerate() {
            // A line names one FIELD at least.
            if part.is_zero && !(all_zero && index == 0) {
                continue;
            }
            let field = format!("{}={}", part.path, part.word);
            let _ = write!(line, " {}", Word(&field));
        }
        line
    }
}
