//! Loads one object where no other process sees it.
//!
//! A shell in its own mount namespace mounts a private bpf file system, which holds the program and its maps. The shell
//! ends when its standard input closes, also when the test fails, and then the kernel removes everything. bpftool loads
//! the object with libbpf, which judges it independently of corexdp's own loader.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{scratch, shipped_object};

pub const DROP: u32 = 1;
pub const PASS: u32 = 2;
/// The packet is sent out of the interface that received it.
pub const TX: u32 = 3;

const END: &str = "end of output:";

pub struct Sandbox {
    folder: PathBuf,
    shell: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Sandbox {
    /// Loads `target/bpf/NAME.o`. Its maps are empty.
    pub fn load(name: &str) -> Sandbox {
        Self::load_object(&shipped_object(name))
    }

    /// Loads any object.
    pub fn load_object(object: &Path) -> Sandbox {
        Self::load_with(object, &[])
    }

    /// Loads an object with existing maps, given by name and id, instead of those that it declares.
    pub fn load_with(object: &Path, maps: &[(String, u32)]) -> Sandbox {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = scratch().join(format!("bpf-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("bpf")).unwrap();
        let mut shell = Command::new("unshare")
            .args(["--mount", "sh"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare (util-linux) runs");
        let mut sandbox = Sandbox {
            folder,
            input: shell.stdin.take(),
            output: BufReader::new(shell.stdout.take().unwrap()),
            shell,
        };
        sandbox.run("mount -t bpf none bpf");
        let mut line = format!("bpftool prog load '{}' bpf/prog", object.display());
        for (name, id) in maps {
            write!(line, " map name {name} id {id}").unwrap();
        }
        sandbox.run(&format!("{line} pinmaps bpf/maps"));
        sandbox
    }

    /// The folder of `prog` and `maps/NAME`, seen from the mount namespace of the test.
    pub fn pins(&self) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        let root = PathBuf::from(format!("/proc/{}/root", self.shell.id()));
        root.join(folder).join("bpf")
    }

    /// Runs a line of shell and returns its output.
    fn run(&mut self, line: &str) -> String {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{{ {line}; }} 2>&1; printf '\\n{END}%s\\n' $?")
            .expect("the sandbox's shell lives; these tests need root");
        let mut printed = String::new();
        let status = loop {
            let start = printed.len();
            let read = self.output.read_line(&mut printed).unwrap();
            assert_ne!(read, 0, "`{line}` ended the shell: {printed}");
            if let Some(status) = printed[start..].strip_prefix(END) {
                let status = status.trim().to_owned();
                printed.truncate(start);
                break status;
            }
        };
        assert_eq!(status, "0", "`{line}` failed: {printed}");
        printed
    }

    /// Writes one entry of the array.
    pub fn fill(&mut self, key: u32, value: &[u8]) {
        let key = hex(&key.to_ne_bytes());
        let value = hex(value);
        self.run(&format!(
            "bpftool map update pinned bpf/maps/xdp_map key hex {key} value hex {value}"
        ));
    }

    /// Reads one entry of the array.
    pub fn value(&mut self, key: u32) -> Vec<u8> {
        let key = hex(&key.to_ne_bytes());
        let printed = self.run(&format!(
            "bpftool -j map lookup pinned bpf/maps/xdp_map key hex {key}"
        ));
        arrays(&printed, "value").pop().unwrap()
    }

    /// Reads all entries of the array, in order.
    pub fn values(&mut self) -> Vec<Vec<u8>> {
        arrays(&self.dump(), "value")
    }

    /// The whole map as `bpftool map dump` prints it: raw bytes, and values formatted by BTF.
    pub fn dump(&mut self) -> String {
        self.run("bpftool -j map dump pinned bpf/maps/xdp_map")
    }

    /// Runs the program on one frame.
    pub fn verdict(&mut self, frame: &[u8]) -> u32 {
        self.verdicts(&[frame]).pop().unwrap()
    }

    /// Runs the program on each frame in turn. The program must not change a frame.
    pub fn verdicts(&mut self, frames: &[&[u8]]) -> Vec<u32> {
        let mut batch = String::new();
        for (number, frame) in frames.iter().enumerate() {
            let file = format!("frame-{number}");
            fs::write(self.folder.join(&file), frame).unwrap();
            writeln!(
                batch,
                "prog run pinned bpf/prog data_in {file} data_out - repeat 1"
            )
            .unwrap();
        }
        fs::write(self.folder.join("batch"), batch).unwrap();
        let printed = self.run("bpftool -j batch file batch");
        assert_eq!(arrays(&printed, "data_out"), frames, "a frame was changed");
        let verdicts: Vec<u32> = numbers(&printed, "retval");
        assert_eq!(verdicts.len(), frames.len(), "{printed}");
        verdicts
    }

    /// Runs the program on the same frame `each` times in each of several processes at once.
    pub fn flood(&mut self, frame: &[u8], each: u32, processes: u32) {
        fs::write(self.folder.join("flood"), frame).unwrap();
        let mut line = String::new();
        for number in 0..processes {
            write!(
                line,
                "bpftool -j prog run pinned bpf/prog data_in flood repeat {each} > flood-{number} & "
            )
            .unwrap();
        }
        self.run(&format!("{line} wait"));
        for number in 0..processes {
            let printed = fs::read_to_string(self.folder.join(format!("flood-{number}"))).unwrap();
            assert_eq!(numbers(&printed, "retval").len(), 1, "{printed}");
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.input.take());
        let ended = self.shell.wait();
        let removed = fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            ended.unwrap();
            removed.unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x} ").unwrap();
        text
    })
}

/// Every array of bytes `"NAME":[…]` in bpftool's JSON. A byte is `"0x0a"` in a map and `10` in a frame.
fn arrays(json: &str, name: &str) -> Vec<Vec<u8>> {
    json.split(&format!("\"{name}\":["))
        .skip(1)
        .map(|rest| rest.split_once(']').unwrap().0)
        .map(|items| items.split(',').map(byte).collect())
        .collect()
}

fn byte(item: &str) -> u8 {
    let item = item.trim().trim_matches('"');
    match item.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).unwrap(),
        None => item.parse().unwrap(),
    }
}

/// Every number `"NAME":123` in bpftool's JSON.
fn numbers(json: &str, name: &str) -> Vec<u32> {
    json.split(&format!("\"{name}\":"))
        .skip(1)
        .map(|rest| rest.split([',', '}']).next().unwrap().parse().unwrap())
        .collect()
}
