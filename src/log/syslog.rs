//! The way to the system's log, which may be missing, full, or gone for a while.
//!
//! It never blocks. What the log does not take is kept in a ring of fixed size, oldest first, and delivered before the
//! next message, or when a while has passed; if there is more than fits, the oldest goes, and how many did is told.

use std::fmt;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use syslog::{Facility, LogFormat, Severity};

use super::LINE;
use super::rfc3164::Rfc3164;
use crate::base::wait::Backoff;

/// Bytes of a message with its time and name.
const MESSAGE: usize = LINE + 128;
/// Bytes of messages that are kept, more than a hundred of usual length.
const KEPT: usize = 16 * 1024;
/// The first pause before what is kept is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Message = heapless::Vec<u8, MESSAGE>;

/// The way to the system's log.
pub(super) struct Syslog {
    path: PathBuf,
    format: Rfc3164,
    socket: Option<UnixDatagram>,
    kept: Ring,
    lost: u32,
    retry: Backoff,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Syslog").field(&self.path).finish()
    }
}

impl Syslog {
    /// A log that listens at `path`, or will.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            format: Rfc3164 {
                facility: Facility::LOG_DAEMON,
                process: "corexdp",
                pid: std::process::id(),
            },
            socket: None,
            kept: Ring::default(),
            lost: 0,
            retry: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Sends a message, or keeps it.
    pub(super) fn send(&mut self, severity: Severity, text: &str) {
        let Some(message) = self.message(severity, text) else {
            return;
        };
        if !self.empty() || !self.try_send(&message) {
            self.lost = self.lost.saturating_add(self.kept.push(&message));
            if self.retry.at().is_none() {
                self.retry.plan();
            }
        }
    }

    /// When [`Syslog::deliver`] wants to be called.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.retry.at()
    }

    /// Tries again to deliver what is kept, if it is time.
    pub(super) fn deliver(&mut self) {
        if self.retry.take_due() && !self.empty() {
            self.retry.plan();
        }
    }

    /// Delivers what is kept; false when the log does not take it all.
    fn empty(&mut self) -> bool {
        if self.lost > 0 {
            let text = format!("warning: {} earlier messages are lost", self.lost);
            let told = self.message(Severity::LOG_WARNING, &text);
            if !told.is_none_or(|told| self.try_send(&told)) {
                return false;
            }
            self.lost = 0;
        }
        while let Some(message) = self.kept.first() {
            if !self.try_send(&message) {
                return false;
            }
            self.kept.pop();
        }
        self.retry.forget();
        true
    }

    fn message(&self, severity: Severity, text: &str) -> Option<Message> {
        let mut message = Message::new();
        let written = self.format.format(&mut Bytes(&mut message), severity, text);
        written.is_ok().then_some(message)
    }

    /// False when the log does not take it now.
    fn try_send(&mut self, message: &[u8]) -> bool {
        // The log may have been restarted since: one more try with a new socket.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = connect(&self.path);
            }
            let Some(socket) = &self.socket else {
                return false;
            };
            match socket.send(message) {
                Ok(_) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.socket = None,
            }
        }
        false
    }
}

fn connect(path: &Path) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

/// Messages one after the other, each behind its length.
#[derive(Default)]
struct Ring(heapless::Deque<u8, KEPT>);

impl Ring {
    /// Adds a message; how many old ones had to go for it.
    fn push(&mut self, message: &[u8]) -> u32 {
        let Ok(length) = u16::try_from(message.len()) else {
            return 0;
        };
        let mut gone = 0;
        while self.0.capacity() - self.0.len() < message.len() + 2 {
            if !self.pop() {
                break;
            }
            gone += 1;
        }
        for byte in length.to_ne_bytes().iter().chain(message) {
            // There is room now: a message is shorter than the ring.
            let _ = self.0.push_back(*byte);
        }
        gone
    }

    fn first(&self) -> Option<Message> {
        let length = self.length()?;
        Some(self.0.iter().skip(2).take(length).copied().collect())
    }

    /// Removes the first; false when there is none.
    fn pop(&mut self) -> bool {
        let Some(length) = self.length() else {
            return false;
        };
        for _ in 0..length + 2 {
            self.0.pop_front();
        }
        true
    }

    fn length(&self) -> Option<usize> {
        let mut bytes = self.0.iter();
        let length = [*bytes.next()?, *bytes.next()?];
        Some(usize::from(u16::from_ne_bytes(length)))
    }
}

/// A fixed buffer as `io::Write`; what does not fit is cut.
struct Bytes<'a>(&'a mut Message);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.0.capacity() - self.0.len();
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        // It was just made to fit.
        let _ = self.0.extend_from_slice(fits);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path for a log of its own.
    fn path() -> PathBuf {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::env::temp_dir().join(format!("corexdp-log-{}-{number}", std::process::id()))
    }

    fn listen(path: &Path) -> UnixDatagram {
        let _ = std::fs::remove_file(path);
        let log = UnixDatagram::bind(path).unwrap();
        log.set_nonblocking(true).unwrap();
        log
    }

    /// The texts that have come, without time and name.
    fn heard(log: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 4096];
        let mut texts = Vec::new();
        while let Ok(length) = log.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            texts.push(text.split_once("]: ").unwrap().1.to_owned());
        }
        texts
    }

    fn send(syslog: &mut Syslog, text: &str) {
        syslog.send(Severity::LOG_INFO, text);
    }

    fn later(syslog: &mut Syslog) {
        syslog.retry = Backoff::new(Duration::ZERO, LONGEST_PAUSE);
        syslog.retry.plan();
        syslog.deliver();
    }

    #[test]
    fn what_a_missing_log_did_not_hear_is_told_when_it_is_there() {
        let path = path();
        let mut syslog = Syslog::new(&path);
        send(&mut syslog, "one");
        send(&mut syslog, "two");
        assert!(syslog.deadline().is_some());
        let log = listen(&path);
        later(&mut syslog);
        assert_eq!(heard(&log), ["one", "two"]);
        assert_eq!(syslog.deadline(), None);
        // It is started anew, with another socket by the same name.
        drop(log);
        send(&mut syslog, "three");
        let log = listen(&path);
        send(&mut syslog, "four");
        assert_eq!(heard(&log), ["three", "four"]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_log_that_is_full_blocks_nobody() {
        let path = path();
        let log = listen(&path);
        let mut syslog = Syslog::new(&path);
        let sent: Vec<String> = (0..200).map(|number| format!("message {number}")).collect();
        for text in &sent {
            send(&mut syslog, text);
        }
        let mut all = Vec::new();
        for _ in 0..200 {
            all.extend(heard(&log));
            later(&mut syslog);
        }
        assert_eq!(all, sent);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn when_too_much_is_kept_the_oldest_goes_and_that_is_told() {
        let path = path();
        let mut syslog = Syslog::new(&path);
        let text = "x".repeat(1000);
        for _ in 0..100 {
            send(&mut syslog, &text);
        }
        send(&mut syslog, "last");
        let lost = syslog.lost;
        let log = listen(&path);
        let mut all = Vec::new();
        for _ in 0..100 {
            later(&mut syslog);
            all.extend(heard(&log));
        }
        assert_eq!(all[0], format!("warning: {lost} earlier messages are lost"));
        assert_eq!(all.last().unwrap(), "last");
        assert_eq!(all.len() - 1 + lost as usize, 101);
        std::fs::remove_file(path).unwrap();
    }
}
