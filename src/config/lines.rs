//! The `map` and `entry` lines of the `ebpf` block, and the map that a line means.

use super::ebpf::Reader;
use super::entries::Form;
use super::{MapId, Named};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::corefile::Token;

/// The map that is meant when none is named.
pub const MAP: &str = "xdp_map";
/// Most maps that are named; no object that can be linked has more.
const MOST_MAPS: usize = 256;

impl Reader<'_, '_> {
    pub(super) fn map(&mut self, name: Token, args: &[Token], at: usize) {
        let (named, words) = self.split_map(args);
        let (key, value) = match words {
            [value] => (None, *value),
            [key, value] => (Some(*key), *value),
            _ => {
                self.wrong_count(name, args, "[@MAP] [KEY] VALUE");
                return;
            }
        };
        let key_is_good = key.is_none_or(|key| self.size(key, "KEY", None, MAX_KEY).is_some());
        let value_size = self.size(value, "VALUE", Some(b'.'), MAX_VALUE);
        if value_size.is_some() && key_is_good {
            self.add(name, args, named, at, value_size);
        }
    }

    pub(super) fn entry(&mut self, name: Token, args: &[Token], at: usize) {
        let (named, words) = self.split_map(args);
        if words.len() < 2 {
            self.wrong_count(name, args, "[@MAP] KEY FIELD=VALUE…");
            return;
        }
        self.add(name, args, named, at, None);
    }

    fn add(
        &mut self,
        name: Token,
        args: &[Token],
        named: Option<Token>,
        at: usize,
        value_size: Option<u32>,
    ) {
        let form = Form {
            map: self.meant(name, named),
            words: 1 + args.len(),
            before: 1 + usize::from(named.is_some()),
            value_size,
        };
        let mut index = 0;
        if let Some(named) = self.parts.maps.get_mut(form.map.0) {
            index = named.lines;
            named.lines += usize::from(value_size.is_some());
        }
        self.entries.add(at, form, index);
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
