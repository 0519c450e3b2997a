//! Messages to the system log, which may be missing, full or restarted. Sending never blocks.

use std::fmt;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use syslog::{Facility, LogFormat};

use super::Level;
use super::message::{Attempt, Message};
use super::rfc3164::Rfc3164;

/// A client of the system log.
pub(super) struct Syslog {
    path: PathBuf,
    format: Rfc3164,
    /// `None` until the log exists.
    socket: Option<UnixDatagram>,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Syslog").field(&self.path).finish()
    }
}

impl Syslog {
    /// A client of the log at `path`, which may appear later.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            format: Rfc3164 {
                facility: Facility::LOG_DAEMON,
                process: "corexdp",
                pid: std::process::id(),
            },
            socket: None,
        }
    }

    /// The message for a line; `None` if the line cannot be formatted.
    pub(super) fn message(&self, level: Level, text: &str) -> Option<Message> {
        let (mut message, severity) = (Message::new(), level.severity());
        let written = self.format.format(&mut Bytes(&mut message), severity, text);
        written.is_ok().then_some(message)
    }

    /// Sends a message without blocking.
    pub(super) fn try_send(&mut self, message: &[u8]) -> Attempt {
        // The second attempt takes a new socket, because the log may have restarted.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = connect(&self.path);
            }
            let Some(socket) = &self.socket else {
                return Attempt::Later;
            };
            match socket.send(message) {
                Ok(_) => return Attempt::Sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Attempt::Later,
                Err(_) => self.socket = None,
            }
        }
        Attempt::Later
    }
}

fn connect(path: &Path) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

/// Writer into a message. The writer drops the bytes that exceed the message's capacity.
struct Bytes<'a>(&'a mut Message);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.0.capacity() - self.0.len();
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        // Cannot fail: `fits` is no longer than the free capacity.
        let _ = self.0.extend_from_slice(fits);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
