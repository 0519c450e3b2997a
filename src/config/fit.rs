//! Whether keys, values and metrics fit the map they are meant for.

use std::collections::HashSet;

use super::{Blame, Diagnostic, Entry, Filter, Metric};
use crate::capacity::{MAX_KEY, MAX_VALUE};
use crate::corefile::{Corefile, Token};
use crate::hex;
use crate::object::{MapDef, MapKind};

/// Finds every `map` and `metric` line of `filter` that does not fit `map`.
pub fn check(filter: &Filter, corefile: &Corefile, map: &MapDef) -> Vec<Diagnostic> {
    let mut checker = Checker {
        corefile,
        map,
        found: Vec::new(),
    };
    if let Some(what) = refused_kind(map.kind)
        && let Some(at) = first_use(filter)
    {
        checker.add(at, "elf", what);
        return checker.found;
    }
    for (index, entry) in filter.entries.iter().enumerate() {
        checker.entry(index, entry);
    }
    for metric in &filter.metrics {
        checker.metric(metric);
    }
    checker.room(filter);
    checker.found
}

fn first_use(filter: &Filter) -> Option<Token> {
    let entry = filter.entries.first().map(|entry| entry.value);
    entry.or_else(|| filter.metrics.first().map(|metric| metric.at))
}

/// Kinds whose entries are no plain bytes under a key.
fn refused_kind(kind: MapKind) -> Option<String> {
    let plain = [
        MapKind::HASH,
        MapKind::ARRAY,
        MapKind::PERCPU_HASH,
        MapKind::PERCPU_ARRAY,
        MapKind::LRU_HASH,
        MapKind::LRU_PERCPU_HASH,
        MapKind::LPM_TRIE,
    ];
    (!plain.contains(&kind)).then(|| format!("xdp_map is {kind}, whose entries can't be written or read as bytes; use a hash, an array or an lpm_trie"))
}

/// The key of the `map` line with this index, written to `out`; how many bytes it has. Without KEY it is the index as
/// a `u32` in host order.
///
/// # Errors
/// When KEY is no hexadecimal text; [`super::Config::read`] refuses that.
pub fn key(
    corefile: &Corefile,
    index: usize,
    entry: &Entry,
    out: &mut [u8],
) -> Result<usize, hex::Error> {
    if let Some(token) = entry.key {
        return hex::decode(corefile.text(token), None, out);
    }
    let index = u32::try_from(index).map_err(|_| hex::Error::Long)?;
    out.first_chunk_mut()
        .map(|key| *key = index.to_ne_bytes())
        .ok_or(hex::Error::Long)
        .map(|()| 4)
}

struct Checker<'a> {
    corefile: &'a Corefile,
    map: &'a MapDef,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn add(&mut self, at: Token, directive: &str, message: String) {
        self.found.push(Diagnostic::new(
            self.corefile,
            at,
            directive,
            message,
            Blame::Corefile,
        ));
    }

    fn entry(&mut self, index: usize, entry: &Entry) {
        let mut buffer = [0; MAX_KEY];
        let at = entry.key.unwrap_or(entry.value);
        match key(self.corefile, index, entry, &mut buffer) {
            Ok(length) if entry.key.is_none() && length != self.map.key_size as usize => {
                self.add(
                    at,
                    "map",
                    format!(
                        "no KEY, but keys of xdp_map have {}; give KEY",
                        bytes(self.map.key_size)
                    ),
                );
            }
            Ok(length) => self.key(at, "map", buffer.get(..length).unwrap_or_default()),
            Err(_) => self.add(at, "map", "KEY is no hexadecimal text".into()),
        }
        let value = self.corefile.text(entry.value);
        let length = hex::measure(value, Some(b'.'), MAX_VALUE).unwrap_or_default();
        if length != self.map.value_size as usize {
            let given = bytes(u32::try_from(length).unwrap_or(u32::MAX));
            self.add(
                entry.value,
                "map",
                format!(
                    "VALUE has {given}; a value of xdp_map has {}",
                    bytes(self.map.value_size)
                ),
            );
        }
    }

    fn key(&mut self, at: Token, directive: &str, key: &[u8]) {
        if key.len() != self.map.key_size as usize {
            let given = bytes(u32::try_from(key.len()).unwrap_or(u32::MAX));
            self.add(
                at,
                directive,
                format!(
                    "KEY has {given}; a key of xdp_map has {}",
                    bytes(self.map.key_size)
                ),
            );
            return;
        }
        if !self.map.kind.is_array() {
            return;
        }
        let index = key
            .first_chunk()
            .map(|key| u32::from_ne_bytes(*key))
            .unwrap_or_default();
        let room = self.map.max_entries;
        if index >= room {
            let last = room.saturating_sub(1);
            // The commonest mistake is to write the number as one says it.
            let hint = if index.swap_bytes() < room {
                "; a key stands as in memory, lowest byte first"
            } else {
                ""
            };
            let what =
                format!("index {index} is past the end of xdp_map; the last is {last}{hint}");
            self.add(at, directive, what);
        }
    }

    fn metric(&mut self, metric: &Metric) {
        self.key(metric.at, "metric", &metric.key);
        let size = self.map.value_size as usize;
        if metric.position + metric.length > size {
            let (from, length) = (metric.position, metric.length);
            self.add(
                metric.at,
                "metric",
                format!(
                    "POS {from} and LEN {length} reach past the value; a value of xdp_map has {}",
                    bytes(self.map.value_size)
                ),
            );
        }
    }

    /// Counts keys only where there are more lines than room; a key given twice takes one place.
    fn room(&mut self, filter: &Filter) {
        let room = self.map.max_entries as usize;
        if self.map.kind.is_array() || filter.entries.len() <= room {
            return;
        }
        let mut keys = HashSet::with_capacity(room);
        for (index, entry) in filter.entries.iter().enumerate() {
            let mut buffer = [0; MAX_KEY];
            let length = key(self.corefile, index, entry, &mut buffer).unwrap_or_default();
            keys.insert(buffer.get(..length).unwrap_or_default().to_vec());
            if keys.len() > room {
                self.add(
                    entry.value,
                    "map",
                    format!("xdp_map is full; it has room for {room} entries"),
                );
                return;
            }
        }
    }
}

fn bytes(count: u32) -> String {
    if count == 1 {
        "1 byte".into()
    } else {
        format!("{count} bytes")
    }
}
