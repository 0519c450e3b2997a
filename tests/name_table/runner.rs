//! Builds a table, and runs `qname` with it by `run.c`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use corexdp::object::{MapDef, link};
use corexdp::table::names::{
    NameSet, Parts, Scope, admit, build, digest, each, measure, set_decisions,
};
use corexdp::table::{ValueLayout, Values};
use support::packets::frame::ip4;

use super::lists::Listed;

const NAMES: [&str; 5] = [
    "xdp_map",
    "xdp_map_bloom",
    "xdp_map_records",
    "xdp_map_rules",
    "xdp_map_shape",
];

pub(crate) struct Decision {
    pub(crate) item: Listed,
    /// Nanoseconds since boot; 0 without end.
    pub(crate) until: u64,
}

pub(crate) struct Runner {
    parts: [Vec<AtomicU64>; 5],
    decisions: Vec<u8>,
    folder: PathBuf,
}

/// `target/bpf/qname.o`.
fn object() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bpf/qname.o")
}

/// `struct qname_rule`, as the object describes it.
fn layout() -> &'static ValueLayout {
    static LAYOUT: OnceLock<ValueLayout> = OnceLock::new();
    LAYOUT.get_or_init(|| {
        let linked = link(&fs::read(object()).unwrap(), "xdp_prog").unwrap();
        let found = linked.map("xdp_map").and_then(MapDef::table).unwrap();
        found.values
    })
}

fn value_of(action: u32) -> Vec<u8> {
    let mut value = vec![0; layout().size];
    value[..4].copy_from_slice(&action.to_ne_bytes());
    value
}

impl Runner {
    /// Builds the table of a list.
    pub(crate) fn new(list: &[Listed], seed: &[u64; 6]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let (mut set, mut values) = (NameSet::new(), Values::new(layout().size));
        for item in list {
            let value = match item.source % 2 {
                0 => values.add(&value_of(item.action)),
                _ => values.add_full(&value_of(item.action)),
            };
            assert!(set.add(&item.wire, item.scope, item.source, value));
        }
        set.finish();
        let sizes = measure(&set, &values, layout());
        let words_of_value = u32::try_from(layout().size.div_ceil(8)).unwrap();
        let words = [
            sizes.lines * 8,
            sizes.bloom,
            sizes.records,
            sizes.rules * words_of_value,
            16,
        ];
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = format!("name_table.{}.{number}", std::process::id());
        let runner = Self {
            parts: words.map(|count| (0..count).map(|_| AtomicU64::new(0)).collect()),
            decisions: Vec::new(),
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder),
        };
        build(&set, &values, layout(), seed, &runner.table()).unwrap();
        fs::create_dir_all(&runner.folder).unwrap();
        runner
    }

    fn table(&self) -> Parts<'_> {
        let [lines, bloom, records, rules, shape] = &self.parts;
        Parts {
            lines,
            bloom,
            records,
            rules,
            shape,
        }
    }

    pub(crate) fn decide(&mut self, decisions: &[Decision]) {
        let mut entries = Vec::new();
        for Decision { item, until } in decisions {
            assert!(admit(&self.table(), &item.wire));
            for word in digest(&self.table(), &item.wire) {
                entries.extend(word.to_ne_bytes());
            }
            let mut name = [0; 254];
            name[..item.wire.len()].copy_from_slice(&item.wire);
            entries.extend(until.to_ne_bytes());
            entries.extend(value_of(item.action));
            entries.extend([u8::try_from(item.wire.len()).unwrap(), item.scope as u8]);
            entries.extend(name);
        }
        set_decisions(&self.table(), decisions.len() as u64);
        self.decisions = entries;
    }

    /// The action that the program takes for each name.
    pub(crate) fn run(&mut self, names: &[Vec<u8>]) -> Vec<u32> {
        for (name, part) in NAMES.iter().zip(&self.parts) {
            fs::write(self.folder.join(name), bytes_of(part)).unwrap();
        }
        fs::write(self.folder.join("xdp_map_decisions"), &self.decisions).unwrap();
        let mut input = Vec::new();
        for name in names {
            let frame = frame_of(name);
            input.extend(u16::try_from(frame.len()).unwrap().to_ne_bytes());
            input.extend(frame);
        }
        let mut child = Command::new(compiled())
            .args([&object(), &self.folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || pipe.write_all(&input));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(output.status.success());
        for (name, part) in NAMES.iter().zip(&mut self.parts) {
            let bytes = fs::read(self.folder.join(name)).unwrap();
            let words = bytes
                .chunks(8)
                .map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
            *part = words.map(AtomicU64::new).collect();
        }
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(action_of).collect()
    }

    /// Packets that all entries have counted.
    pub(crate) fn packets(&self) -> u64 {
        let mut sum = 0;
        each(&self.table(), layout(), &mut |entry| {
            assert_eq!(Scope::of(entry.value[4]), entry.scope);
            sum += u64::from_ne_bytes(entry.value[8..16].try_into().unwrap());
        });
        sum
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn bytes_of(words: &[AtomicU64]) -> Vec<u8> {
    let words = words.iter().map(|word| word.load(Ordering::Relaxed));
    words.flat_map(u64::to_ne_bytes).collect()
}

/// A query for a name in wire format.
fn frame_of(name: &[u8]) -> Vec<u8> {
    let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let message = [&header[..], name, &[0, 0, 1, 0, 1]].concat();
    ip4("192.0.2.1").datagram(53, &message).bytes
}

/// The action of verdict, flags and RCODE: `enum qname_action`.
fn action_of(line: &str) -> u32 {
    let mut words = line.split(' ').map(|word| word.parse::<u32>().unwrap());
    let [verdict, flags, more] = [(); 3].map(|()| words.next().unwrap());
    match (verdict, flags & 2, more & 15) {
        (2, ..) => 0,
        (1, ..) => 1,
        (3, 0, 5) => 2,
        (3, 0, 3) => 3,
        (3, 0, 0) => 4,
        (3, 2, 0) => 5,
        _ => panic!("{line}"),
    }
}

/// The program of `run.c`.
fn compiled() -> PathBuf {
    static ONCE: Once = Once::new();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("name_table_run");
    ONCE.call_once(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/name_table/run.c");
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&program, &source])
            .arg("-lbpf")
            .status();
        assert!(status.unwrap().success());
    });
    program
}
