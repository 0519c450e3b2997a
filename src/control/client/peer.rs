//! The process of the daemon, as its client sees it in `/proc`.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};

use super::PATIENCE_SECONDS;
use crate::base::files;
use crate::base::wait::wait;

/// Delay before the first look at the process, and between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Most bytes of `/proc/PID/stat`: 52 numbers and a name.
const STAT_SIZE: usize = 4096;

/// The daemon's process.
pub(super) struct Peer {
    /// 0 for a process of another PID namespace.
    pid: i32,
    last: Option<State>,
}

/// Reason why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The process has used no CPU time for [`PATIENCE_SECONDS`].
    Hangs,
    /// The process with this id is stopped.
    Stopped(i32),
    /// The wait failed.
    Failed(Errno),
}

/// State of a process at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Stopped by a signal or a debugger.
    stopped: bool,
    /// CPU time used, in clock ticks.
    ticks: u64,
}

impl Peer {
    /// The process that listens at the other end of `socket`.
    pub(super) fn of(socket: &OwnedFd) -> Self {
        let known = getsockopt(socket, sockopt::PeerCredentials);
        Self {
            pid: known.map_or(0, |peer| peer.pid()),
            last: None,
        }
    }

    /// Waits until `socket` is readable, as long as the process works.
    pub(super) fn wait(&mut self, socket: &OwnedFd) -> Result<(), Silence> {
        let patience = Duration::from_secs(PATIENCE_SECONDS.into());
        let mut idle_since = Instant::now();
        loop {
            let until = Instant::now().checked_add(LOOK_EVERY);
            match wait([Some(socket.as_fd())], until) {
                Ok([true]) => return Ok(()),
                Ok([false]) => {}
                Err(errno) => return Err(Silence::Failed(errno)),
            }
            let now = self.look();
            // Twice in succession: a debugger stops a process for a moment.
            if now.is_some_and(|now| now.stopped) && now == self.last {
                return Err(Silence::Stopped(self.pid));
            }
            if now != self.last {
                idle_since = Instant::now();
            }
            self.last = now;
            if idle_since.elapsed() >= patience {
                return Err(Silence::Hangs);
            }
        }
    }

    fn look(&self) -> Option<State> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.pid));
        let text = files::read(&path, STAT_SIZE).ok()?;
        State::parse(std::str::from_utf8(&text).ok()?)
    }
}

impl State {
    /// Parses `/proc/PID/stat` (`proc_pid_stat(5)`).
    fn parse(text: &str) -> Option<Self> {
        // The name before may have parentheses too.
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let stopped = matches!(fields.next()?, "T" | "t");
        // Fields 14 and 15: the time in user mode and in the kernel.
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
        assert!(this.look().is_some_and(|state| !state.stopped));
    }
}
