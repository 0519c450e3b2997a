//! What the directives mean: any Corefile without imports, and then whether it fits a map.

use std::collections::BTreeSet;
use std::path::Path;

use corexdp::capacity::{MAX_FILTERS, MAX_KEY, MAX_METRICS, MAX_VALUE};
use corexdp::config::{Config, Diagnostic, Entry, Filter, fit};
use corexdp::corefile::Corefile;
use corexdp::hex;
use corexdp::object::{MapDef, MapKind};
use corexdp::report;

use super::world::{FOLDER, NAME, World, lines};
use super::{exposition, memory, saying};

/// Bytes of Corefile.
const LIMIT: usize = 1 << 16;
/// What a byte of Corefile may cost: a line of two letters has a complaint.
const MEMORY_FACTOR: usize = 300;

/// Kinds of map that entries are meant for.
const KINDS: [MapKind; 4] = [
    MapKind::HASH,
    MapKind::ARRAY,
    MapKind::PERCPU_ARRAY,
    MapKind::LPM_TRIE,
];

/// Tries one Corefile.
pub fn run(input: &[u8]) {
    let nothing = &mut World::of(b"");
    let Ok(corefile) = Corefile::parse(NAME, FOLDER, input, LIMIT, nothing) else {
        return;
    };
    let most = MEMORY_FACTOR * input.len() + (64 << 10);
    let (config, wrong) = memory::within(most, || Config::read(&corefile, Path::new(FOLDER)));
    assert!(config.pages.len() <= MAX_FILTERS);
    explain(&wrong, input);
    let metrics = config.filters.iter().map(|filter| filter.metrics.len());
    assert!(metrics.sum::<usize>() <= MAX_METRICS || !wrong.is_empty());
    for (filter, kind) in config.filters.iter().zip(KINDS) {
        entries_are_bytes(filter, &corefile);
        let map = map_for(filter, kind, &corefile);
        let wrong = fit::check(filter, &corefile, &map);
        explain(&wrong, input);
        if wrong.is_empty() {
            fits(filter, &map, &corefile);
        }
    }
}

fn explain(wrong: &[Diagnostic], input: &[u8]) {
    let lines = lines(input);
    for one in wrong {
        saying::is_one_line(&one.to_string());
        assert!((1..=lines).contains(&(one.line as usize)), "{one}");
        assert_eq!(one.file, NAME);
    }
    // What `check --json` prints for a script.
    let mut printed = Vec::new();
    report::check(&mut printed, &Err(wrong.to_vec())).expect("memory can be written to");
    let printed: serde_json::Value = serde_json::from_slice(&printed).expect("JSON");
    let messages = printed["errors"].as_array().expect("a list");
    let messages = messages.iter().map(|error| error["message"].as_str());
    assert!(messages.eq(wrong.iter().map(|one| Some(one.message.as_str()))));
}

/// The bytes of an entry's words.
fn bytes(entry: Entry, index: usize, corefile: &Corefile) -> (Vec<u8>, Vec<u8>) {
    let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
    let key_length = fit::key(corefile, index, &entry, &mut key).expect("a checked key");
    let word = corefile.text(entry.value);
    let value_length = hex::decode(word, Some(b'.'), &mut value).expect("a checked value");
    (key[..key_length].to_vec(), value[..value_length].to_vec())
}

fn entries_are_bytes(filter: &Filter, corefile: &Corefile) {
    assert!((1..16).contains(&filter.interface.len()));
    for (index, entry) in filter.entries.iter(corefile).enumerate() {
        let (key, value) = bytes(entry, index, corefile);
        assert!(!key.is_empty() && !value.is_empty());
    }
    for metric in &filter.metrics {
        assert!((1..=8).contains(&metric.length) && metric.position < MAX_VALUE);
        assert!(!metric.key.is_empty());
        exposition::reads_back(metric, filter);
    }
}

/// A map that the first entry fits, and so maybe the others.
fn map_for(filter: &Filter, kind: MapKind, corefile: &Corefile) -> MapDef {
    let first = filter.entries.iter(corefile).next();
    let (key, value) = first.map_or((vec![0; 4], vec![0; 8]), |entry| bytes(entry, 0, corefile));
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a capacity is less");
    MapDef {
        name: "xdp_map".into(),
        kind,
        key_size: if kind.is_array() { 4 } else { size(&key) },
        value_size: size(&value),
        max_entries: 3,
        flags: 0,
        numa_node: None,
        map_extra: 0,
        initial: None,
        freeze: false,
        pinned: false,
        inner: None,
        slots: Vec::new(),
        btf_types: None,
    }
}

/// What the kernel will ask of entries, and a page of metrics.
fn fits(filter: &Filter, map: &MapDef, corefile: &Corefile) {
    let (key_size, value_size) = (map.key_size as usize, map.value_size as usize);
    let room = map.max_entries as usize;
    let is_key = |key: &[u8]| {
        let index = key.first_chunk().map(|&key| u32::from_ne_bytes(key));
        key.len() == key_size
            && (!map.kind.is_array() || index.is_some_and(|index| index < map.max_entries))
    };
    let mut keys = BTreeSet::new();
    for (index, entry) in filter.entries.iter(corefile).enumerate() {
        let (key, value) = bytes(entry, index, corefile);
        assert!(is_key(&key), "key {key:?} of {map:?}");
        assert_eq!(value.len(), value_size);
        keys.insert(key);
    }
    assert!(keys.len() <= room, "{} keys, room for {room}", keys.len());
    for metric in &filter.metrics {
        assert!(is_key(&metric.key), "key of {metric:?} for {map:?}");
        assert!(metric.position + metric.length <= value_size);
    }
}
