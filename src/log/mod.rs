//! The log: messages to standard error or the system log, and the last messages for the page. Each message is one
//! line.

mod message;
mod queue;
pub mod recent;
mod rfc3164;
mod ring;
mod stderr;
mod syslog;
mod wait_budget;

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use ::syslog::Severity;

use self::queue::{Outlet, Queue};
use self::recent::Recent;
use self::stderr::Stderr;
use self::syslog::Syslog;
use crate::base::escape::is_control;
use crate::base::utc::Utc;

/// Socket of the system log.
pub const DEV_LOG: &str = "/dev/log";
/// Maximum size of a line in bytes; a longer line is truncated. RFC 3164, section 4.1, limits a packet to 1024 bytes.
const MAX_LINE: usize = 2048;

/// Severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An event of normal operation.
    Info,
    /// An event that an operator should check.
    Warning,
    /// A failure.
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

/// A log with one destination. The log also keeps the last messages for the page.
#[derive(Debug)]
pub struct Log {
    destination: Destination,
    recent: RefCell<Recent>,
}

/// Destination of messages.
#[derive(Debug)]
enum Destination {
    /// Standard error or the system log, behind a queue.
    Queue(Box<RefCell<Queue>>),
    /// No destination (`-quiet`).
    None,
}

impl Destination {
    fn queue(outlet: Outlet) -> Self {
        Self::Queue(Box::new(RefCell::new(Queue::new(outlet))))
    }
}

impl Log {
    fn new(destination: Destination) -> Self {
        let recent = RefCell::default();
        Self {
            destination,
            recent,
        }
    }

    /// A log to standard error. A reader that stops reading does not block the daemon.
    pub fn stderr() -> Self {
        Self::new(Destination::queue(Outlet::Stderr(Stderr::new())))
    }

    /// A log without destination (`-quiet`); the page still shows the last messages.
    pub fn quiet() -> Self {
        Self::new(Destination::None)
    }

    /// A log to `/dev/log`. The socket may be missing and appear later.
    pub fn syslog() -> Self {
        let syslog = Syslog::new(Path::new(DEV_LOG));
        Self::new(Destination::queue(Outlet::Syslog(syslog)))
    }

    /// The default log: `/dev/log` if it exists and standard error is not a terminal, else standard error.
    pub fn detect() -> Self {
        let terminal = nix::unistd::isatty(std::io::stderr()).unwrap_or(false);
        if !terminal && Path::new(DEV_LOG).exists() {
            Self::syslog()
        } else {
            Self::stderr()
        }
    }

    /// True for a log to standard error. Other logs need a copy of fatal errors on standard error.
    pub fn is_stderr(&self) -> bool {
        matches!(&self.destination, Destination::Queue(queue) if queue.borrow().is_stderr())
    }

    /// Logs an event of normal operation.
    pub fn info(&self, message: impl fmt::Display) {
        self.write(Level::Info, &message);
    }

    /// Logs an event that an operator should check.
    pub fn warn(&self, message: impl fmt::Display) {
        self.write(Level::Warning, &message);
    }

    /// Logs a failure.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(Level::Error, &message);
    }

    /// Calls `show` with each of the last messages, newest first. `show` must not log.
    ///
    /// # Errors
    /// The first error of `show`, which ends the iteration.
    pub fn recent(&self, show: impl FnMut(&recent::Message) -> fmt::Result) -> fmt::Result {
        self.recent.borrow().lines().try_for_each(show)
    }

    /// Time at which [`Log::deliver`] is due; `None` without queued messages.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.destination {
            Destination::Queue(queue) => queue.borrow().deadline(),
            Destination::None => None,
        }
    }

    /// Sends queued messages if the retry is due.
    pub fn deliver(&self) {
        if let Destination::Queue(queue) = &self.destination {
            queue.borrow_mut().deliver();
        }
    }

    fn write(&self, level: Level, message: &dyn fmt::Display) {
        let prefix = match level {
            Level::Warning => "warning: ",
            _ => "",
        };
        let mut line = Line::default();
        let _ = write!(line, "{prefix}{message}");
        let text = line.0.get(prefix.len()..).unwrap_or_default();
        self.recent.borrow_mut().push(Utc::now(), level, text);
        if let Destination::Queue(queue) = &self.destination {
            queue.borrow_mut().send(level, &line.0);
        }
    }
}

/// A line buffer that truncates long text and replaces control characters by spaces.
#[derive(Default)]
struct Line(heapless::String<MAX_LINE>);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            let c = if is_control(c) && c != '\t' { ' ' } else { c };
            self.0.push(c).map_err(|_| fmt::Error)
        })
    }
}
