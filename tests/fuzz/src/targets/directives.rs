//! Directives: any Corefile without imports, checked by itself and against maps.

use std::collections::BTreeSet;
use std::path::Path;

use corexdp::base::capacity::{MAX_FILTERS, MAX_KEY, MAX_METRICS, MAX_VALUE};
use corexdp::base::diagnostic::Diagnostic;
use corexdp::commands::check_json;
use corexdp::config::{Config, Entry, Filter, MAX_INTERFACE, MapRef, Value, fit};
use corexdp::corefile::Corefile;
use corexdp::encode::Encoder;
use corexdp::encode::integer::Number;
use corexdp::object::{Btf, MapDef, MapKind};

use super::world::{FOLDER, NAME, World, lines};
use super::{exposition, memory, message, types};

/// Maximum bytes of a Corefile.
const LIMIT: usize = 1 << 16;
/// Bytes of memory per byte of input: a line of two letters has an error message.
const MEMORY_FACTOR: usize = 300;

/// Map types with entries from a Corefile.
const KINDS: [MapKind; 4] = [
    MapKind::HASH,
    MapKind::ARRAY,
    MapKind::PERCPU_ARRAY,
    MapKind::LPM_TRIE,
];

/// Panics unless the directives of the Corefile `input` are refused, or give a configuration that is valid.
pub fn run(input: &[u8]) {
    let empty = &mut World::of(b"");
    let Ok(corefile) = Corefile::parse(NAME, FOLDER, input, LIMIT, empty) else {
        return;
    };
    let most = MEMORY_FACTOR * input.len() + (64 << 10);
    let (mut config, wrong) = memory::within(most, || Config::read(&corefile, Path::new(FOLDER)));
    assert!(config.listen.len() <= MAX_FILTERS);
    explain(&wrong, input);
    let metrics = config.filters.iter().map(|filter| filter.metrics.len());
    assert!(metrics.sum::<usize>() <= MAX_METRICS || !wrong.is_empty());
    let btf = types::types();
    for (number, filter) in config.filters.iter_mut().enumerate() {
        assert!((1..=MAX_INTERFACE).contains(&filter.interface.len()));
        let maps: Vec<MapDef> = filter
            .maps
            .iter()
            .enumerate()
            .map(|(place, named)| {
                let kind = KINDS[(number + place) % KINDS.len()];
                map_for(filter, named, kind, &corefile)
            })
            .collect();
        let wrong = fit::check(filter, &corefile, &maps, Some(&btf));
        explain(&wrong, input);
        if wrong.is_empty() {
            for map in &maps {
                fits(filter, map, &btf, &corefile);
            }
        }
    }
}

fn explain(wrong: &[Diagnostic], input: &[u8]) {
    let lines = lines(input);
    for error in wrong {
        message::is_one_line(&error.to_string());
        assert!((1..=lines).contains(&(error.line as usize)), "{error}");
        assert_eq!(error.file, NAME);
    }
    // `check --json` prints the same messages.
    let mut printed = Vec::new();
    check_json::check(&mut printed, &Err(wrong.to_vec())).expect("memory can be written to");
    let printed: serde_json::Value = serde_json::from_slice(&printed).expect("JSON");
    let messages = printed["errors"].as_array().expect("a list");
    let messages = messages.iter().map(|error| error["message"].as_str());
    assert!(messages.eq(wrong.iter().map(|error| Some(error.message.as_str()))));
}

/// A map definition that fits the first entry.
fn map_for(filter: &Filter, named: &MapRef, kind: MapKind, corefile: &Corefile) -> MapDef {
    let name = &named.name;
    let mut entries = filter.entries.of_map(named.id, corefile);
    let size = |size: usize| u32::try_from(size).expect("a capacity is less");
    match entries.next() {
        Some(Entry {
            key,
            value: Value::Bytes {
                size: value_size, ..
            },
            ..
        }) => MapDef {
            kind,
            key_size: match key {
                Some(key) if !kind.is_array() => size(corefile.text(key).len() / 2),
                _ => 4,
            },
            value_size,
            max_entries: 3,
            ..MapDef::new(name)
        },
        _ => types::map(name, kind),
    }
}

/// Checked entries have the sizes and keys that the kernel requires; metrics are within values.
fn fits(filter: &Filter, map: &MapDef, btf: &Btf, corefile: &Corefile) {
    let id = filter.map(&map.name).expect("a map that is named").id;
    let (key_size, value_size) = (map.key_size as usize, map.value_size as usize);
    let room = map.max_entries as usize;
    let is_key = |key: &[u8]| {
        let index = key.first_chunk().map(|&key| u32::from_ne_bytes(key));
        key.len() == key_size
            && (!map.kind.is_array() || index.is_some_and(|index| index < map.max_entries))
    };
    let mut keys = BTreeSet::new();
    let mut encoder = Encoder::new(map, Some(btf));
    for entry in filter.entries.of_map(id, corefile) {
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let length = fit::key(corefile, &entry, &encoder, &mut key).expect("a checked key");
        let key = &key[..length];
        assert!(is_key(key), "key {key:?} of {map:?}");
        let length = fit::value(corefile, &entry, &mut encoder, &mut value);
        assert_eq!(length, Ok(value_size));
        // The encoder's cache of earlier lines does not change the result.
        let mut again = [0; MAX_VALUE];
        let mut fresh = Encoder::new(map, Some(btf));
        assert_eq!(fit::value(corefile, &entry, &mut fresh, &mut again), length);
        assert_eq!(value, again);
        keys.insert(key.to_vec());
    }
    assert!(keys.len() <= room, "{} keys, room for {room}", keys.len());
    for metric in filter.metrics.iter().filter(|metric| metric.map == id) {
        let Number {
            position, length, ..
        } = metric.number;
        assert!(is_key(&metric.key), "key of {metric:?} for {map:?}");
        assert!((1..=8).contains(&length) && position + length <= value_size);
        exposition::reads_back(metric, filter);
    }
}
