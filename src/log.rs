//! Where messages go: standard error, or the system's log. One event a line.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use syslog::{Facility, Formatter3164, LogFormat, Severity};

/// Where the system's log listens.
pub const DEV_LOG: &str = "/dev/log";
/// Bytes of a line; a longer one is cut. RFC 3164 promises no more than 1024 anyway.
const LINE: usize = 2048;

/// Writes messages.
#[derive(Debug)]
pub enum Log {
    /// To standard error.
    Stderr,
    /// To the system's log.
    Syslog(Syslog),
    /// To nowhere (`-quiet`).
    Quiet,
}

/// The way to the system's log. It never blocks: what the log does not take at once is lost.
#[derive(Debug)]
pub struct Syslog {
    format: Formatter3164,
    socket: RefCell<Option<UnixDatagram>>,
}

impl Log {
    /// A log to `/dev/log`, which need not be there yet.
    pub fn syslog() -> Self {
        let format = Formatter3164 {
            facility: Facility::LOG_DAEMON,
            hostname: None,
            process: "corexdp".into(),
            pid: std::process::id(),
        };
        Self::Syslog(Syslog {
            format,
            socket: RefCell::new(None),
        })
    }

    /// The log for whoever did not choose one: the system's, when there is one and nobody watches standard error.
    pub fn usual() -> Self {
        let watched = nix::unistd::isatty(std::io::stderr()).unwrap_or(false);
        if !watched && Path::new(DEV_LOG).exists() {
            Self::syslog()
        } else {
            Self::Stderr
        }
    }

    /// Whether it goes to standard error, where refusals are printed anyway.
    pub const fn is_stderr(&self) -> bool {
        matches!(self, Self::Stderr)
    }

    /// Something that happened.
    pub fn info(&self, message: impl fmt::Display) {
        self.write(Severity::LOG_INFO, "", &message);
    }

    /// Something to look at.
    pub fn warn(&self, message: impl fmt::Display) {
        self.write(Severity::LOG_WARNING, "warning: ", &message);
    }

    /// Something that failed.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(Severity::LOG_ERR, "", &message);
    }

    fn write(&self, severity: Severity, prefix: &str, message: &dyn fmt::Display) {
        let mut line = Line::default();
        let _ = write!(line, "{prefix}{message}");
        match self {
            Self::Stderr => {
                let _ = line.0.push('\n').or_else(|_| {
                    line.0.pop();
                    line.0.push('\n')
                });
                // A standard error that is gone is no reason to stop filtering.
                let _ = std::io::stderr().write_all(line.0.as_bytes());
            }
            Self::Syslog(syslog) => syslog.send(severity, &line.0),
            Self::Quiet => {}
        }
    }
}

/// A line that drops what does not fit, and keeps control characters out.
#[derive(Default)]
struct Line(heapless::String<LINE>);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            let c = if c.is_control() && c != '\t' { ' ' } else { c };
            self.0.push(c).map_err(|_| fmt::Error)
        })
    }
}

impl Syslog {
    fn send(&self, severity: Severity, message: &str) {
        let mut line = heapless::Vec::<u8, { LINE + 128 }>::new();
        if self
            .format
            .format(&mut Bytes(&mut line), severity, message)
            .is_err()
        {
            return;
        }
        let mut socket = self.socket.borrow_mut();
        // The log may have been restarted since: one more try with a new socket.
        for _ in 0..2 {
            if socket.is_none() {
                *socket = connect();
            }
            match socket.as_ref().map(|socket| socket.send(&line)) {
                Some(Err(_)) => *socket = None,
                Some(Ok(_)) | None => return,
            }
        }
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(DEV_LOG).ok()?;
    Some(socket)
}

/// A fixed buffer as `io::Write`; what does not fit is cut.
struct Bytes<'a>(&'a mut heapless::Vec<u8, { LINE + 128 }>);

impl std::io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for &byte in bytes {
            if self.0.push(byte).is_err() {
                break;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
