//! The peers' processes.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use support::wait::wait_until;

/// Address of the node exporter's page.
pub(crate) const EXPORTER_PAGE: &str = "127.0.0.1:9100";
/// Path of the node exporter.
pub(crate) const EXPORTER: &str = "/usr/bin/prometheus-node-exporter";
/// Collectors with about as many series in total as corexdp at its limit.
const COLLECTORS: [&str; 10] = [
    "cpu", "filefd", "loadavg", "meminfo", "netdev", "netstat", "sockstat", "stat", "time",
    "vmstat",
];

/// The cost of a process from before its start until its end.
pub(crate) struct Spent {
    pub(crate) time: Duration,
    /// CPU time of all threads, in the kernel and in user space.
    pub(crate) processor_time: Duration,
}

/// Runs a command that must succeed.
pub(crate) fn finish(command: &mut Command) -> Spent {
    finish_with(command, 0)
}

/// Runs a command that must end with this exit code.
pub(crate) fn finish_with(command: &mut Command, code: i32) -> Spent {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if code != 0 {
        // The expected failure prints an error message.
        command.stderr(Stdio::null());
    }
    let (start, used) = (Instant::now(), processor_time());
    let status = command.status();
    let spent = Spent {
        time: start.elapsed(),
        processor_time: processor_time().saturating_sub(used),
    };
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert_eq!(status.code(), Some(code), "{command:?}");
    spent
}

/// CPU time of all child processes that have ended.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap())
}

/// A running node exporter. Dropping it ends the process.
pub(crate) struct Exporter(Child);

impl Exporter {
    /// Starts a node exporter, and waits until it serves.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(EXPORTER);
        command
            .arg(format!("--web.listen-address={EXPORTER_PAGE}"))
            .arg("--collector.disable-defaults")
            .args(COLLECTORS.map(|name| format!("--collector.{name}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .expect("prometheus-node-exporter runs; it is a Debian package");
        wait_until("the node exporter listens", || {
            TcpStream::connect(EXPORTER_PAGE).ok()
        });
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory of these processes in bytes (PSS: each shared page is divided by its users).
pub(crate) fn proportional_memory(pids: &[u32]) -> u64 {
    pids.iter()
        .map(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kibibytes = line.and_then(|line| line.split_whitespace().next());
            kibibytes.unwrap().parse::<u64>().unwrap() * 1024
        })
        .sum()
}

/// The number of voluntary context switches of each thread of these processes, which is the number of its wake-ups.
pub(crate) fn sleeps(pids: &[u32]) -> Vec<(String, u64)> {
    let mut threads = Vec::new();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let path = task.unwrap().path();
            // The thread may have ended.
            let Ok(text) = fs::read_to_string(path.join("status")) else {
                continue;
            };
            let count = text
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let count = count.unwrap().trim().parse().unwrap();
            threads.push((path.to_string_lossy().into_owned(), count));
        }
    }
    threads
}
