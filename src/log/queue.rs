//! The queue in front of a destination of messages, which may be missing, full, slow or restarted.
//!
//! Sending never blocks for long. A message that the destination does not accept waits in a queue of fixed size.
//! Queued messages are sent before the next message, or after a delay. A full queue drops its oldest messages, and reports
//! their number later.

use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

use super::Level;
use super::message::{Attempt, Message};
use super::ring::Ring;
use super::stderr::Stderr;
use super::syslog::Syslog;
use crate::base::wait::Backoff;

/// Delay before the first retry; it doubles with each further retry.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(30);

/// The destination of messages.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub(super) enum Outlet {
    Stderr(Stderr),
    Syslog(Syslog),
}

/// An outlet with its queue.
pub(super) struct Queue {
    outlet: Outlet,
    waiting: Ring,
    /// Messages that a full queue has dropped and no warning has reported yet.
    dropped: u32,
    retry: Backoff,
}

impl Outlet {
    fn message(&self, level: Level, text: &str) -> Option<Message> {
        match self {
            Self::Stderr(_) => Some(Stderr::message(text)),
            Self::Syslog(syslog) => syslog.message(level, text),
        }
    }

    fn try_send(&mut self, message: &[u8]) -> Attempt {
        match self {
            Self::Stderr(stderr) => stderr.try_send(message),
            Self::Syslog(syslog) => syslog.try_send(message),
        }
    }

    /// Sends the rest of a message that was sent in part.
    fn finish(&mut self) -> Attempt {
        match self {
            Self::Stderr(stderr) => stderr.finish(),
            Self::Syslog(_) => Attempt::Sent,
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outlet.fmt(f)
    }
}

impl Queue {
    /// An empty queue in front of `outlet`.
    pub(super) fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            waiting: Ring::default(),
            dropped: 0,
            retry: Backoff::new(FIRST_DELAY, MAX_DELAY),
        }
    }

    /// True if the outlet is standard error.
    pub(super) const fn is_stderr(&self) -> bool {
        matches!(self.outlet, Outlet::Stderr(_))
    }

    /// Sends a message, or adds it to the queue.
    pub(super) fn send(&mut self, level: Level, text: &str) {
        let Some(message) = self.outlet.message(level, text) else {
            return;
        };
        let mut attempt = self.flush();
        if attempt == Attempt::Sent {
            attempt = self.outlet.try_send(&message);
        }
        if attempt == Attempt::Sent {
            attempt = self.outlet.finish();
        } else {
            self.dropped = self.dropped.saturating_add(self.waiting.push(&message));
        }
        if attempt == Attempt::Later && self.retry.at().is_none() {
            self.retry.plan();
        }
    }

    /// Time at which [`Queue::deliver`] is due.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.retry.at()
    }

    /// Sends queued messages if the retry is due.
    pub(super) fn deliver(&mut self) {
        if self.retry.take_due() && self.flush() == Attempt::Later {
            self.retry.plan();
        }
    }

    /// Sends queued messages until the queue is empty or the outlet takes no more.
    fn flush(&mut self) -> Attempt {
        let mut attempt = self.outlet.finish();
        if self.dropped > 0 && attempt == Attempt::Sent {
            let mut text = heapless::String::<64>::new();
            // Cannot fail: the text with the longest number has fewer than 64 bytes.
            let _ = write!(text, "warning: {} earlier messages are lost", self.dropped);
            if let Some(message) = self.outlet.message(Level::Warning, &text) {
                attempt = self.outlet.try_send(&message);
            }
            if attempt == Attempt::Sent {
                self.dropped = 0;
            }
        }
        while attempt == Attempt::Sent
            && let Some(message) = self.waiting.first()
        {
            attempt = self.outlet.try_send(&message);
            if attempt == Attempt::Sent {
                self.waiting.pop();
            }
        }
        if attempt == Attempt::Sent {
            self.retry.reset();
        }
        attempt
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::path::{Path, PathBuf};

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

    fn queue(path: &Path) -> Queue {
        Queue::new(Outlet::Syslog(Syslog::new(path)))
    }

    fn send(syslog: &mut Queue, text: &str) {
        syslog.send(Level::Info, text);
    }

    fn retry_now(syslog: &mut Queue) {
        syslog.retry = Backoff::new(Duration::ZERO, MAX_DELAY);
        syslog.retry.plan();
        syslog.deliver();
    }

    #[test]
    fn messages_to_a_missing_log_are_delivered_when_it_appears() {
        let path = path();
        let mut syslog = queue(&path);
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
        let mut syslog = queue(&path);
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
        let mut syslog = queue(&path);
        let text = "x".repeat(1000);
        for _ in 0..100 {
            send(&mut syslog, &text);
        }
        send(&mut syslog, "last");
        let lost = syslog.dropped;
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

    #[test]
    fn dropped_lines_of_a_full_pipe_are_counted() {
        let (read_end, write_end) = nix::unistd::pipe().unwrap();
        let mut queue = Queue::new(Outlet::Stderr(Stderr::to_pipe(write_end)));
        let mut reader = std::fs::File::from(read_end);
        for number in 0..10_000 {
            queue.send(Level::Info, &format!("message {number}"));
        }
        assert!(queue.deadline().is_some());
        let lost = queue.dropped as usize;
        let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
        while !text.ends_with(b"message 9999\n") {
            let length = std::io::Read::read(&mut reader, &mut buffer).unwrap();
            text.extend_from_slice(&buffer[..length]);
            retry_now(&mut queue);
        }
        let text = String::from_utf8(text).unwrap();
        let (warnings, messages): (Vec<_>, Vec<_>) =
            text.lines().partition(|line| line.starts_with("warning: "));
        assert_eq!(
            warnings,
            [format!("warning: {lost} earlier messages are lost")]
        );
        assert_eq!(messages.len() + lost, 10_000);
        assert_eq!(queue.deadline(), None);
    }
}
