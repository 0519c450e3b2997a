//! What the service manager is told (`sd_notify(3)`): systemd, or whoever sets `NOTIFY_SOCKET`. Without one, nothing.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Bytes of a message; what is longer is cut.
const MESSAGE: usize = 512;

type Text = heapless::String<MESSAGE>;

/// The way to the service manager.
#[derive(Debug, Default)]
pub(super) struct Manager {
    socket: Option<UnixDatagram>,
    /// How often it wants to hear that the daemon lives, halved, and when the next time is.
    watchdog: Option<(Duration, Instant)>,
    /// The last state in words that it was told.
    said: Text,
}

impl Manager {
    /// The manager that the environment names, if any.
    ///
    /// # Errors
    /// When it names one that can't be reached.
    pub(super) fn from_environment() -> io::Result<Self> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
            return Ok(Self::default());
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address(&name)?)?;
        let period = watchdog(
            std::env::var("WATCHDOG_USEC").ok(),
            std::env::var("WATCHDOG_PID").ok(),
        );
        Ok(Self {
            socket: Some(socket),
            watchdog: period.map(|period| (period, Instant::now())),
            said: Text::new(),
        })
    }

    /// Every filter stands, and what is to be served is.
    pub(super) fn ready(&self) {
        self.send("READY=1");
    }

    /// A reload begins, which ends with [`Manager::ready`] whatever comes of it.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
        let mut text = Text::new();
        let since = now.unwrap_or_default().as_micros();
        if write!(text, "RELOADING=1\nMONOTONIC_USEC={since}").is_ok() {
            self.send(&text);
        }
    }

    /// The daemon was told to stop.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// How things stand, in one line; said only when that is news.
    pub(super) fn status(&mut self, state: fmt::Arguments<'_>) {
        if self.socket.is_none() {
            return;
        }
        let mut text = Text::new();
        // Cut where there is no more room.
        let _ = write!(text, "STATUS={state}");
        if text != self.said {
            self.send(&text);
            self.said = text;
        }
    }

    /// When [`Manager::beat`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.watchdog.map(|(_, at)| at)
    }

    /// Says that the daemon lives, if it is time.
    pub(super) fn beat(&mut self) {
        let now = Instant::now();
        let due = self.watchdog.filter(|(_, at)| *at <= now);
        if let Some((period, _)) = due {
            self.send("WATCHDOG=1");
            self.watchdog = Some((period, now + period));
        }
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // A manager that does not listen misses it.
            let _ = socket.send(text.as_bytes());
        }
    }
}

/// A path, or behind `@` an abstract name.
fn address(name: &OsString) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

/// Half of the time within which the manager wants to hear something, if that is meant for this process.
fn watchdog(microseconds: Option<String>, pid: Option<String>) -> Option<Duration> {
    let own = |pid: String| pid.parse() == Ok(std::process::id());
    let microseconds: u64 = microseconds?.parse().ok()?;
    let wanted = microseconds > 0 && pid.is_none_or(own);
    wanted.then(|| Duration::from_micros(microseconds) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_heeded_if_it_is_this_processs() {
        let own = std::process::id().to_string();
        for (microseconds, pid, expected) in [
            (None, None, None),
            (Some("3000000"), None, Some(1_500)),
            (Some("3000000"), Some(own.as_str()), Some(1_500)),
            (Some("3000000"), Some("1"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
        ] {
            let period = watchdog(microseconds.map(Into::into), pid.map(Into::into));
            assert_eq!(period, expected.map(Duration::from_millis));
        }
    }
}
