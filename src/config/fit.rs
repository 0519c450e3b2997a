//! Whether keys, values and metrics fit the map they are meant for.

use std::collections::HashSet;

use super::diagnostic::Diagnostics;
use super::{Diagnostic, Entry, Filter, Metric};
use crate::capacity::MAX_KEY;
use crate::corefile::{Corefile, Token};
use crate::hex;
use crate::object::{MapDef, MapKind};

/// Finds every `map` and `metric` line of `filter` that does not fit `map`.
pub fn check(filter: &Filter, corefile: &Corefile, map: &MapDef) -> Vec<Diagnostic> {
    let mut checker = Checker {
        map,
        faults: Diagnostics::new(corefile),
    };
    if let Some(what) = refused_kind(map.kind)
        && let Some(at) = first_use(filter, corefile)
    {
        checker.faults.add(at, "elf", what);
        return checker.faults.into_found();
    }
    for (index, entry) in filter.entries.iter(corefile).enumerate() {
        checker.entry(index, &entry);
    }
    for metric in &filter.metrics {
        checker.metric(metric);
    }
    checker.room(filter);
    checker.faults.into_found()
}

fn first_use(filter: &Filter, corefile: &Corefile) -> Option<Token> {
    let entry = filter.entries.iter(corefile).next();
    let entry = entry.map(|entry| entry.value);
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

/// How many bytes [`key`] gives: the digits of a KEY are pairs.
fn key_size(corefile: &Corefile, entry: &Entry) -> usize {
    match entry.key {
        Some(token) => corefile.text(token).len() / 2,
        None => size_of::<u32>(),
    }
}

struct Checker<'a> {
    map: &'a MapDef,
    faults: Diagnostics<'a>,
}

impl Checker<'_> {
    fn entry(&mut self, index: usize, entry: &Entry) {
        let at = entry.key.unwrap_or(entry.value);
        let size = key_size(self.faults.corefile, entry);
        if entry.key.is_none() && size != self.map.key_size as usize {
            let given = bytes(self.map.key_size);
            let what = format!("no KEY, but keys of xdp_map have {given}; give KEY");
            self.faults.add(at, "map", what);
        } else if self.has_size(at, "map", size) && self.map.kind.is_array() {
            let mut buffer = [0; size_of::<u32>()];
            match key(self.faults.corefile, index, entry, &mut buffer) {
                Ok(_) => self.index(at, "map", u32::from_ne_bytes(buffer)),
                Err(_) => self
                    .faults
                    .add(at, "map", "KEY is no hexadecimal text".into()),
            }
        }
        if entry.value_size != self.map.value_size {
            let (given, right) = (bytes(entry.value_size), bytes(self.map.value_size));
            let what = format!("VALUE has {given}; a value of xdp_map has {right}");
            self.faults.add(entry.value, "map", what);
        }
    }

    /// Whether a key of so many bytes is one of the map's; says so if it is not.
    fn has_size(&mut self, at: Token, directive: &str, size: usize) -> bool {
        let right = size == self.map.key_size as usize;
        if !right {
            let given = bytes(u32::try_from(size).unwrap_or(u32::MAX));
            let right = bytes(self.map.key_size);
            let what = format!("KEY has {given}; a key of xdp_map has {right}");
            self.faults.add(at, directive, what);
        }
        right
    }

    /// Whether there is such an entry in an array.
    fn index(&mut self, at: Token, directive: &str, index: u32) {
        let room = self.map.max_entries;
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
        let what = format!("index {index} is past the end of xdp_map; the last is {last}{hint}");
        self.faults.add(at, directive, what);
    }

    fn metric(&mut self, metric: &Metric) {
        if self.has_size(metric.at, "metric", metric.key.len())
            && self.map.kind.is_array()
            && let Some(key) = metric.key.first_chunk()
        {
            self.index(metric.at, "metric", u32::from_ne_bytes(*key));
        }
        let size = self.map.value_size as usize;
        if metric.position + metric.length > size {
            let (from, length) = (metric.position, metric.length);
            self.faults.add(
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
        let corefile = self.faults.corefile;
        for (index, entry) in filter.entries.iter(corefile).enumerate() {
            let mut buffer = [0; MAX_KEY];
            let length = key(corefile, index, &entry, &mut buffer).unwrap_or_default();
            keys.insert(buffer.get(..length).unwrap_or_default().to_vec());
            if keys.len() > room {
                self.faults.add(
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
