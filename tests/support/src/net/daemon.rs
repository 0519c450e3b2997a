//! A running daemon, its log and its processes.

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

/// The lines of standard error so far, each with its time of arrival.
#[derive(Default)]
struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<(Instant, String)>,
    ended: bool,
}

impl Daemon {
    /// Starts the command inside the network namespace of the calling thread.
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

    /// Waits until the daemon has attached `filters` filters.
    pub fn attached(self, filters: usize) -> Self {
        for number in 0..filters {
            self.nth_line(number, " attached ");
        }
        self
    }

    /// Waits for the first line that contains `part`, and returns its time of arrival and its text.
    pub fn line(&self, part: &str) -> (Instant, String) {
        self.nth_line(0, part)
    }

    /// Like [`Daemon::line`], but skips the first `skip` lines that contain `part`.
    pub fn nth_line(&self, skip: usize, part: &str) -> (Instant, String) {
        let found = |state: &State| {
            let mut lines = state.lines.iter().filter(|(_, line)| line.contains(part));
            lines.nth(skip).cloned()
        };
        let state = self.log.state.lock().unwrap();
        let waits = |state: &mut State| found(state).is_none() && !state.ended;
        let (state, _) = self
            .log
            .changed
            .wait_timeout_while(state, PATIENCE, waits)
            .unwrap();
        let (line, ended, lines) = (found(&state), state.ended, texts(&state));
        // A panic under the lock would poison it for the thread that fills the log.
        drop(state);
        line.unwrap_or_else(|| panic!("no line with {part:?} (ended: {ended}): {lines:#?}"))
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        texts(&self.log.state.lock().unwrap())
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

    /// The keeper, the process that starts workers.
    pub fn keeper(&self) -> u32 {
        only_child(self.pid())
    }

    /// The worker, the process that serves the page.
    pub fn worker(&self) -> u32 {
        only_child(self.keeper())
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Waits for the end of the process. Returns its exit code (`None` if a signal ended it) and all its lines.
    pub fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = end(&mut self.child);
        let state = self.log.state.lock().unwrap();
        let waits = |state: &mut State| !state.ended;
        let (state, _) = self
            .log
            .changed
            .wait_timeout_while(state, PATIENCE, waits)
            .unwrap();
        let lines = texts(&state);
        drop(state);
        let status = status.unwrap_or_else(|| panic!("the daemon did not end: {lines:#?}"));
        (status.code(), lines)
    }

    /// Kills the daemon with SIGKILL, and waits until its keeper and its worker have ended too: until then they may
    /// hold the addresses of the page, which the next daemon needs. Returns all its lines.
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

    /// Stops the daemon with SIGTERM, which must succeed. Returns all its lines.
    pub fn stop(self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        let (code, lines) = self.ended();
        assert_eq!(code, Some(0), "{lines:#?}");
        lines
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Killing a process that was waited for has no effect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn fill(&self, pipe: ChildStderr) {
        for line in BufReader::new(pipe).lines() {
            let line = (Instant::now(), line.unwrap());
            self.state.lock().unwrap().lines.push(line);
            self.changed.notify_all();
        }
        self.state.lock().unwrap().ended = true;
        self.changed.notify_all();
    }
}

fn texts(state: &State) -> Vec<String> {
    state.lines.iter().map(|(_, line)| line.clone()).collect()
}

/// Waits until a process has exactly one live child, and returns its id: a child that is being replaced may still be
/// there.
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

/// True if the process exists and is not a zombie.
pub fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name of the process comes before the state and may contain parentheses.
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

/// The peak resident set of a process, in bytes.
pub fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}

/// Pauses while nothing must happen. A state that must come is awaited by [`wait_until`] instead.
pub fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}
