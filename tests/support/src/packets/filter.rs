//! A shipped program whose entries are written in words, as in a Corefile.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use corexdp::base::capacity::{MAX_KEY, MAX_VALUE};
use corexdp::encode::Encoder;
use corexdp::object::{LinkedObject, link, map_for_lines};

use super::kernel::{Map, Program, Ran};
use super::name_table::NameTable;
use super::sandbox::{PASS, Sandbox};
use super::table::{self, FilledTable, PrefixTable};
use crate::wait::wait_until;
use crate::{repository, shipped_object};

/// The interval of the program's timer, with a margin for a busy machine.
const TICK: Duration = Duration::from_millis(100);

/// A loaded program and its maps.
pub struct Filter {
    pub program: Program,
    object: LinkedObject,
    maps: HashMap<String, Map>,
    tables: HashMap<String, FilledTable>,
    /// Field order matters: dropped last, since it pins the program and its maps.
    sandbox: Sandbox,
}

impl Filter {
    /// Loads `target/bpf/NAME.o` and writes the entries. Each line is the part of an `entry` directive after the
    /// keyword.
    pub fn load(name: &str, entries: &[&str]) -> Self {
        Self::with(&shipped_object(name), entries)
    }

    /// Loads the program as [`Filter::load`] does, and runs an attempt before a token bucket of `rate=1` gains a token.
    /// An attempt that takes longer is repeated with a new program.
    pub fn before_a_token<T>(name: &str, entries: &[&str], attempt: impl Fn(&Self) -> T) -> T {
        wait_until("an attempt takes less than a second", || {
            let filter = Self::load(name, entries);
            let begin = Instant::now();
            let result = attempt(&filter);
            let time = begin.elapsed();
            // The clock of the program may lag by a tick.
            if time + TICK < Duration::from_secs(1) {
                Ok(result)
            } else {
                Err(time)
            }
        })
    }

    /// Loads any object.
    pub fn of(path: &Path) -> Self {
        Self::with(path, &[])
    }

    /// Loads any object and writes the entries. Its tables are as large as their entries need, with room for some more.
    pub fn with(path: &Path, entries: &[&str]) -> Self {
        let object = linked(path);
        let names = object.maps.iter().map(|map| &map.name);
        let tables = names.filter(|name| table::table(&object, name).is_some());
        let tables: HashMap<_, _> = tables
            .map(|name| {
                let lines = entries.iter().filter(|line| named(line).0 == name);
                let entries: Vec<_> = lines.map(|line| encode(&object, line)).collect();
                (name.clone(), FilledTable::new(&object, name, &entries))
            })
            .collect();
        let filter = Self::form(path, object, tables);
        let is_in_map = |line: &&&str| !filter.tables.contains_key(named(line).0);
        for line in entries.iter().filter(is_in_map) {
            filter.entry(line);
        }
        filter
    }

    /// Loads `target/bpf/NAME.o`, whose table `xdp_map` gets names in wire format. All have the same value, in words.
    pub fn with_names(name: &str, names: impl IntoIterator<Item = Vec<u8>>, fields: &str) -> Self {
        let path = shipped_object(name);
        let object = linked(&path);
        let (_, value) = encode(&object, &format!("example {fields}"));
        let entries = names.into_iter().map(|wire| (wire, value.clone()));
        let table = NameTable::of_wires(&object, "xdp_map", entries.collect());
        let tables = [("xdp_map".to_owned(), FilledTable::Names(table))];
        Self::form(&path, object, HashMap::from(tables))
    }

    fn form(path: &Path, object: LinkedObject, tables: HashMap<String, FilledTable>) -> Self {
        let ids: Vec<_> = tables
            .values()
            .flat_map(FilledTable::ids)
            .cloned()
            .collect();
        let sandbox = Sandbox::load_with(path, &ids);
        let pins = sandbox.pins();
        // `.rodata` holds constants, which are set before the program is loaded.
        let maps = object.maps.iter().filter(|map| map.name != ".rodata");
        let names = maps.map(|map| map.name.clone());
        Self {
            program: Program::pinned(&pins.join("prog")),
            maps: names
                .map(|name| (name.clone(), Map::pinned(&pins.join("maps").join(&name))))
                .collect(),
            object,
            tables,
            sandbox,
        }
    }

    /// Loads the program with the entries of its own Corefile, without `monitor=true`: the state after the first step
    /// of its guide.
    pub fn shipped(name: &str) -> Self {
        let text = fs::read_to_string(repository().join(format!("bpf/{name}.Corefile"))).unwrap();
        let text = text.replace(" monitor=true", "");
        let lines: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("entry "))
            .collect();
        assert!(!lines.is_empty());
        Self::load(name, &lines)
    }

    /// Writes an entry: `[@MAP] KEY FIELD=VALUE…`.
    pub fn entry(&self, line: &str) {
        let (map, _) = named(line);
        let (key, value) = encode(&self.object, line);
        match self.tables.get(map) {
            Some(table) => table.insert(&key, &value).unwrap(),
            None => self.maps[map].fill(&key, &value),
        }
    }

    /// The prefix table of this name.
    pub fn table(&self, map: &str) -> &PrefixTable {
        match &self.tables[map] {
            FilledTable::Prefixes(table) => table,
            FilledTable::Names(_) => panic!("{map} is a name table"),
        }
    }

    /// The value of the counter `[@MAP] KEY FIELD`; 0 if the entry does not exist.
    pub fn number(&self, words: &str) -> u64 {
        let (map, words) = named(words);
        let (key, field) = words.split_once(char::is_whitespace).unwrap();
        let encoder = encoder(&self.object, map);
        let mut bytes = [0; MAX_KEY];
        let size = encoder.key(key, &mut bytes).unwrap();
        let place = encoder.number(field.trim()).unwrap();
        assert_eq!((place.length, place.position % 8), (8, 0), "{field}");
        if let Some(table) = self.tables.get(map) {
            let value = table.value(&bytes[..size]);
            let number = value.and_then(|value| value[place.position..].first_chunk().copied());
            return number.map_or(0, u64::from_ne_bytes);
        }
        let numbers = self.maps[map].numbers(&bytes[..size]);
        numbers.map_or(0, |numbers| numbers[place.position / 8])
    }

    /// Runs the program on a frame. Returns the verdict and the resulting frame.
    pub fn run(&self, frame: &[u8]) -> Ran {
        self.program.run(frame)
    }

    /// The verdict on a frame that the program must not change.
    pub fn verdict(&self, frame: &[u8]) -> u32 {
        let ran = self.program.run(frame);
        assert_eq!(ran.frame, frame, "the frame was changed");
        ran.verdict
    }

    /// Checks that an idle source passes `burst` packets at once and then `rate` per second, however long a busy
    /// machine takes. The packets of one tick of the timer may come on top.
    pub fn admits(&self, frame: &[u8], rate: u64, burst: u64) {
        let started = Instant::now();
        let verdicts = (0..burst + 500).map(|_| self.run(frame).verdict);
        let passed = verdicts.filter(|verdict| *verdict == PASS).count() as u64;
        let nanoseconds = u64::try_from((started.elapsed() + TICK).as_nanos()).unwrap();
        let most = burst + 1 + rate * nanoseconds / 1_000_000_000;
        assert!(
            (burst..=most).contains(&passed),
            "{passed} of {burst} to {most}"
        );
    }

    /// Runs the program on the same frame `each` times in each of several processes at once.
    pub fn flood(&mut self, frame: &[u8], each: u32, processes: u32) {
        self.sandbox.flood(frame, each, processes);
    }

    /// The descriptor of a map; `None` for an unknown map and for constants.
    pub fn descriptor(&self, map: &str) -> Option<i32> {
        self.maps.get(map).map(Map::descriptor)
    }
}

fn linked(path: &Path) -> LinkedObject {
    link(&fs::read(path).unwrap(), "xdp_prog").unwrap()
}

fn encoder<'a>(object: &'a LinkedObject, map: &str) -> Encoder<'a> {
    let def = map_for_lines(&object.maps, map).unwrap_or_else(|| panic!("no {map}"));
    Encoder::new(def, object.btf())
}

/// Key and value of an entry `[@MAP] KEY FIELD=VALUE…`.
fn encode(object: &LinkedObject, line: &str) -> (Vec<u8>, Vec<u8>) {
    let (map, words) = named(line);
    let (key, fields) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let mut encoder = encoder(object, map);
    let (mut key_bytes, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
    let size = encoder.key(key, &mut key_bytes).unwrap();
    let end = encoder.value(fields.split_whitespace(), &mut value);
    let end = end.unwrap_or_else(|wrong| panic!("{line}: {}", wrong.message));
    (key_bytes[..size].to_vec(), value[..end].to_vec())
}

/// Splits `[@MAP] WORDS` into the map's name and the other words.
fn named(words: &str) -> (&str, &str) {
    match words.trim().strip_prefix('@') {
        Some(rest) => {
            let (map, rest) = rest.split_once(char::is_whitespace).unwrap();
            (map, rest.trim())
        }
        None => ("xdp_map", words.trim()),
    }
}
