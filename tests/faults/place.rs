//! Where one case after the other is tried: a site with a BPF file system and an object of its own, so that all that
//! the daemon does and leaves there can be told from what others do.

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

/// Longer than the worker waits for the daemon.
const ANSWER: Duration = Duration::from_secs(8);
const PINS: &str = "/sys/fs/bpf/corexdp";

pub(crate) struct Place {
    pub(crate) site: Site,
    tag: String,
}

/// The attached program, the pins, and the kernel objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) program: Option<u64>,
    pub(crate) pins: Vec<PathBuf>,
    pub(crate) objects: Objects,
}

/// Gives this thread, and what it starts, a BPF file system of its own, where nobody else pins.
pub(crate) fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may have mounts of its own");
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
        // A map's name has 15 bytes at most, and is an identifier in C.
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

    /// `corexdp reload`, through.
    pub(crate) fn reload(&self) -> Outcome {
        self.site.ask(&["reload"])
    }

    /// Where strace writes.
    pub(crate) fn trace(&self) -> PathBuf {
        self.site.folder.file("trace")
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            program: Attached::on(&self.site.server, SERVER).map(|attached| attached.id),
            pins: pins(),
            objects: Objects::of(&self.tag),
        }
    }

    /// Waits until there is nothing any more of what was started here; in the kernel that takes a moment.
    pub(crate) fn nothing_left(&self) {
        self.comes_to(|standing| {
            standing.program.is_none() && standing.pins.is_empty() && standing.objects.is_empty()
        });
    }

    /// Waits until there are so many maps, programs and links.
    pub(crate) fn comes_to_have(&self, count: [usize; 3]) {
        self.comes_to(|standing| standing.objects.count() == count);
    }

    /// Waits until all is as it was.
    pub(crate) fn comes_back_to(&self, before: &Standing) {
        self.comes_to(|standing| standing == before);
    }

    /// Fails if there is more than one filter takes, unless the daemon has said that it could not clear away another.
    pub(crate) fn has_one_filter(&self, daemon: &Daemon) {
        self.comes_to(|standing| {
            standing.objects.programs.len() == 1
                || !daemon.lines_with("an earlier state remains").is_empty()
        });
    }

    fn comes_to(&self, good: impl Fn(&Standing) -> bool) {
        wait_until("nothing leaks", || {
            let standing = self.standing();
            if good(&standing) {
                Ok(())
            } else {
                Err(standing)
            }
        });
    }

    /// Takes away what `exit hold` keeps.
    pub(crate) fn clear(&self) {
        if Path::new(PINS).exists() {
            fs::remove_dir_all(PINS).unwrap();
        }
        self.nothing_left();
    }

    /// The body of a page that is answered with 200.
    pub(crate) fn get(&self, port: u16, path: &str) -> io::Result<String> {
        self.site.server.enter(|| get(port, path))
    }

    /// Succeeds once the version is attached, filled and shown on its page.
    pub(crate) fn serves(&self, version: &Version) -> Result<(), String> {
        let page = self.get(version.port, "/metrics");
        let page = page.map_err(|error| format!("no page for {version:?}: {error}"))?;
        version.is_told_by(&page)?;
        let Standing {
            program, objects, ..
        } = self.standing();
        let attached = program.and_then(|id| u32::try_from(id).ok());
        if attached.is_none_or(|id| !objects.programs.contains(&id)) {
            return Err(format!("{attached:?} is attached: {objects:?}"));
        }
        Ok(())
    }

    /// Waits until it serves the version; a moment is allowed in which the page's worker is made again.
    pub(crate) fn comes_to_serve(&self, version: &Version) {
        wait_until("the version is served", || self.serves(version));
    }
}

/// All that is pinned.
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

/// A request from within the namespace.
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

/// The targets of a process's descriptors, without the numbers of sockets and the like.
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

/// Waits until the descriptors are these again: a connection's end takes a moment.
pub(crate) fn descriptors_are(pid: u32, expected: &[String]) {
    wait_for("the list of descriptors", &expected.to_vec(), || {
        descriptors(pid)
    });
}
