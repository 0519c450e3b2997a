//! Warnings about lines that give the same key different values. The later line takes effect.

use std::fmt::Display;

use super::line;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::diagnostic::MAX_ERRORS;
use crate::base::digest;
use crate::base::escape::{Escaped, Plain};
use crate::base::quantity::Quantity;
use crate::config::entries::Entry;
use crate::config::{Filter, MapRef};
use crate::corefile::{Corefile, Token};
use crate::encode::Encoder;
use crate::object::{Btf, MapDef, map_for_lines};

/// Passes to `report` a warning for each line of `filter` whose key has another value in an earlier line: the first
/// [`MAX_ERRORS`], then the number of the omitted ones. The lines have passed [`super::check`].
pub fn warn_of_conflicts(
    filter: &Filter,
    corefile: &Corefile,
    maps: &[MapDef],
    btf: Option<&Btf>,
    report: &mut dyn FnMut(&dyn Display),
) {
    let mut omitted = 0;
    let mut reported = 0;
    for map_ref in &filter.maps {
        let map = map_for_lines(maps, &map_ref.name);
        // Lines about variables do not conflict: each sets only the variables that it names.
        let Some(map) = map.filter(|map| map.initial.is_none()) else {
            continue;
        };
        let lines = MapLines {
            filter,
            corefile,
            map_ref,
        };
        let conflicts = lines.conflicts(&mut Encoder::new(map, btf));
        let kept = conflicts.len().min(MAX_ERRORS - reported);
        for &(later, earlier) in conflicts.iter().take(kept) {
            lines.report(later, earlier, report);
        }
        reported += kept;
        omitted += conflicts.len() - kept;
    }
    if omitted > 0 {
        report(&format_args!(
            "a key has another value in {}",
            Quantity(omitted as u64, "more line")
        ));
    }
}

/// The lines of one map. A line is identified by its index among them.
struct MapLines<'a> {
    filter: &'a Filter,
    corefile: &'a Corefile,
    map_ref: &'a MapRef,
}

impl<'a> MapLines<'a> {
    fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.filter.entries.of_map(self.map_ref.id, self.corefile)
    }

    /// Pairs of a line and the last earlier line with the same key, if the values differ; in the order of the lines.
    ///
    /// Compares digests, which take 8 bytes a line, while keys take up to 64. Values are encoded only for repeated keys.
    fn conflicts(&self, encoder: &mut Encoder<'_>) -> Vec<(u32, u32)> {
        let mut digests: Vec<_> = self
            .entries()
            .map(|line| self.key(&line, encoder))
            .collect();
        digests.sort_unstable();
        let pairs = digests.iter().zip(digests.iter().skip(1));
        let mut repeated: Vec<_> = pairs.filter(|(a, b)| a == b).map(|(a, _)| *a).collect();
        drop(digests);
        repeated.dedup();
        if repeated.is_empty() {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (entry, index) in self.entries().zip(0u32..) {
            let key = self.key(&entry, encoder);
            if repeated.binary_search(&key).is_ok() {
                lines.push((key, index, self.value(&entry, encoder)));
            }
        }
        lines.sort_unstable();
        let pairs = lines.iter().zip(lines.iter().skip(1));
        let conflicts =
            pairs.filter(|(earlier, later)| earlier.0 == later.0 && earlier.2 != later.2);
        let mut conflicts: Vec<_> = conflicts
            .map(|(earlier, later)| (later.1, earlier.1))
            .collect();
        conflicts.sort_unstable();
        conflicts
    }

    /// Digest of a line's key.
    fn key(&self, entry: &Entry<'_>, encoder: &Encoder<'_>) -> u64 {
        let mut key = [0; MAX_KEY];
        let size = line::key(self.corefile, entry, encoder, &mut key);
        digest::of(&key.get(..size.unwrap_or_default()))
    }

    /// Digest of a line's value.
    fn value(&self, entry: &Entry<'_>, encoder: &mut Encoder<'_>) -> u64 {
        let mut value = [0; MAX_VALUE];
        let size = line::value(self.corefile, entry, encoder, &mut value);
        digest::of(&value.get(..size.unwrap_or_default()))
    }

    fn report(&self, later: u32, earlier: u32, report: &mut dyn FnMut(&dyn Display)) {
        let entry = |index: u32| self.entries().nth(index as usize);
        let Some((entry, earlier)) = entry(later).zip(entry(earlier)) else {
            return;
        };
        let (Some(later), Some(earlier)) = (entry.at(), earlier.at()) else {
            return;
        };
        let directive = entry.directive();
        let place = |token: Token| (Escaped(self.corefile.file(token)), token.line());
        let ((file, line), (before, at)) = (place(later), place(earlier));
        // Without KEY, the first word is the value.
        let word = entry.key.map(|key| Plain(self.corefile.text(key)));
        let key: &dyn Display = match &word {
            Some(word) => word,
            None => &entry.index,
        };
        let name = Plain(&self.map_ref.name);
        report(&format_args!(
            "{file}:{line}: {directive}: key {key} of {name} has another value at {before}:{at}; the later line takes effect; remove one of them"
        ));
    }
}
