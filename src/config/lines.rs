//! The `map` and `entry` lines of the `ebpf` block, and the map of a line.

use super::entries::Form;
use super::reader::{Line, Reader};
use super::{MapId, MapRef};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::corefile::Token;
use crate::encode::MAP;

/// Maximum number of maps of an `ebpf` block. An object may have as many.
const MAX_MAPS: usize = 256;

/// Reads `map [@MAP] [KEY] VALUE`.
pub(super) fn map(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let (map_name, words) = reader.split_map(line.args);
    let (key, value) = match words {
        [value] => (None, *value),
        [key, value] => (Some(*key), *value),
        _ => {
            reader.wrong_count(line);
            return;
        }
    };
    let key_is_valid = key.is_none_or(|key| reader.size(key, "KEY", None, MAX_KEY).is_some());
    let value_size = reader.size(value, "VALUE", Some(b'.'), MAX_VALUE);
    if value_size.is_some() && key_is_valid {
        reader.add(line, map_name, value_size);
    }
}

/// Reads `entry [@MAP] KEY FIELD=VALUE…`.
pub(super) fn entry(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let (map_name, words) = reader.split_map(line.args);
    if words.len() < 2 {
        reader.wrong_count(line);
        return;
    }
    reader.add(line, map_name, None);
}

impl Reader<'_, '_> {
    fn add(&mut self, line: &Line<'_>, map_name: Option<Token>, value_size: Option<u32>) {
        let form = Form {
            map: self.resolve_map(line.name, map_name),
            words: 1 + line.args.len(),
            prefix: 1 + usize::from(map_name.is_some()),
            value_size,
        };
        let mut index = 0;
        if let Some(map) = self.parts.maps.get_mut(form.map.0) {
            index = map.lines;
            map.lines += usize::from(value_size.is_some());
        }
        self.entries.add(line.at, form, index);
    }

    /// Splits the arguments into `@MAP`, if present, and the words after it.
    pub(super) fn split_map<'t>(&self, args: &'t [Token]) -> (Option<Token>, &'t [Token]) {
        match args {
            [first, rest @ ..] if self.text(*first).starts_with('@') => (Some(*first), rest),
            _ => (None, args),
        }
    }

    /// The map of a line. The first line that refers to a map adds it to the block's maps.
    pub(super) fn resolve_map(&mut self, line: Token, map_name: Option<Token>) -> MapId {
        let name = map_name.map_or(MAP, |token| self.text(token).get(1..).unwrap_or_default());
        let maps = &mut self.parts.maps;
        if let Some(known) = maps.iter().find(|map| map.name == name) {
            return known.id;
        }
        if maps.len() == MAX_MAPS {
            let message = format!("more than {MAX_MAPS} maps; an object has at most {MAX_MAPS}");
            self.faults.add(line, self.text(line), message);
            return MapId(0);
        }
        let id = MapId(maps.len());
        maps.push(MapRef {
            id,
            name: name.to_owned(),
            at: line,
            by_name: map_name.is_some(),
            lines: 0,
        });
        id
    }
}
