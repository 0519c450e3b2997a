//! Where messages go: standard error, or the system's log; and the last of them to the page. One event a line.

pub mod recent;
mod rfc3164;
mod syslog;

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use ::syslog::Severity;

use self::recent::Recent;
use self::syslog::Syslog;
use crate::base::utc::Utc;

/// Where the system's log listens.
pub const DEV_LOG: &str = "/dev/log";
/// Bytes of a line; a longer one is cut. RFC 3164 promises no more than 1024 anyway.
const LINE: usize = 2048;

/// How bad it is that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not at all.
    Info,
    /// Somebody should look at it.
    Warning,
    /// It failed.
    Error,
}

impl Level {
    const fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::LOG_INFO,
            Self::Warning => Severity::LOG_WARNING,
            Self::Error => Severity::LOG_ERR,
        }
    }
}

/// Writes messages, and keeps the last of them.
#[derive(Debug)]
pub struct Log {
    way: Way,
    recent: RefCell<Recent>,
}

/// Where messages go.
#[derive(Debug)]
enum Way {
    Stderr,
    Syslog(Box<RefCell<Syslog>>),
    Nowhere,
}

impl Log {
    fn new(way: Way) -> Self {
        let recent = RefCell::default();
        Self { way, recent }
    }

    /// A log to standard error.
    pub fn stderr() -> Self {
        Self::new(Way::Stderr)
    }

    /// A log to nowhere (`-quiet`); the page still has its last lines.
    pub fn quiet() -> Self {
        Self::new(Way::Nowhere)
    }

    /// A log to `/dev/log`, which need not be there yet.
    pub fn syslog() -> Self {
        let syslog = Syslog::new(Path::new(DEV_LOG));
        Self::new(Way::Syslog(Box::new(RefCell::new(syslog))))
    }

    /// The log for whoever did not choose one: the system's, when there is one and nobody watches standard error.
    pub fn usual() -> Self {
        let watched = nix::unistd::isatty(std::io::stderr()).unwrap_or(false);
        if !watched && Path::new(DEV_LOG).exists() {
            Self::syslog()
        } else {
            Self::stderr()
        }
    }

    /// Whether it goes to standard error, where refusals are printed anyway.
    pub const fn is_stderr(&self) -> bool {
        matches!(self.way, Way::Stderr)
    }

    /// Something that happened.
    pub fn info(&self, message: impl fmt::Display) {
        self.write(Level::Info, &message);
    }

    /// Something to look at.
    pub fn warn(&self, message: impl fmt::Display) {
        self.write(Level::Warning, &message);
    }

    /// Something that failed.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(Level::Error, &message);
    }

    /// Gives each of the last lines to `show`, newest first. It must not log anything itself.
    ///
    /// # Errors
    /// The first of `show`; later lines are not shown then.
    pub fn recent(&self, show: impl FnMut(&recent::Message) -> fmt::Result) -> fmt::Result {
        self.recent.borrow().lines().try_for_each(show)
    }

    /// When [`Log::deliver`] wants to be called: while there are messages that the system's log has not taken.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.way {
            Way::Syslog(syslog) => syslog.borrow().deadline(),
            _ => None,
        }
    }

    /// Tries again to deliver what is kept.
    pub fn deliver(&self) {
        if let Way::Syslog(syslog) = &self.way {
            syslog.borrow_mut().deliver();
        }
    }

    fn write(&self, level: Level, message: &dyn fmt::Display) {
        let prefix = match level {
            Level::Warning => "warning: ",
            _ => "",
        };
        let mut line = Line::default();
        let _ = write!(line, "{prefix}{message}");
        let said = line.0.get(prefix.len()..).unwrap_or_default();
        self.recent.borrow_mut().push(Utc::now(), level, said);
        match &self.way {
            Way::Stderr => {
                let _ = line.0.push('\n').or_else(|_| {
                    line.0.pop();
                    line.0.push('\n')
                });
                // A standard error that is gone is no reason to stop filtering.
                let _ = std::io::stderr().write_all(line.0.as_bytes());
            }
            Way::Syslog(syslog) => syslog.borrow_mut().send(level.severity(), &line.0),
            Way::Nowhere => {}
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
