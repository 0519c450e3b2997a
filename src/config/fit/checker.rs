//! Checks of all lines that refer to one map.

use std::net::IpAddr;

use super::{line, unsupported_kind};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Plain;
use crate::base::hex::Count;
use crate::base::quantity::Quantity;
use crate::config::diagnostics::Diagnostics;
use crate::config::entries::{Entry, Value};
use crate::config::{Filter, MapId, MapRef, Metric};
use crate::corefile::Token;
use crate::encode::{Encoder, byte_order_hint, check_length, is_secret};
use crate::object::{Layout, MapDef, MapKind};

/// Checker of the lines of one map.
pub(super) struct Checker<'a> {
    pub(super) map: &'a MapDef,
    /// All maps of the object.
    pub(super) maps: &'a [MapDef],
    pub(super) name: String,
    pub(super) encoder: Encoder<'a>,
    pub(super) faults: Diagnostics<'a>,
}

impl Checker<'_> {
    /// Checks the lines that refer to this map.
    pub(super) fn check_map<'m>(
        &mut self,
        filter: &Filter,
        map_ref: &MapRef,
        metrics: impl Iterator<Item = &'m mut Metric>,
    ) {
        if let Some(message) = unsupported_kind(&self.name, self.map.kind) {
            self.faults.add(map_ref.at, "elf", message);
            return;
        }
        let corefile = self.faults.corefile;
        let mut lines = 0;
        for entry in filter.entries.of_map(map_ref.id, corefile) {
            self.check_entry(&entry);
            lines += 1;
        }
        let lists = filter.lists.iter();
        for list in lists.filter(|list| list.map == map_ref.id) {
            self.check_list(list);
        }
        metrics.for_each(|metric| self.check_metric(metric));
        if lines > self.map.max_entries as usize && !self.map.kind.is_array() {
            self.check_capacity(filter, map_ref.id);
        }
    }

    fn check_entry(&mut self, entry: &Entry<'_>) {
        let Some(at) = entry.at() else { return };
        self.check_key(at, entry);
        match entry.value {
            Value::Bytes { word, size } => self.check_value_size(word, size),
            Value::Words(_) => {
                let mut value = [0; MAX_VALUE];
                let corefile = self.faults.corefile;
                if let Err((word, message)) =
                    line::value(corefile, entry, &mut self.encoder, &mut value)
                {
                    self.faults.add(word.unwrap_or(at), "entry", message);
                }
            }
        }
    }

    fn check_key(&mut self, at: Token, entry: &Entry<'_>) {
        let directive = entry.directive();
        let mut key = [0; MAX_KEY];
        let size = match line::key(self.faults.corefile, entry, &self.encoder, &mut key) {
            Ok(size) => size,
            Err(message) => {
                let hint = entry
                    .key
                    .map_or_else(String::new, |key| self.prefix_hint(key));
                return self.faults.add(at, directive, message + &hint);
            }
        };
        let key_size = self.map.key_size as usize;
        if entry.key.is_none() && size != key_size {
            let message = format!(
                "no KEY, but keys of {} have {}; give KEY",
                self.name,
                Count(key_size)
            );
            self.faults.add(at, directive, message);
        } else if self.check_key_size(at, directive, size) {
            self.check_range(at, directive, key.get(..size).unwrap_or_default());
        }
    }

    /// Remedy for a prefix as the key of a map of addresses: names an `lpm_trie` of the object. Empty for other keys.
    fn prefix_hint(&self, key: Token) -> String {
        let word = self.faults.corefile.text(key);
        let address = word.split_once('/').map(|(address, _)| address.parse());
        let is_prefix = matches!(address, Some(Ok(IpAddr::V4(_) | IpAddr::V6(_))));
        let is_address_map = matches!(self.map.key_size, 4 | 16)
            && self.map.kind != MapKind::LPM_TRIE
            && !self.map.kind.is_array()
            && !self.encoder.has_domain_keys();
        if !is_prefix || !is_address_map {
            return String::new();
        }
        let maps = self.maps.iter().filter_map(MapDef::for_lines);
        let tries = maps.filter(|map| map.kind == MapKind::LPM_TRIE);
        // The trie of the same address family is nearest in key size: its keys have 4 bytes more, for the length.
        let trie = tries.min_by_key(|trie| trie.key_size.abs_diff(self.map.key_size));
        let trie = trie.map_or_else(String::new, |trie| {
            format!(", `@{}` prefixes", Plain(&trie.name))
        });
        format!("; {} takes single addresses{trie}", self.name)
    }

    fn check_value_size(&mut self, at: Token, size: u32) {
        let value_size = self.map.value_size;
        if size == value_size {
            return;
        }
        let (name, encoder) = (&self.name, &self.encoder);
        self.faults.add_with(at, "map", || {
            let padding = encoder.value_layout().and_then(Layout::padding);
            let padding = padding.map_or(String::new(), |padding| format!(": {padding}"));
            let (given, expected) = (Count(size as usize), Count(value_size as usize));
            format!("VALUE has {given}; a value of {name} has {expected}{padding}")
        });
    }

    /// True if `size` is the map's key size; otherwise reports an error.
    fn check_key_size(&mut self, at: Token, directive: &str, size: usize) -> bool {
        let fits = size == self.map.key_size as usize;
        if !fits {
            let (given, expected) = (Count(size), Count(self.map.key_size as usize));
            let name = &self.name;
            self.faults.add(
                at,
                directive,
                format_args!("KEY has {given}; a key of {name} has {expected}"),
            );
        }
        fits
    }

    /// Checks that the map can have a key of the right size: its prefix length or index is in range.
    fn check_range(&mut self, at: Token, directive: &str, key: &[u8]) {
        if self.map.kind == MapKind::LPM_TRIE {
            self.check_prefix(at, directive, key);
        } else {
            self.check_index(at, directive, key);
        }
    }

    /// Checks that the prefix length of a trie's key is at most the length of its address, as the kernel requires.
    fn check_prefix(&mut self, at: Token, directive: &str, key: &[u8]) {
        if let Err(message) = check_length(&self.map.name, key) {
            self.faults.add(at, directive, message);
        }
    }

    /// Checks that the key of an array is an index below `max_entries`.
    fn check_index(&mut self, at: Token, directive: &str, key: &[u8]) {
        let Some(key) = key.first_chunk().filter(|_| self.map.kind.is_array()) else {
            return;
        };
        let (index, capacity) = (u32::from_ne_bytes(*key), self.map.max_entries);
        if index < capacity {
            return;
        }
        let last = capacity.saturating_sub(1);
        let hint = byte_order_hint(index.swap_bytes() < capacity);
        let name = &self.name;
        let index = if is_secret(&self.map.name) {
            "KEY".into()
        } else {
            format!("index {index}")
        };
        let message = format!("{index} is past the end of {name}; the last is {last}{hint}");
        self.faults.add(at, directive, message);
    }

    fn check_metric(&mut self, metric: &mut Metric) {
        let corefile = self.faults.corefile;
        let directive = corefile.text(metric.at);
        if let Some((key, field)) = metric.words {
            let mut bytes = heapless::Vec::from([0; MAX_KEY]);
            match self.encoder.key(corefile.text(key), &mut bytes) {
                Ok(size) => bytes.truncate(size),
                Err(message) => {
                    let message = message + &self.prefix_hint(key);
                    return self.faults.add(key, directive, message);
                }
            }
            metric.key = bytes;
            match self.encoder.number(corefile.text(field)) {
                Ok(number) => metric.number = number,
                Err(message) => return self.faults.add(field, directive, message),
            }
        }
        if self.check_key_size(metric.at, directive, metric.key.len()) {
            self.check_range(metric.at, directive, &metric.key);
        }
        let (position, length) = (metric.number.position, metric.number.length);
        let range = position..position.saturating_add(length);
        if self.encoder.is_secret(&range) {
            let message = "a secret of the map is never shown; read another member";
            self.faults.add(metric.at, directive, message);
        }
        if range.end > self.map.value_size as usize {
            let size = Count(self.map.value_size as usize);
            let message = format!(
                "POS {position} and LEN {length} reach past the value; a value of {} has {size}",
                self.name
            );
            self.faults.add(metric.at, directive, message);
        }
    }

    /// Checks the number of distinct keys. Called only for more lines than `max_entries`, because it sorts all keys.
    fn check_capacity(&mut self, filter: &Filter, map: MapId) {
        let capacity = self.map.max_entries as usize;
        let corefile = self.faults.corefile;
        let entries = || filter.entries.of_map(map, corefile).enumerate();
        let mut keys: Vec<_> = entries()
            .map(|(line, entry)| {
                let mut key = [0; MAX_KEY];
                let length = line::key(corefile, &entry, &self.encoder, &mut key);
                (length.unwrap_or_default(), key, line)
            })
            .collect();
        keys.sort_unstable();
        // The first line of a key adds the entry; later lines replace it.
        keys.dedup_by_key(|&mut (length, key, _)| (length, key));
        let mut lines: Vec<usize> = keys.iter().map(|&(_, _, line)| line).collect();
        lines.sort_unstable();
        if let Some(&past) = lines.get(capacity)
            && let Some((_, entry)) = entries().nth(past)
            && let Some(at) = entry.at()
        {
            let room = Quantity(capacity as u64, "entry");
            let message = format!("{} is full; it has room for {room}", self.name);
            self.faults.add(at, entry.directive(), message);
        }
    }
}
