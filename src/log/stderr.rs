//! Messages to standard error: a pipe, terminal, socket or file that others share, and that may be full, stopped or
//! closed.
//!
//! A write never blocks. `O_NONBLOCK` of the inherited descriptor would change the descriptor of every process that
//! shares it, such as the shell. Therefore a pipe or a terminal is opened again, and a socket gets
//! `MSG_DONTWAIT` with each message. A descriptor that cannot be opened again, such as another user's pipe, is polled
//! before each write.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::errno::Errno;
use nix::libc;
use nix::poll::PollTimeout;
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{isatty, write};

use super::message::{Attempt, Message};
use super::wait_budget::{WaitBudget, is_writable};

/// Standard error.
#[derive(Debug)]
pub(super) struct Stderr {
    descriptor: Descriptor,
    write: WriteMethod,
    /// Rest of a message that was written in part.
    rest: Message,
    wait_budget: WaitBudget,
}

#[derive(Debug)]
enum Descriptor {
    Inherited(io::Stderr),
    Own(OwnedFd),
}

/// The way to write without blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteMethod {
    /// `write`, which the descriptor's own `O_NONBLOCK` makes safe.
    Directly,
    /// `write` after `poll`. A pipe that polls as writable takes `PIPE_BUF` bytes.
    Polled,
    /// Like `Polled`, but byte by byte: a terminal that polls as writable may have room for one byte only.
    PolledBytes,
    /// `send` with `MSG_DONTWAIT`.
    Socket,
}

impl Stderr {
    /// The inherited standard error.
    pub(super) fn new() -> Self {
        let inherited = io::stderr();
        let write = write_method(inherited.as_fd());
        let again = match write {
            WriteMethod::Polled | WriteMethod::PolledBytes => reopen(inherited.as_fd()),
            _ => None,
        };
        let (descriptor, write) = match again {
            Some(own) => (Descriptor::Own(own), WriteMethod::Directly),
            None => (Descriptor::Inherited(inherited), write),
        };
        Self::with_method(descriptor, write)
    }

    /// The write end of a pipe, used without opening it again.
    #[cfg(test)]
    pub(super) fn to_pipe(fd: OwnedFd) -> Self {
        Self::with_method(Descriptor::Own(fd), WriteMethod::Polled)
    }

    fn with_method(descriptor: Descriptor, write: WriteMethod) -> Self {
        Self {
            descriptor,
            write,
            rest: Message::new(),
            wait_budget: WaitBudget::new(),
        }
    }

    /// The message for a line of at most [`MAX_LINE`](super::MAX_LINE) bytes.
    pub(super) fn message(text: &str) -> Message {
        // Cannot panic: a message has room for a line and its line feed.
        text.bytes().chain([b'\n']).collect()
    }

    /// Writes a message. If only a part fits, keeps the rest for [`Stderr::finish`].
    pub(super) fn try_send(&mut self, message: &[u8]) -> Attempt {
        match self.finish() {
            Attempt::Sent => {}
            other => return other,
        }
        let (written, attempt) = self.write_all(message);
        if written == 0 {
            return attempt;
        }
        let rest = message.get(written..).unwrap_or_default();
        self.rest = rest.iter().copied().collect();
        Attempt::Sent
    }

    /// Writes the rest of a message that was written in part.
    pub(super) fn finish(&mut self) -> Attempt {
        let rest = std::mem::take(&mut self.rest);
        let (written, attempt) = self.write_all(&rest);
        self.rest = rest.into_iter().skip(written).collect();
        attempt
    }

    /// Writes as many bytes as possible. Returns their number.
    fn write_all(&mut self, bytes: &[u8]) -> (usize, Attempt) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.write_part(rest) {
                Ok(0) => return (written, Attempt::Later),
                Ok(length) => {
                    written += length;
                    self.wait_budget.resume();
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if !self.wait_budget.wait_writable(self.descriptor.as_fd()) {
                        return (written, Attempt::Later);
                    }
                }
                // These errors may end: full disk (ENOSPC, EDQUOT), file at its size limit (EFBIG), no buffers.
                Err(Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG | Errno::ENOBUFS) => {
                    return (written, Attempt::Later);
                }
                Err(_) => return (written, Attempt::Closed),
            }
        }
        (written, Attempt::Sent)
    }

    fn write_part(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let fd = self.descriptor.as_fd();
        match self.write {
            WriteMethod::Directly => return write(fd, bytes),
            WriteMethod::Socket => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                return send(fd.as_raw_fd(), bytes, flags);
            }
            WriteMethod::Polled | WriteMethod::PolledBytes => {}
        }
        if !is_writable(fd, PollTimeout::ZERO) {
            return Err(Errno::EAGAIN);
        }
        match self.write {
            WriteMethod::PolledBytes => write(fd, bytes.get(..1).unwrap_or_default()),
            _ => write(fd, bytes),
        }
    }
}

impl Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Inherited(stderr) => stderr.as_fd(),
            Self::Own(fd) => fd.as_fd(),
        }
    }
}

/// The way to write to an inherited descriptor, by the type of its file.
fn write_method(fd: BorrowedFd<'_>) -> WriteMethod {
    let kind = fstat(fd).map_or(SFlag::empty(), |status| {
        SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT
    });
    match kind {
        SFlag::S_IFSOCK => WriteMethod::Socket,
        // A file blocks only for its disk. A second descriptor of the file would have another position.
        SFlag::S_IFREG => WriteMethod::Directly,
        SFlag::S_IFCHR if isatty(fd) == Ok(true) => WriteMethod::PolledBytes,
        _ => WriteMethod::Polled,
    }
}

/// Opens a pipe or a terminal again, with `O_NONBLOCK`; `None` for a file of another type, or without permission.
fn reopen(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    let kind = SFlag::from_bits_truncate(fstat(fd).ok()?.st_mode) & SFlag::S_IFMT;
    // Opening a device can have side effects.
    if kind != SFlag::S_IFIFO && isatty(fd) != Ok(true) {
        return None;
    }
    let opened = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    opened.ok().map(OwnedFd::from)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use nix::pty::openpty;
    use nix::unistd::pipe;

    use super::*;

    /// Writes lines until standard error takes no more. Returns their number.
    fn fill(stderr: &mut Stderr) -> usize {
        let line = Stderr::message(&"x".repeat(100));
        let sent = |stderr: &mut Stderr| {
            stderr.try_send(&line) == Attempt::Sent && stderr.finish() == Attempt::Sent
        };
        (0..100_000).take_while(|_| sent(stderr)).count()
    }

    fn is_blocking(fd: impl AsFd) -> bool {
        let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap());
        !flags.contains(OFlag::O_NONBLOCK)
    }

    #[test]
    fn full_pipe_terminal_or_socket_does_not_block() {
        let (_pipe, write_end) = pipe().unwrap();
        let terminal = openpty(None, None).unwrap();
        let (_socket, other) = UnixStream::pair().unwrap();
        for (fd, expected) in [
            (write_end, WriteMethod::Polled),
            (terminal.slave, WriteMethod::PolledBytes),
            (other.into(), WriteMethod::Socket),
        ] {
            assert_eq!(write_method(fd.as_fd()), expected);
            let again = reopen(fd.as_fd());
            assert_eq!(again.is_some(), expected != WriteMethod::Socket);
            for (fd, write) in again
                .map(|fd| (fd, WriteMethod::Directly))
                .into_iter()
                .chain([(fd.try_clone().unwrap(), expected)])
            {
                let mut stderr = Stderr::with_method(Descriptor::Own(fd), write);
                let lines = fill(&mut stderr);
                assert!(lines < 100_000, "{write:?}");
                assert!(stderr.wait_budget.is_suspended(), "{write:?}");
            }
            assert!(is_blocking(&fd), "the inherited descriptor is shared");
        }
    }

    #[test]
    fn partial_line_is_finished_before_the_next() {
        let terminal = openpty(None, None).unwrap();
        let own = reopen(terminal.slave.as_fd()).unwrap();
        let mut stderr = Stderr::with_method(Descriptor::Own(own), WriteMethod::Directly);
        let (line, mut sent) = (Stderr::message(&"x".repeat(100)), 0);
        while stderr.try_send(&line) == Attempt::Sent {
            sent += 1;
        }
        let mut reader = File::from(terminal.master);
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        while text.len() < sent * 102 {
            let length = reader.read(&mut buffer).unwrap();
            text.extend_from_slice(&buffer[..length]);
            stderr.finish();
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.len() == 100));
        assert_eq!(text.lines().count(), sent);
        assert_eq!(stderr.try_send(&line), Attempt::Sent);
    }

    #[test]
    fn pipe_without_reader_is_closed() {
        let (read_end, write_end) = pipe().unwrap();
        drop(read_end);
        let write = write_method(write_end.as_fd());
        let mut stderr = Stderr::with_method(Descriptor::Own(write_end), write);
        assert_eq!(stderr.try_send(b"line\n"), Attempt::Closed);
    }

    #[test]
    fn slow_reader_gets_every_line() {
        let (read_end, write_end) = pipe().unwrap();
        let own = reopen(write_end.as_fd()).unwrap();
        drop(write_end);
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            File::from(read_end).read_to_string(&mut text).unwrap();
            text.lines().count()
        });
        let mut stderr = Stderr::with_method(Descriptor::Own(own), WriteMethod::Directly);
        let lines = fill(&mut stderr);
        drop(stderr);
        assert_eq!(reader.join().unwrap(), lines);
    }
}
