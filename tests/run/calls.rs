//! The lists of system calls, held against what the daemon and its worker ask the kernel for, as strace sees it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use corexdp::daemon::syscalls as daemons;
use corexdp::http::cage::list as workers;
use corexdp::kernel::seccomp::Rule;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::net::{Daemon, PAGE, Response, Site, only_child, threads};
use support::wait::wait_until;

fn corefile(page: &str, more: &str) -> String {
    let block = |interface: &str| {
        // An action and 52 more bytes.
        let entry = format!("02000000{}", "00".repeat(52));
        let metric = format!("metric {interface}_dropped 00000000 48 8 \"Packets.\"");
        format!("ebpf {{\nelf ordered.o\nif {interface}\nmap {entry}\n{metric}\n}}\n")
    };
    let blocks = ["edge0", more].into_iter().filter(|name| !name.is_empty());
    let blocks: String = blocks.map(block).collect();
    format!(". {{\n{page}\ndebug\n{blocks}}}\n")
}

/// One call: its number, and its arguments as they were passed.
type Call = (libc::c_long, Vec<u64>);

/// The calls of one thread, as strace writes them: `[ 257] openat(0xffffff9c, 0x7ffd, 0x80000) = 3`.
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

/// The calls after the last seccomp list came into force; `None` without a list.
fn after_the_list(mut calls: Vec<Call>) -> Option<Vec<Call>> {
    let last = calls.iter().rposition(|call| call.0 == libc::SYS_seccomp)?;
    Some(calls.split_off(last + 1))
}

/// The verdict of the kernel's filter.
fn admits(rule: &Rule, (number, arguments): &Call) -> bool {
    rule.call == *number
        && rule.when.iter().all(|when| {
            let argument = arguments
                .get(usize::from(when.argument))
                .copied()
                .unwrap_or(0);
            argument & u64::from(when.mask) == u64::from(when.value)
        })
}

/// Runs everything that a page and a reload can meet, and gives the calls of the daemon and of its workers.
fn traced() -> (Vec<Call>, Vec<Call>) {
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
    let (mut by_daemon, mut by_workers) = (Vec::new(), Vec::new());
    for file in fs::read_dir(site.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let Some(thread) = path
            .to_string_lossy()
            .rsplit_once("/trace.")
            .map(|(_, id)| id.to_owned())
        else {
            continue;
        };
        let all = calls(&path);
        if thread == pid.to_string() {
            by_daemon = after_the_list(all).expect("the daemon has a list");
        } else if all.iter().all(|call| call.0 != libc::SYS_setpgid) {
            // A worker, or one of its threads, which has the list from its beginning. The keeper is left out.
            by_workers.extend(after_the_list(all.clone()).unwrap_or(all));
        }
    }
    (by_daemon, by_workers)
}

/// The daemon under strace, which would survive the end of strace.
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
    let before = threads(worker);
    crowd(site);
    // `tiny_http` ends a thread that had nothing to do for five seconds, and how it does belongs to the calls.
    wait_until("idle threads of the worker have ended", || {
        let now = threads(worker);
        if now <= before { Ok(()) } else { Err(now) }
    });
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

/// Connections that are open at the same time and have asked something, so that each has a thread.
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

/// Fails when one of the calls is not allowed, or a rule that is said to be always needed is not.
fn fit(whose: &str, seen: &[Call], always: &[Rule], seldom: &[Rule], refused: &[libc::c_long]) {
    assert!(seen.len() > 100, "{whose}: strace saw {}", seen.len());
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
    for number in refused {
        let asked = seen.iter().any(|call| call.0 == *number);
        assert!(asked, "{whose}: nobody asks for {number}, which is refused");
    }
}

#[test]
fn seccomp_lists_match_the_observed_calls() {
    let (by_daemon, by_workers) = traced();
    fit("daemon", &by_daemon, daemons::ALWAYS, daemons::SELDOM, &[]);
    let refused: Vec<_> = workers::REFUSED.iter().map(|refused| refused.0).collect();
    fit(
        "worker",
        &by_workers,
        workers::ALWAYS,
        workers::SELDOM,
        &refused,
    );
}
