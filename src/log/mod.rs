//! Where messages go: standard error, or the system's log. One event a line.

#![forbid(unsafe_code)]

mod syslog;

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use ::syslog::Severity;

use self::syslog::Syslog;

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
    Syslog(Box<RefCell<Syslog>>),
    /// To nowhere (`-quiet`).
    Quiet,
}

impl Log {
    /// A log to `/dev/log`, which need not be there yet.
    pub fn syslog() -> Self {
        Self::Syslog(Box::new(RefCell::new(Syslog::new(Path::new(DEV_LOG)))))
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

    /// When [`Log::deliver`] wants to be called: while there are messages that the system's log has not taken.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Syslog(syslog) => syslog.borrow().deadline(),
            _ => None,
        }
    }

    /// Tries again to deliver what is kept.
    pub fn deliver(&self) {
        if let Self::Syslog(syslog) = self {
            syslog.borrow_mut().deliver();
        }
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
            Self::Syslog(syslog) => syslog.borrow_mut().send(severity, &line.0),
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
