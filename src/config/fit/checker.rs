//! One map and all lines that mean it.

use super::{line, refused_kind};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::hex::Count;
use crate::config::diagnostics::Diagnostics;
use crate::config::entries::{Entry, Value};
use crate::config::{Filter, MapId, Metric, Named};
use crate::corefile::Token;
use crate::encode::Encoder;
use crate::object::{Layout, MapDef};

pub(super) struct Checker<'a> {
    pub(super) map: &'a MapDef,
    pub(super) name: String,
    pub(super) encoder: Encoder<'a>,
    pub(super) faults: Diagnostics<'a>,
}

impl Checker<'_> {
    /// Checks the lines that refer to this map.
    pub(super) fn map<'m>(
        &mut self,
        filter: &Filter,
        named: &Named,
        metrics: impl Iterator<Item = &'m mut Metric>,
    ) {
        if let Some(what) = refused_kind(&self.name, self.map.kind) {
            self.faults.add(named.at, "elf", what);
            return;
        }
        let corefile = self.faults.corefile;
        let mut lines = 0;
        for entry in filter.entries.of(named.id, corefile) {
            self.entry(&entry);
            lines += 1;
        }
        metrics.for_each(|metric| self.metric(metric));
        if lines > self.map.max_entries as usize && !self.map.kind.is_array() {
            self.room(filter, named.id);
        }
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        let Some(at) = entry.at() else { return };
        self.key(at, entry);
        match entry.value {
            Value::Bytes { word, size } => self.value_size(word, size),
            Value::Words(_) => {
                let mut value = [0; MAX_VALUE];
                let corefile = self.faults.corefile;
                if let Err((word, what)) =
                    line::value(corefile, entry, &mut self.encoder, &mut value)
                {
                    self.faults.add(word.unwrap_or(at), "entry", what);
                }
            }
        }
    }

    fn key(&mut self, at: Token, entry: &Entry<'_>) {
        let directive = entry.directive();
        let mut key = [0; MAX_KEY];
        let size = match line::key(self.faults.corefile, entry, &self.encoder, &mut key) {
            Ok(size) => size,
            Err(what) => return self.faults.add(at, directive, what),
        };
        let right = self.map.key_size as usize;
        if entry.key.is_none() && size != right {
            let what = format!(
                "no KEY, but keys of {} have {}; give KEY",
                self.name,
                Count(right)
            );
            self.faults.add(at, directive, what);
        } else if self.has_size(at, directive, size) {
            self.index(at, directive, &key);
        }
    }

    fn value_size(&mut self, at: Token, size: u32) {
        let right = self.map.value_size;
        if size == right {
            return;
        }
        let padding = self.encoder.value_layout().and_then(Layout::padding);
        let padding = padding.map_or(String::new(), |padding| format!(": {padding}"));
        let (given, right) = (Count(size as usize), Count(right as usize));
        let what = format!(
            "VALUE has {given}; a value of {} has {right}{padding}",
            self.name
        );
        self.faults.add(at, "map", what);
    }

    /// Whether a key of so many bytes is one of the map's; says so if it is not.
    fn has_size(&mut self, at: Token, directive: &str, size: usize) -> bool {
        let right = size == self.map.key_size as usize;
        if !right {
            let given = Count(size);
            let right = Count(self.map.key_size as usize);
            let what = format!("KEY has {given}; a key of {} has {right}", self.name);
            self.faults.add(at, directive, what);
        }
        right
    }

    /// Whether there is such an entry, if it is an array.
    fn index(&mut self, at: Token, directive: &str, key: &[u8]) {
        let Some(key) = key.first_chunk().filter(|_| self.map.kind.is_array()) else {
            return;
        };
        let (index, room) = (u32::from_ne_bytes(*key), self.map.max_entries);
        if index < room {
            return;
        }
        let last = room.saturating_sub(1);
        // The commonest mistake is to write the number as one says it.
        let hint = if index.swap_bytes() < room {
            "; a key stands as in memory, lowest byte first"
        } else {
            ""
        };
        let name = &self.name;
        let what = format!("index {index} is past the end of {name}; the last is {last}{hint}");
        self.faults.add(at, directive, what);
    }

    fn metric(&mut self, metric: &mut Metric) {
        let corefile = self.faults.corefile;
        let directive = corefile.text(metric.at);
        if let Some((key, field)) = metric.words {
            let mut place = heapless::Vec::from([0; MAX_KEY]);
            match self.encoder.key(corefile.text(key), &mut place) {
                Ok(size) => place.truncate(size),
                Err(what) => return self.faults.add(key, directive, what),
            }
            metric.key = place;
            match self.encoder.number(corefile.text(field)) {
                Ok(number) => metric.number = number,
                Err(what) => return self.faults.add(field, directive, what),
            }
        }
        if self.has_size(metric.at, directive, metric.key.len()) {
            self.index(metric.at, directive, &metric.key);
        }
        let (from, length) = (metric.number.position, metric.number.length);
        if from.saturating_add(length) > self.map.value_size as usize {
            let size = Count(self.map.value_size as usize);
            let what = format!(
                "POS {from} and LEN {length} reach past the value; a value of {} has {size}",
                self.name
            );
            self.faults.add(metric.at, directive, what);
        }
    }

    /// Counts keys only where there are more lines than room; a key given twice takes one place.
    fn room(&mut self, filter: &Filter, map: MapId) {
        let room = self.map.max_entries as usize;
        let corefile = self.faults.corefile;
        let entries = || filter.entries.of(map, corefile).enumerate();
        let mut keys: Vec<_> = entries()
            .map(|(line, entry)| {
                let mut key = [0; MAX_KEY];
                let length = line::key(corefile, &entry, &self.encoder, &mut key);
                (length.unwrap_or_default(), key, line)
            })
            .collect();
        keys.sort_unstable();
        // Of lines with the same key the first takes the place.
        keys.dedup_by_key(|&mut (length, key, _)| (length, key));
        let mut lines: Vec<usize> = keys.iter().map(|&(_, _, line)| line).collect();
        lines.sort_unstable();
        if let Some(&past) = lines.get(room)
            && let Some((_, entry)) = entries().nth(past)
            && let Some(at) = entry.at()
        {
            let what = format!("{} is full; it has room for {room} entries", self.name);
            self.faults.add(at, entry.directive(), what);
        }
    }
}
