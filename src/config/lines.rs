//! The `map` and `entry` lines of the `ebpf` block, and the map that a line means.

use super::ebpf::{Line, Reader};
use super::entries::Form;
use super::{MapId, Named};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::corefile::Token;
use crate::encode::MAP;

/// Most maps that are named; no object that can be linked has more.
const MOST_MAPS: usize = 256;

/// Reads `map [@MAP] [KEY] VALUE`.
pub(super) fn map(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let (named, words) = reader.split_map(line.args);
    let (key, value) = match words {
        [value] => (None, *value),
        [key, value] => (Some(*key), *value),
        _ => {
            reader.wrong_count(line);
            return;
        }
    };
    let key_is_good = key.is_none_or(|key| reader.size(key, "KEY", None, MAX_KEY).is_some());
    let value_size = reader.size(value, "VALUE", Some(b'.'), MAX_VALUE);
    if value_size.is_some() && key_is_good {
        reader.add(line, named, value_size);
    }
}

/// Reads `entry [@MAP] KEY FIELD=VALUE…`.
pub(super) fn entry(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let (named, words) = reader.split_map(line.args);
    if words.len() < 2 {
        reader.wrong_count(line);
        return;
    }
    reader.add(line, named, None);
}

impl Reader<'_, '_> {
    fn add(&mut self, line: &Line<'_>, named: Option<Token>, value_size: Option<u32>) {
        let form = Form {
            map: self.meant(line.name, named),
            words: 1 + line.args.len(),
            before: 1 + usize::from(named.is_some()),
            value_size,
        };
        let mut index = 0;
        if let Some(named) = self.parts.maps.get_mut(form.map.0) {
            index = named.lines;
            named.lines += usize::from(value_size.is_some());
        }
        self.entries.add(line.at, form, index);
    }

    /// Takes `@MAP` off the front, if it is there.
    pub(super) fn split_map<'t>(&self, args: &'t [Token]) -> (Option<Token>, &'t [Token]) {
        match args {
            [first, rest @ ..] if self.text(*first).starts_with('@') => (Some(*first), rest),
            _ => (None, args),
        }
    }

    /// The map that a line refers to.
    pub(super) fn meant(&mut self, line: Token, named: Option<Token>) -> MapId {
        let name = named.map_or(MAP, |token| self.text(token).get(1..).unwrap_or_default());
        let maps = &mut self.parts.maps;
        if let Some(known) = maps.iter().find(|map| map.name == name) {
            return known.id;
        }
        if maps.len() == MOST_MAPS {
            let what = format!("more than {MOST_MAPS} maps; no object has so many");
            self.faults.add(line, self.text(line), what);
            return MapId(0);
        }
        let id = MapId(maps.len());
        maps.push(Named {
            id,
            name: name.to_owned(),
            at: line,
            by_name: named.is_some(),
            lines: 0,
        });
        id
    }
}
