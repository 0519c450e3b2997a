//! The duration of a program for a packet, by `BPF_PROG_TEST_RUN`.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::instructions::Counter;
use super::process::finish;
use super::site::Site;
use support::objects::compile::compile_text;
use support::packets::kernel::{Map, Program};

/// Runs of a program in one call. The kernel returns the mean in whole nanoseconds.
const RUNS: i32 = 200_000;
/// Folder of the pins, in a BPF file system of this benchmark alone.
const PINS: &str = "/sys/fs/bpf";

/// Loads an object by libbpf, and creates each map in `maps` with the given type and sizes. The returned folder
/// contains `prog` and the maps.
pub(crate) fn load(object: &Path, name: &str, maps: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(PINS).join(name);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::create_dir(&folder).unwrap();
    let mut load = Command::new("bpftool");
    load.args(["prog", "load"]).arg(object).arg(path("prog"));
    for (map, shape) in maps {
        let mut create = Command::new("bpftool");
        create.args(["map", "create", &path(map)]);
        finish(create.args(shape.split(' ')).args(["name", map]));
        load.args(["map", "name", map, "pinned", &path(map)]);
    }
    if maps.is_empty() {
        load.args(["pinmaps", folder.to_str().unwrap()]);
    }
    // libbpf prints warnings about sections that it does not know.
    load.stderr(Stdio::null());
    finish(&mut load);
    folder
}

/// A program that varies each packet before the measured program runs.
pub(crate) struct Vary {
    program: Program,
    jump: Map,
}

impl Vary {
    /// Loads the program. It varies the source, or with `-DNAME` the name.
    pub(crate) fn new(site: &Site, name: &str, options: &[&str]) -> Self {
        let folder = site.file(name);
        let object = compile_text(include_str!("vary.bpf.c"), name, &folder, options);
        let pins = load(&object, name, &[]);
        Self {
            program: Program::pinned(&pins.join("prog")),
            jump: Map::pinned(&pins.join("jump")),
        }
    }
}

/// The mean cost of one run.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) nanoseconds: f64,
    /// Instructions in the kernel, if the processor counts them.
    pub(crate) instructions: Option<f64>,
}

/// The packets for a program.
#[derive(Clone)]
pub(crate) struct Packets<'a> {
    frame: Vec<u8>,
    vary: Option<&'a Vary>,
}

impl<'a> Packets<'a> {
    /// The same frame, repeated.
    pub(crate) fn same(frame: Vec<u8>) -> Self {
        Self { frame, vary: None }
    }

    /// The frame with another source or name each time.
    pub(crate) fn others(vary: &'a Vary, frame: Vec<u8>) -> Self {
        let vary = Some(vary);
        Self { frame, vary }
    }

    /// Runs a program on the packets. `verdict` is the expected verdict on the last packet.
    pub(crate) fn time(&self, program: &Program, verdict: u32, counter: Option<&Counter>) -> Took {
        let run = match self.vary {
            None => program,
            Some(vary) => {
                let descriptor = program.0.as_raw_fd().to_ne_bytes();
                vary.jump.fill(&[0; 4], &descriptor);
                &vary.program
            }
        };
        let before = counter.map(Counter::read);
        let (made, _, nanoseconds) = run.test_run(&self.frame, &mut [0; 4096], RUNS);
        let after = counter.map(Counter::read);
        assert_eq!(made, verdict, "the verdict");
        let instructions = before.zip(after).map(|(before, after)| after - before);
        Took {
            nanoseconds: f64::from(nanoseconds),
            instructions: instructions.map(|count| count / f64::from(RUNS)),
        }
    }
}

/// The sizes in bytes of a program's rewritten instructions (xlated) and of their machine code (jited).
pub(crate) fn sizes(program: &Program) -> [u32; 2] {
    // SAFETY: bpf_prog_info is plain data; all zero requests no array.
    let mut info: bpf_sys::bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut length = u32::try_from(size_of_val(&info)).unwrap();
    // SAFETY: the kernel writes at most `length` bytes, the size of `info`.
    let result = unsafe {
        bpf_sys::bpf_obj_get_info_by_fd(
            program.0.as_raw_fd(),
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    [info.xlated_prog_len, info.jited_prog_len]
}
