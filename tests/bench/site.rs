//! The site of the measurements: a veth pair in a network namespace of this process alone, and a folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::instructions::Counter;
use super::process::finish;
use support::net::Daemon;
use support::objects::compile::{compile, compile_text};

/// The interface that programs are attached to.
pub(crate) const INTERFACE: &str = "bench0";
/// Address of corexdp's page.
pub(crate) const PAGE: &str = "127.0.0.1:9153";
/// The maximum number of metrics in a Corefile.
pub(crate) const METRICS: u32 = 256;

/// The binary under test, and a folder for its inputs.
pub(crate) struct Site {
    pub(crate) corexdp: PathBuf,
    folder: PathBuf,
}

impl Site {
    /// Checks the requirements and creates the veth pair.
    pub(crate) fn new() -> Self {
        let given = |name| {
            let value = std::env::var_os(name);
            PathBuf::from(value.unwrap_or_else(|| panic!("no {name}; tests/bench.sh sets it")))
        };
        let corexdp = given("COREXDP_BENCH_BINARY");
        assert!(
            corexdp.is_file(),
            "{} is missing; run `make dist-host` first",
            corexdp.display()
        );
        let folder = given("COREXDP_BENCH_DIR");
        lay_wire();
        for name in ["ordered", "count"] {
            let object = format!("{name}.o");
            let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bpf");
            fs::copy(built.join(&object), folder.join(object)).unwrap();
        }
        compile("big", &folder);
        compile_text(include_str!("refused.bpf.c"), "refused", &folder, &[]);
        Self { corexdp, folder }
    }

    /// The text above the table.
    pub(crate) fn head(&self) -> String {
        let version = Command::new(&self.corexdp).arg("--version").output();
        let version = String::from_utf8(version.unwrap().stdout).unwrap();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let cpus = std::thread::available_parallelism().unwrap();
        let path = self.corexdp.strip_prefix(env!("CARGO_MANIFEST_DIR"));
        let counter = if Counter::open().is_none() {
            "no hardware counter of instructions"
        } else {
            "instructions counted"
        };
        format!(
            "{} (static binary {}), Linux {}, {cpus} CPUs, {counter}",
            version.trim(),
            path.unwrap_or(&self.corexdp).display(),
            kernel.trim()
        )
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// `corexdp run` with the Corefile `corefile` of the folder.
    pub(crate) fn run(&self, corefile: &str) -> Command {
        let mut command = Command::new(&self.corexdp);
        command
            .current_dir(&self.folder)
            .args(["run", "-conf", corefile, "--log", "stderr"]);
        command
    }

    /// Starts the daemon with the Corefile `corefile` of the folder.
    pub(crate) fn start(&self, corefile: &str) -> Daemon {
        Daemon::spawn(&mut self.run(corefile))
    }
}

fn lay_wire() {
    let devices = fs::read_to_string("/proc/net/dev").unwrap();
    let names = devices.lines().filter_map(|line| line.split_once(':'));
    let others: Vec<&str> = names
        .map(|(name, _)| name.trim())
        .filter(|&name| name != "lo")
        .collect();
    assert!(
        others.is_empty(),
        "not in a namespace of its own, there are {others:?}; start this by tests/bench.sh"
    );
    for line in [
        "link set lo up",
        "link add bench0 type veth peer name bench1",
        "link set bench0 up",
        "link set bench1 up",
    ] {
        finish(Command::new("ip").args(line.split(' ')));
    }
}

/// A Corefile with one filter that loads `object` and has these lines.
pub(crate) fn corefile(object: &str, page: bool, lines: &str) -> String {
    let page = if page { "prometheus\n" } else { "" };
    format!(". {{\n{page}ebpf {{\nelf {object}\nif {INTERFACE}\n{lines}}}\n}}\n")
}

/// `map` lines for a block list of `count` addresses from 10.0.0.0.
pub(crate) fn block_list(count: u32) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "map {:08X} 0000000000000000", 0x0a00_0000 + number).unwrap();
        text
    })
}

/// [`METRICS`] lines. `place` returns the key and the offset in its value for each metric.
pub(crate) fn metrics(place: impl Fn(u32) -> (u32, u32)) -> String {
    (0..METRICS).fold(String::new(), |mut text, number| {
        let (key, position) = place(number);
        let help = format!("Packets dropped by rule {number} of the list.");
        writeln!(
            text,
            "metric rule_{number}_dropped_packets {key:08X} {position} 8 \"{help}\""
        )
        .unwrap();
        text
    })
}
