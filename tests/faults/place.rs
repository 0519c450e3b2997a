//! The place of one case after the other: a site with its own BPF file system and its own object, so that the objects
//! of other tests cannot be confused with its own.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

use crate::left::Objects;
use crate::version::Version;
use support::net::{Attached, Daemon, Outcome, SERVER, Site};
use support::objects::compile::compile_with;
use support::wait::{wait_for, wait_until};

/// Longer than the time that the worker waits for the daemon.
const ANSWER: Duration = Duration::from_secs(8);
const PINS: &str = "/sys/fs/bpf/corexdp";

pub(crate) struct Place {
    pub(crate) site: Site,
    tag: String,
}

/// The attached program, the pins, and the kernel objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) program: Option<u64>,
    pub(crate) pins: Vec<PathBuf>,
    pub(crate) objects: Objects,
}

/// Gives this thread and its children their own BPF file system.
pub(crate) fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root can create a mount namespace");
    for words in [
        &["--make-rprivate", "/"][..],
        &["-t", "bpf", "-o", "mode=0700", "bpf", "/sys/fs/bpf"],
    ] {
        let status = Command::new("mount").args(words).status().unwrap();
        assert!(status.success(), "mount {words:?}: {status}");
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let site = Site::new();
        // A map's name has at most 15 bytes and is a C identifier.
        let tag = site.server.name().replace('-', "_");
        assert!(tag.len() <= 15, "{tag}");
        let tagged = format!("-DTAG={tag}");
        compile_with("faults", site.folder.path(), &[&tagged]);
        compile_with(
            "faults",
            &site.folder.file("other"),
            &[&tagged, "-DQUEUE=0xfffe"],
        );
        Self { site, tag }
    }

    pub(crate) fn write(&self, version: &Version) {
        self.site.folder.write("Corefile", &version.corefile());
    }

    /// `corexdp run`.
    pub(crate) fn daemon(&self) -> Command {
        let mut command = self.site.command("run", &["--pidfile", "pid"]);
        command.env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs `corexdp reload` to its end.
    pub(crate) fn reload(&self) -> Outcome {
        self.site.ask(&["reload"])
    }

    /// The path of strace's output.
    pub(crate) fn trace(&self) -> PathBuf {
        self.site.folder.file("trace")
    }

    pub(crate) fn state(&self) -> State {
        State {
            program: Attached::on(&self.site.server, SERVER).map(|attached| attached.id),
            pins: pins(),
            objects: Objects::of(&self.tag),
        }
    }

    /// Waits until nothing of the daemon is left. The kernel frees objects asynchronously.
    pub(crate) fn wait_for_nothing(&self) {
        self.wait_for(|state| {
            state.program.is_none() && state.pins.is_empty() && state.objects.is_empty()
        });
    }

    /// Waits until the numbers of maps, programs and links are `count`.
    pub(crate) fn wait_for_count(&self, count: [usize; 3]) {
        self.wait_for(|state| state.objects.count() == count);
    }

    /// Waits until the state equals `before`.
    pub(crate) fn wait_for_state(&self, before: &State) {
        self.wait_for(|state| state == before);
    }

    /// Waits until only the objects of one filter are left, unless the daemon has logged that it could not remove
    /// another.
    pub(crate) fn has_one_filter(&self, daemon: &Daemon) {
        self.wait_for(|state| {
            state.objects.programs.len() == 1
                || !daemon
                    .lines_with("cannot remove the pins of an earlier state")
                    .is_empty()
        });
    }

    fn wait_for(&self, good: impl Fn(&State) -> bool) {
        wait_until("nothing leaks", || {
            let state = self.state();
            if good(&state) { Ok(()) } else { Err(state) }
        });
    }

    /// Removes the pins of `exit hold`.
    pub(crate) fn clear(&self) {
        if Path::new(PINS).exists() {
            fs::remove_dir_all(PINS).unwrap();
        }
        self.wait_for_nothing();
    }

    /// Requests a page, and returns its body if the status is 200.
    pub(crate) fn get(&self, port: u16, path: &str) -> io::Result<String> {
        self.site.server.enter(|| get(port, path))
    }

    /// Succeeds if the version is attached, and its page shows its values.
    pub(crate) fn serves(&self, version: &Version) -> Result<(), String> {
        let page = self.get(version.port, "/metrics");
        let page = page.map_err(|error| format!("no page for {version:?}: {error}"))?;
        version.is_shown_by(&page)?;
        let State {
            program, objects, ..
        } = self.state();
        let attached = program.and_then(|id| u32::try_from(id).ok());
        if attached.is_none_or(|id| !objects.programs.contains(&id)) {
            return Err(format!("{attached:?} is attached: {objects:?}"));
        }
        Ok(())
    }

    /// Waits until the version is served. The page's worker may be restarting.
    pub(crate) fn wait_to_serve(&self, version: &Version) {
        wait_until("the version is served", || self.serves(version));
    }
}

/// All paths below the folder of the pins.
fn pins() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(PINS)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Sends a request in the network namespace of the calling thread.
fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(ANSWER))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer
        .strip_prefix("HTTP/1.1 200 ")
        .and_then(|rest| rest.split_once("\r\n\r\n"));
    match body {
        Some((_, body)) => Ok(body.to_owned()),
        None => Err(io::Error::other(format!("the answer {answer:?}"))),
    }
}

/// The targets of a process's descriptors, without inode numbers of sockets and the like.
pub(crate) fn descriptors(pid: u32) -> Vec<String> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = open.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    let mut names: Vec<String> = links
        .map(|link| {
            let link = link.to_string_lossy();
            link.split(":[").next().unwrap_or_default().to_owned()
        })
        .collect();
    names.sort();
    names
}

/// Waits until the descriptors are the expected ones: closed connections disappear a moment later.
pub(crate) fn descriptors_are(pid: u32, expected: &[String]) {
    wait_for("the list of descriptors", &expected.to_vec(), || {
        descriptors(pid)
    });
}
