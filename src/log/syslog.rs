//! Messages to the system log, which may be missing, full or restarted.
//!
//! Sending never blocks. A message that the log does not accept waits in a queue of fixed size. The queue is delivered
//! before the next message, or after a delay. A full queue drops its oldest messages, and reports their number later.

use std::fmt;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use syslog::{Facility, LogFormat, Severity};

use super::LINE;
use super::rfc3164::Rfc3164;
use crate::base::wait::Backoff;

/// Most bytes of a message with priority, time and name.
const MESSAGE_SIZE: usize = LINE + 128;
/// Bytes of the queue: more than a hundred messages of usual length.
const QUEUE_SIZE: usize = 16 * 1024;
/// Delay before the first retry; it doubles with each further retry.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(30);

type Message = heapless::Vec<u8, MESSAGE_SIZE>;

/// A client of the system log.
pub(super) struct Syslog {
    path: PathBuf,
    format: Rfc3164,
    /// `None` until the log exists.
    socket: Option<UnixDatagram>,
    queue: Ring,
    /// Messages that a full queue has dropped since the last delivery.
    lost: u32,
    retry: Backoff,
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
            queue: Ring::default(),
            lost: 0,
            retry: Backoff::new(FIRST_DELAY, MAX_DELAY),
        }
    }

    /// Sends a message, or adds it to the queue.
    pub(super) fn send(&mut self, severity: Severity, text: &str) {
        let Some(message) = self.message(severity, text) else {
            return;
        };
        if !self.flush_queue() || !self.try_send(&message) {
            self.lost = self.lost.saturating_add(self.queue.push(&message));
            if self.retry.at().is_none() {
                self.retry.plan();
            }
        }
    }

    /// Time at which [`Syslog::deliver`] is due.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.retry.at()
    }

    /// Sends the queue if the retry is due.
    pub(super) fn deliver(&mut self) {
        if self.retry.take_due() && !self.flush_queue() {
            self.retry.plan();
        }
    }

    /// Sends the queue. Returns false when the log does not accept all messages.
    fn flush_queue(&mut self) -> bool {
        if self.lost > 0 {
            let text = format!("warning: {} earlier messages are lost", self.lost);
            let message = self.message(Severity::LOG_WARNING, &text);
            if message.is_some_and(|message| !self.try_send(&message)) {
                return false;
            }
            self.lost = 0;
        }
        while let Some(message) = self.queue.first() {
            if !self.try_send(&message) {
                return false;
            }
            self.queue.pop();
        }
        self.retry.reset();
        true
    }

    fn message(&self, severity: Severity, text: &str) -> Option<Message> {
        let mut message = Message::new();
        let written = self.format.format(&mut Bytes(&mut message), severity, text);
        written.is_ok().then_some(message)
    }

    /// Sends a message without blocking. Returns false when the log does not accept it.
    fn try_send(&mut self, message: &[u8]) -> bool {
        // A second try with a new socket: the log may have restarted.
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

/// A queue of messages, each after its length in two bytes.
#[derive(Default)]
struct Ring(heapless::Deque<u8, QUEUE_SIZE>);

impl Ring {
    /// Adds a message. Returns the number of old messages dropped for it.
    fn push(&mut self, message: &[u8]) -> u32 {
        let Ok(length) = u16::try_from(message.len()) else {
            return 0;
        };
        let mut dropped = 0;
        while self.0.capacity() - self.0.len() < message.len() + 2 {
            if !self.pop() {
                break;
            }
            dropped += 1;
        }
        for byte in length.to_ne_bytes().iter().chain(message) {
            // There is room: a message is shorter than the ring.
            let _ = self.0.push_back(*byte);
        }
        dropped
    }

    fn first(&self) -> Option<Message> {
        let length = self.length()?;
        Some(self.0.iter().skip(2).take(length).copied().collect())
    }

    /// Removes the first message. Returns false for an empty queue.
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

/// A message as `io::Write` that truncates to its capacity.
struct Bytes<'a>(&'a mut Message);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.0.capacity() - self.0.len();
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        // `fits` fits, so the call cannot fail.
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

    /// A unique path for a log.
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

    /// Texts of the received messages, without priority, time and name.
    fn received(log: &UnixDatagram) -> Vec<String> {
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

    fn retry_now(syslog: &mut Syslog) {
        syslog.retry = Backoff::new(Duration::ZERO, MAX_DELAY);
        syslog.retry.plan();
        syslog.deliver();
    }

    #[test]
    fn messages_to_a_missing_log_are_delivered_when_it_appears() {
        let path = path();
        let mut syslog = Syslog::new(&path);
        send(&mut syslog, "one");
        send(&mut syslog, "two");
        assert!(syslog.deadline().is_some());
        let log = listen(&path);
        retry_now(&mut syslog);
        assert_eq!(received(&log), ["one", "two"]);
        assert_eq!(syslog.deadline(), None);
        // The log restarts with a new socket on the same path.
        drop(log);
        send(&mut syslog, "three");
        let log = listen(&path);
        send(&mut syslog, "four");
        assert_eq!(received(&log), ["three", "four"]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_full_log_does_not_block_the_daemon() {
        let path = path();
        let log = listen(&path);
        let mut syslog = Syslog::new(&path);
        let sent: Vec<String> = (0..200).map(|number| format!("message {number}")).collect();
        for text in &sent {
            send(&mut syslog, text);
        }
        let mut all = Vec::new();
        for _ in 0..200 {
            all.extend(received(&log));
            retry_now(&mut syslog);
        }
        assert_eq!(all, sent);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_full_queue_drops_the_oldest_messages_and_reports_their_number() {
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
            retry_now(&mut syslog);
            all.extend(received(&log));
        }
        assert_eq!(all[0], format!("warning: {lost} earlier messages are lost"));
        assert_eq!(all.last().unwrap(), "last");
        assert_eq!(all.len() - 1 + lost as usize, 101);
        std::fs::remove_file(path).unwrap();
    }
}
