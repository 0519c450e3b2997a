//! The seccomp lists, compared with the system calls of the daemon, its keeper and its worker that strace records.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use corexdp::daemon::syscalls as daemons;
use corexdp::http::cage::list as workers;
use corexdp::http::keeper::syscalls as keepers;
use corexdp::kernel::seccomp::Rule;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::net::{Daemon, PAGE, Response, Site, only_child};

fn corefile(page: &str, more: &str) -> String {
    let block = |interface: &str| {
        // `action` and 44 bytes of counters.
        let entry = format!("00000001{}", "00".repeat(44));
        let metric = format!("metric {interface}_dropped 00000000 44 4 \"Packets.\"");
        format!("ebpf {{\nelf ordered.o\nif {interface}\nmap {entry}\n{metric}\n}}\n")
    };
    let blocks = ["edge0", more].into_iter().filter(|name| !name.is_empty());
    let blocks: String = blocks.map(block).collect();
    format!(". {{\n{page}\ndebug\n{blocks}}}\n")
}

/// A system call: its number and its raw arguments.
type Call = (libc::c_long, Vec<u64>);

/// Parses the calls of one thread from strace's file: `[ 257] openat(0xffffff9c, 0x7ffd, 0x80000) = 3`.
fn calls(file: &Path) -> Vec<Call> {
    let text = fs::read_to_string(file).unwrap();
    let call = |line: &str| {
        let (number, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let (_, arguments) = rest.split_once('(')?;
        let (arguments, _) = arguments.split_once(')')?;
        let value = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16);
        let values = arguments.split(", ").map(|text| value(text).unwrap_or(0));
        Some((number.trim().parse().ok()?, values.collect()))
    };
    text.lines().filter_map(call).collect()
}

/// Takes the calls after the last seccomp list was installed; all calls if none was.
fn take_after_the_list(calls: &mut Vec<Call>) -> Vec<Call> {
    let last = calls.iter().rposition(|call| call.0 == libc::SYS_seccomp);
    calls.split_off(last.map_or(0, |last| last + 1))
}

/// The calls that each list must allow.
#[derive(Default)]
struct Observed {
    daemon: Vec<Call>,
    /// Includes the calls of a new worker before it installs its own list.
    keeper: Vec<Call>,
    workers: Vec<Call>,
}

/// True if the rule allows the call, decided as the kernel's filter does.
fn admits(rule: &Rule, (number, arguments): &Call) -> bool {
    rule.call == *number
        && rule.conditions.iter().all(|when| {
            let argument = arguments
                .get(usize::from(when.argument))
                .copied()
                .unwrap_or(0);
            argument & when.mask == when.value
        })
}

/// Runs the daemon through everything that its page and a reload can meet.
fn traced() -> Observed {
    let site = Site::new();
    site.folder.shipped("ordered");
    site.add_wire("edge1", "far1");
    site.folder.write("Corefile", &corefile("prometheus", ""));
    let corexdp = site.command("run", &["--pidfile", "pid"]);
    let mut strace = Command::new("strace");
    strace.current_dir(site.folder.path());
    strace.args(["-ff", "-n", "-e", "raw=all", "-o", "trace"]);
    strace.arg(corexdp.get_program()).args(corexdp.get_args());
    let daemon = site.server.enter(|| Daemon::spawn(&mut strace));
    daemon.line("page: ");
    let pid = fs::read_to_string(site.folder.file("pid")).unwrap();
    let pid: i32 = pid.trim().parse().unwrap();
    let traced = Traced(Pid::from_raw(pid));
    work(&site, &daemon, pid);
    drop(traced);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    let mut observed = Observed::default();
    for file in fs::read_dir(site.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let Some(thread) = path
            .to_string_lossy()
            .rsplit_once("/trace.")
            .map(|(_, id)| id.to_owned())
        else {
            continue;
        };
        let mut before = calls(&path);
        let after = take_after_the_list(&mut before);
        if thread == pid.to_string() {
            observed.daemon = after;
        } else if before.iter().any(|call| call.0 == libc::SYS_setpgid) {
            observed.keeper.extend(after);
        } else {
            // A worker.
            observed.keeper.extend(before);
            observed.workers.extend(after);
        }
    }
    observed
}

/// Stops the daemon under strace, which would outlive strace.
struct Traced(Pid);

impl Drop for Traced {
    fn drop(&mut self) {
        kill(self.0, Signal::SIGTERM).unwrap();
    }
}

fn work(site: &Site, daemon: &Daemon, pid: i32) {
    for request in [
        "GET /metrics",
        "HEAD /",
        "GET /status",
        "GET /nowhere",
        "POST /metrics",
        "BREW /",
    ] {
        Response::to(&site.server, PAGE, &format!("{request} HTTP/1.1"));
    }
    for words in ["status", "dump"] {
        site.ask(&[words]).expect(0, &[]);
    }
    let worker = only_child(only_child(pid.cast_unsigned()));
    crowd(site);
    kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL).unwrap();
    daemon.line("the worker died");
    assert_eq!(site.get("/metrics").status, 200);
    let pages = ["prometheus localhost:9154", "", "prometheus"];
    for (number, page) in pages.into_iter().enumerate() {
        site.folder.write("Corefile", &corefile(page, "edge1"));
        kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
        daemon.nth_line(number, "reload: done");
    }
    site.folder
        .write("Corefile", &corefile("prometheus", "edge2"));
    kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
    daemon.line("reload: nothing was changed");
    assert_eq!(site.get("/").status, 200);
}

/// Opens connections that each send a request before any response is read.
fn crowd(site: &Site) {
    let connect = || TcpStream::connect(PAGE).unwrap();
    let connections = site
        .server
        .enter(|| (0..16).map(|_| connect()).collect::<Vec<_>>());
    for mut connection in &connections {
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: edge\r\n\r\n")
            .unwrap();
    }
    for mut connection in &connections {
        let mut begin = [0; 13];
        connection.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200 ");
    }
}

/// Fails if a call is not allowed, or if no call needs a rule of `always`.
fn fit(whose: &str, seen: &[Call], always: &[Rule], seldom: &[Rule], refused: &[libc::c_long]) {
    assert!(seen.len() > 50, "{whose}: strace saw {}", seen.len());
    for call in seen {
        let known = always.iter().chain(seldom).any(|rule| admits(rule, call));
        assert!(
            known || refused.contains(&call.0),
            "{whose}: {call:x?} is not in the list"
        );
    }
    let unneeded: Vec<_> = always
        .iter()
        .filter(|rule| !seen.iter().any(|call| admits(rule, call)))
        .collect();
    assert!(unneeded.is_empty(), "{whose}: no run needs {unneeded:#?}");
}

#[test]
fn seccomp_lists_match_the_observed_calls() {
    let observed = traced();
    let Observed {
        daemon,
        keeper,
        workers,
    } = &observed;
    fit("daemon", daemon, daemons::ALWAYS, daemons::RARE, &[]);
    fit("worker", workers, workers::ALWAYS, workers::RARE, &[]);
    let seldom = [keepers::RARE, workers::ALWAYS, workers::RARE].concat();
    // Calls that a libc tries and can do without.
    let refused = [libc::SYS_clone3, libc::SYS_openat];
    fit("keeper", keeper, keepers::ALWAYS, &seldom, &refused);
}
