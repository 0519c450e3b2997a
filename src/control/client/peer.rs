//! State of the daemon's process, which its client reads from `/proc`.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};

use super::TIMEOUT_SECONDS;
use crate::base::files;
use crate::base::wait::wait;

/// Period of reading the state of the process.
const PERIOD: Duration = Duration::from_millis(500);
/// Maximum size of `/proc/PID/stat` in bytes: 52 fields.
const STAT_SIZE: usize = 4096;

/// The daemon's process.
#[derive(Debug)]
pub(super) struct Peer {
    /// Process id; 0 for a process of another PID namespace.
    pid: i32,
    /// State at the last read; `None` if it is unknown.
    last: Option<State>,
}

/// Reason why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The process has used no CPU time for [`TIMEOUT_SECONDS`].
    Hangs,
    /// The process with this id is stopped.
    Stopped(i32),
    /// The wait failed.
    Failed(Errno),
}

/// State of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Stopped by a signal or a debugger.
    stopped: bool,
    /// CPU time used, in clock ticks.
    ticks: u64,
}

impl Peer {
    /// The process at the other end of `socket`.
    pub(super) fn of(socket: &OwnedFd) -> Self {
        let credentials = getsockopt(socket, sockopt::PeerCredentials);
        Self {
            pid: credentials.map_or(0, |peer| peer.pid()),
            last: None,
        }
    }

    /// Waits until `socket` is readable, while the process uses CPU time.
    pub(super) fn wait(&mut self, socket: &OwnedFd) -> Result<(), NoAnswer> {
        let timeout = Duration::from_secs(TIMEOUT_SECONDS.into());
        let mut idle_since = Instant::now();
        loop {
            let until = Instant::now().checked_add(PERIOD);
            match wait([Some(socket.as_fd())], until) {
                Ok([true]) => return Ok(()),
                Ok([false]) => {}
                Err(errno) => return Err(NoAnswer::Failed(errno)),
            }
            let now = self.read_state();
            // Stopped at two reads in succession: a debugger may stop a process for a moment.
            if now.is_some_and(|now| now.stopped) && now == self.last {
                return Err(NoAnswer::Stopped(self.pid));
            }
            if now != self.last {
                idle_since = Instant::now();
            }
            self.last = now;
            if idle_since.elapsed() >= timeout {
                return Err(NoAnswer::Hangs);
            }
        }
    }

    fn read_state(&self) -> Option<State> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.pid));
        let text = files::read(&path, STAT_SIZE).ok()?;
        State::parse(std::str::from_utf8(&text).ok()?)
    }
}

impl State {
    /// Parses `/proc/PID/stat` (`proc_pid_stat(5)`).
    fn parse(text: &str) -> Option<Self> {
        // The command's name, in parentheses, may contain parentheses and spaces.
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let stopped = matches!(fields.next()?, "T" | "t");
        // Fields 14 and 15: CPU time in user mode and in the kernel.
        let mut times = fields.skip(10).map(str::parse);
        let (user, system): (u64, u64) = (times.next()?.ok()?, times.next()?.ok()?);
        Some(Self {
            stopped,
            ticks: user.saturating_add(system),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_cpu_time_are_parsed() {
        let stat =
            |state| format!("12 (a) b) {state} 1 12 12 0 -1 4194560 1 0 0 0 70 8 0 0 20 0 1");
        for (text, expected) in [
            (stat("S"), Some((false, 78))),
            (stat("T"), Some((true, 78))),
            (stat("t"), Some((true, 78))),
            ("12 (a) S 1".into(), None),
            (String::new(), None),
        ] {
            let expected = expected.map(|(stopped, ticks)| State { stopped, ticks });
            assert_eq!(State::parse(&text), expected, "{text}");
        }
        let this = Peer {
            pid: std::process::id().cast_signed(),
            last: None,
        };
        assert!(this.read_state().is_some_and(|state| !state.stopped));
    }
}
