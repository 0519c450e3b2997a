//! Notifications to the service manager (`sd_notify(3)`), such as systemd. Without the variable `NOTIFY_SOCKET` nothing is
//! sent.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Bytes of a notification. A longer notification is cut.
const NOTIFICATION_SIZE: usize = 512;

/// Time that a start may take in addition to its waits for interfaces.
const START_MARGIN: Duration = Duration::from_mins(1);

type Notification = heapless::String<NOTIFICATION_SIZE>;

/// The connection to the service manager.
#[derive(Debug, Default)]
pub(super) struct Manager {
    socket: Option<UnixDatagram>,
    /// Half of the watchdog interval, and the time of the next keep-alive.
    watchdog: Option<(Duration, Instant)>,
    /// The last status that was sent.
    last_status: Notification,
}

impl Manager {
    /// Connects to the socket in `NOTIFY_SOCKET`, if the variable is set.
    ///
    /// # Errors
    /// When the socket cannot be reached.
    pub(super) fn from_environment() -> io::Result<Self> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
            return Ok(Self::default());
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address(&name)?)?;
        let interval = keep_alive_interval(
            std::env::var("WATCHDOG_USEC").ok(),
            std::env::var("WATCHDOG_PID").ok(),
        );
        Ok(Self {
            socket: Some(socket),
            watchdog: interval.map(|interval| (interval, Instant::now())),
            last_status: Notification::new(),
        })
    }

    /// Sends `READY=1`: all filters are attached. Listeners may still be closed.
    pub(super) fn ready(&self) {
        self.send("READY=1");
    }

    /// Requests time to wait for interfaces (systemd 236): a `wait` may be longer than the limit on starts
    /// (`TimeoutStartSec=`, by default 90 s).
    pub(super) fn extend_start(&self, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        let mut text = Notification::new();
        let time = microseconds(wait.saturating_add(START_MARGIN));
        if write!(text, "EXTEND_TIMEOUT_USEC={time}").is_ok() {
            self.send(&text);
        }
    }

    /// Sends `RELOADING=1`. [`Manager::ready`] must follow, also after a failed reload.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
        let mut text = Notification::new();
        let since = microseconds(now.unwrap_or_default());
        if write!(text, "RELOADING=1\nMONOTONIC_USEC={since}").is_ok() {
            self.send(&text);
        }
    }

    /// Sends `STOPPING=1`.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Sends the daemon's state in one line, if the line has changed.
    pub(super) fn status(&mut self, state: fmt::Arguments<'_>) {
        if self.socket.is_none() {
            return;
        }
        let mut text = Notification::new();
        // A longer text is truncated.
        let _ = write!(text, "STATUS={state}");
        if text != self.last_status {
            self.send(&text);
            self.last_status = text;
        }
    }

    /// Time of the next [`Manager::keep_alive`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.watchdog.map(|(_, at)| at)
    }

    /// Sends `WATCHDOG=1` if it is due. Returns true if it was.
    pub(super) fn keep_alive(&mut self) -> bool {
        let now = Instant::now();
        let due = self.watchdog.filter(|(_, at)| *at <= now);
        if let Some((interval, _)) = due {
            self.send("WATCHDOG=1");
            self.watchdog = Some((interval, now + interval));
        }
        due.is_some()
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // Errors are ignored: filters do not depend on notifications.
            let _ = socket.send(text.as_bytes());
        }
    }
}

/// The address of a path; a name that begins with `@` is abstract (unix(7)).
fn address(name: &OsString) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

/// Half of `WATCHDOG_USEC`, unless `WATCHDOG_PID` names another process.
fn keep_alive_interval(microseconds: Option<String>, pid: Option<String>) -> Option<Duration> {
    let is_this_process = |pid: String| pid.parse() == Ok(std::process::id());
    let microseconds: u64 = microseconds?.parse().ok()?;
    let enabled = microseconds > 0 && pid.is_none_or(is_this_process);
    enabled.then(|| Duration::from_micros(microseconds) / 2)
}

/// A time as systemd wants it. The code that prints 128 bits would take 1 KB.
fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchdog_of_another_process_is_ignored() {
        let this_process = std::process::id().to_string();
        for (microseconds, pid, expected) in [
            (None, None, None),
            (Some("3000000"), None, Some(1_500)),
            (Some("3000000"), Some(this_process.as_str()), Some(1_500)),
            (Some("3000000"), Some("1"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
        ] {
            let interval = keep_alive_interval(microseconds.map(Into::into), pid.map(Into::into));
            assert_eq!(interval, expected.map(Duration::from_millis));
        }
    }
}
