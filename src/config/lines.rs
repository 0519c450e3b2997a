//! The `map` and `entry` lines of the `ebpf` block, and the map that a line means.

use super::Named;
use super::ebpf::Reader;
use super::entries::Form;
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
        self.entries.add(at, form);
    }

    /// Takes `@MAP` off the front, if it is there.
    pub(super) fn split_map<'t>(&self, args: &'t [Token]) -> (Option<Token>, &'t [Token]) {
        match args {
            [first, rest @ ..] if self.text(*first).starts_with('@') => (Some(*first), rest),
            _ => (None, args),
        }
    }

    /// The place in the list of the map that a line means.
    pub(super) fn meant(&mut self, line: Token, named: Option<Token>) -> usize {
        let name = named.map_or(MAP, |token| self.text(token).get(1..).unwrap_or_default());
        let maps = &mut self.parts.maps;
        if let Some(known) = maps.iter().position(|map| map.name == name) {
            return known;
        }
        if maps.len() == MOST_MAPS {
            let what = format!("more than {MOST_MAPS} maps; no object has so many");
            self.faults.add(line, self.text(line), what);
            return 0;
        }
        maps.push(Named {
            name: name.to_owned(),
            at: line,
            by_name: named.is_some(),
        });
        maps.len() - 1
    }
}
