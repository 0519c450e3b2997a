//! Sets the global variables of a program to the values in the Corefile, before the program is loaded.

use std::mem::replace;

use super::PlannedFilter;
use crate::base::capacity::MAX_VALUE;
use crate::base::diagnostic::{Blame, Errors};
use crate::config::{Entry, Value, fit};
use crate::corefile::{Corefile, Token};
use crate::encode::Encoder;
use crate::object::{LINK_HEADER, LinkedObject};

impl PlannedFilter {
    /// Writes the values of variables from the checked lines into the object. The verifier then knows the constants, so
    /// that a changed constant needs another program. A constant may be the size of a map: a line that gives a map a wrong
    /// size is an error, and changes nothing.
    pub(super) fn set_variables(&mut self, corefile: &Corefile, errors: &mut Errors) {
        let mut is_changed = false;
        for index in 0..self.object.maps.len() {
            let map = self.object.maps.get(index);
            let Some(map) = map.filter(|map| map.initial.is_some()) else {
                continue;
            };
            let Some(id) = self.block.map(&map.name).map(|named| named.id) else {
                continue;
            };
            is_changed = true;
            for entry in self.block.entries.of_map(id, corefile) {
                let Some(map) = self.object.maps.get(index) else {
                    break;
                };
                if let Some(at) = link_header_at(&entry, corefile) {
                    self.link_header_at = Some(at);
                }
                let mut value = [0; MAX_VALUE];
                let mut encoder = Encoder::new(map, self.object.btf());
                let size = fit::value(corefile, &entry, &mut encoder, &mut value);
                let content = size.ok().and_then(|size| value.get(..size));
                let Some(content) = content.map(<[u8]>::to_vec) else {
                    continue;
                };
                let before = set_content(&mut self.object, index, Some(content));
                if let Some((message, at)) = self.object.wrong_map_size().zip(entry.at()) {
                    set_content(&mut self.object, index, before);
                    let directive = entry.directive();
                    errors.push(corefile.diagnostic(at, directive, message, Blame::Corefile));
                }
            }
        }
        if is_changed {
            self.object.set_map_sizes();
        }
    }
}

/// Sets the initial content of a map, and returns the one before.
fn set_content(
    object: &mut LinkedObject,
    index: usize,
    content: Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let map = object.maps.get_mut(index)?;
    replace(&mut map.initial, content)
}

/// The word of a line about variables that sets the link header. A `map` line sets all variables of its section.
fn link_header_at(entry: &Entry<'_>, corefile: &Corefile) -> Option<Token> {
    match entry.value {
        Value::Bytes { word, .. } => Some(word),
        Value::Words(words) => words.iter().copied().find(|word| {
            let field = corefile.text(*word).split_once('=');
            field.is_some_and(|(field, _)| field == LINK_HEADER)
        }),
    }
}
