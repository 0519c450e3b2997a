//! The daemon, running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::outcome::end;
use crate::wait::{PATIENCE, wait_for, wait_until};

/// A running `corexdp run`. Dropping it kills that process, and no other.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
}

/// The lines so far, and the time of each.
#[derive(Default)]
struct Log {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<(Instant, String)>,
    ended: bool,
}

impl Daemon {
    /// Starts it, inside the namespace of the calling thread.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Log::default());
        let (pipe, filled) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || filled.fill(pipe));
        Self { child, log }
    }

    /// Waits until `filters` of them are attached.
    pub fn attached(self, filters: usize) -> Self {
        for number in 0..filters {
            self.nth_line(number, " attached ");
        }
        self
    }

    /// The first line that contains `part`, as soon as it is there, and when it came.
    pub fn line(&self, part: &str) -> (Instant, String) {
        self.nth_line(0, part)
    }

    /// As [`Daemon::line`], for the line after `skip` such ones.
    pub fn nth_line(&self, skip: usize, part: &str) -> (Instant, String) {
        let found = |said: &Said| {
            let mut lines = said.lines.iter().filter(|(_, line)| line.contains(part));
            lines.nth(skip).cloned()
        };
        let said = self.log.said.lock().unwrap();
        let waits = |said: &mut Said| found(said).is_none() && !said.ended;
        let (said, _) = self
            .log
            .more
            .wait_timeout_while(said, PATIENCE, waits)
            .unwrap();
        let (line, ended, lines) = (found(&said), said.ended, texts(&said));
        // A panic under the lock would be a second one for whoever still writes.
        drop(said);
        line.unwrap_or_else(|| panic!("no line with {part:?} (ended: {ended}): {lines:#?}"))
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        texts(&self.log.said.lock().unwrap())
    }

    /// The lines so far that contain `part`.
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| line.contains(part));
        lines
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process that makes workers.
    pub fn keeper(&self) -> u32 {
        only_child(self.pid())
    }

    /// The process that serves the page.
    pub fn worker(&self) -> u32 {
        only_child(self.keeper())
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Waits for the end of it: the exit code (none if a signal ended it) and all it said.
    pub fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = end(&mut self.child);
        let said = self.log.said.lock().unwrap();
        let waits = |said: &mut Said| !said.ended;
        let (said, _) = self
            .log
            .more
            .wait_timeout_while(said, PATIENCE, waits)
            .unwrap();
        let lines = texts(&said);
        drop(said);
        let status = status.unwrap_or_else(|| panic!("it did not end: {lines:#?}"));
        (status.code(), lines)
    }

    /// Ends it with SIGKILL, and waits until its keeper and its worker have ended too: until then they may hold the
    /// addresses of the page, which the next daemon needs. Gives all it said.
    pub fn kill(self) -> Vec<String> {
        let (keeper, worker) = (self.keeper(), self.worker());
        self.signal(Signal::SIGKILL);
        let (code, lines) = self.ended();
        assert_eq!(code, None, "{lines:#?}");
        for pid in [keeper, worker] {
            wait_for("whether a process of the daemon lives", &false, || {
                lives(pid)
            });
        }
        lines
    }

    /// Ends it with SIGTERM, which must succeed; gives all it said.
    pub fn stop(self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        let (code, lines) = self.ended();
        assert_eq!(code, Some(0), "{lines:#?}");
        lines
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Does nothing to one that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn fill(&self, pipe: ChildStderr) {
        for line in BufReader::new(pipe).lines() {
            let line = (Instant::now(), line.unwrap());
            self.said.lock().unwrap().lines.push(line);
            self.more.notify_all();
        }
        self.said.lock().unwrap().ended = true;
        self.more.notify_all();
    }
}

fn texts(said: &Said) -> Vec<String> {
    said.lines.iter().map(|(_, line)| line.clone()).collect()
}

/// The one process that another has, as soon as it has one and no more: a child that is being replaced may still end.
pub fn only_child(parent: u32) -> u32 {
    let file = format!("/proc/{parent}/task/{parent}/children");
    wait_until(&format!("{parent} has one child process"), || {
        let children = fs::read_to_string(&file).unwrap();
        let pids = children.split_whitespace().map(|pid| pid.parse().unwrap());
        let pids: Vec<u32> = pids.filter(|&pid| lives(pid)).collect();
        if let [child] = pids[..] {
            Ok(child)
        } else {
            Err(pids)
        }
    })
}

/// True if a process is there and no zombie.
pub fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name before may hold anything, parentheses too.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state != Some('Z')
}

/// The number of threads of a process.
pub fn threads(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let number = lines.find_map(|line| line.strip_prefix("Threads:"));
    number.unwrap().trim().parse().unwrap()
}

/// The largest resident set a process has had, in bytes.
pub fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}

/// A time in which nothing is to happen. Never for a state that is to come: that is for [`wait_until`].
pub fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}
