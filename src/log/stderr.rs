//! Messages to standard error: a pipe, terminal, socket or file that others share, and that may be full, stopped or
//! closed.
//!
//! A write never blocks. `O_NONBLOCK` of the inherited descriptor would change the descriptor of every process that
//! shares it, such as the shell. So a pipe and a terminal are opened once more, and a socket takes a flag with each
//! message. What cannot be opened again, such as the pipe of another user, is polled before each write.

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

use super::patience::{Patience, is_writable};
use super::queue::{Attempt, Message};

/// Standard error.
#[derive(Debug)]
pub(super) struct Stderr {
    descriptor: Descriptor,
    write: Write,
    /// Rest of a message that was written in part.
    rest: Message,
    patience: Patience,
}

#[derive(Debug)]
enum Descriptor {
    Inherited(io::Stderr),
    Own(OwnedFd),
}

/// The call that does not block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// `write`, which the descriptor's own `O_NONBLOCK` makes safe.
    Directly,
    /// `write` after `poll`. A pipe that polls as writable takes `PIPE_BUF` bytes.
    Polled,
    /// As `Polled`, but byte by byte: a terminal that polls as writable may have room for no more.
    PolledBytes,
    /// `send` with `MSG_DONTWAIT`.
    Socket,
}

impl Stderr {
    /// The inherited standard error.
    pub(super) fn new() -> Self {
        let inherited = io::stderr();
        let write = way(inherited.as_fd());
        let again = match write {
            Write::Polled | Write::PolledBytes => reopened(inherited.as_fd()),
            _ => None,
        };
        let (descriptor, write) = match again {
            Some(own) => (Descriptor::Own(own), Write::Directly),
            None => (Descriptor::Inherited(inherited), write),
        };
        Self::on(descriptor, write)
    }

    /// The write end of a pipe, as it is inherited.
    #[cfg(test)]
    pub(super) fn to_pipe(fd: OwnedFd) -> Self {
        Self::on(Descriptor::Own(fd), Write::Polled)
    }

    fn on(descriptor: Descriptor, write: Write) -> Self {
        Self {
            descriptor,
            write,
            rest: Message::new(),
            patience: Patience::new(),
        }
    }

    /// A line as a message.
    pub(super) fn message(text: &str) -> Message {
        // A line is shorter than a message.
        text.bytes().chain([b'\n']).collect()
    }

    /// Writes a message, and keeps what does not fit of a message that was begun.
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

    /// Writes the rest of a message.
    pub(super) fn finish(&mut self) -> Attempt {
        let rest = std::mem::take(&mut self.rest);
        let (written, attempt) = self.write_all(&rest);
        self.rest = rest.into_iter().skip(written).collect();
        attempt
    }

    /// Writes as much as possible. Returns the number of bytes.
    fn write_all(&mut self, bytes: &[u8]) -> (usize, Attempt) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.write_part(rest) {
                Ok(0) => return (written, Attempt::Later),
                Ok(length) => {
                    written += length;
                    self.patience.renew();
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if !self.patience.wait(self.descriptor.as_fd()) {
                        return (written, Attempt::Later);
                    }
                }
                // A full disk (ENOSPC, EDQUOT), or the limit of a file's size (EFBIG), may end.
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
            Write::Directly => return write(fd, bytes),
            Write::Socket => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                return send(fd.as_raw_fd(), bytes, flags);
            }
            Write::Polled | Write::PolledBytes => {}
        }
        if !is_writable(fd, PollTimeout::ZERO) {
            return Err(Errno::EAGAIN);
        }
        match self.write {
            Write::PolledBytes => write(fd, bytes.get(..1).unwrap_or_default()),
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

/// The way to write to an inherited descriptor.
fn way(fd: BorrowedFd<'_>) -> Write {
    let kind = fstat(fd).map_or(SFlag::empty(), |status| {
        SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT
    });
    match kind {
        SFlag::S_IFSOCK => Write::Socket,
        // A file blocks for its disk alone, and opened again it would have another position.
        SFlag::S_IFREG => Write::Directly,
        SFlag::S_IFCHR if isatty(fd) == Ok(true) => Write::PolledBytes,
        _ => Write::Polled,
    }
}

/// Opens a pipe or a terminal once more, without blocking writes; `None` for a file of another kind, and for one that
/// this process may not open.
fn reopened(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    let kind = SFlag::from_bits_truncate(fstat(fd).ok()?.st_mode) & SFlag::S_IFMT;
    // Opening a device can have effects.
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

    /// Writes lines until the outlet takes no more. Returns their number.
    fn fill(stderr: &mut Stderr) -> usize {
        let line = Stderr::message(&"x".repeat(100));
        let sent = |stderr: &mut Stderr| {
            stderr.try_send(&line) == Attempt::Sent && stderr.finish() == Attempt::Sent
        };
        (0..100_000).take_while(|_| sent(stderr)).count()
    }

    fn blocking(fd: impl AsFd) -> bool {
        let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap());
        !flags.contains(OFlag::O_NONBLOCK)
    }

    #[test]
    fn full_pipe_terminal_and_socket_do_not_block() {
        let (_pipe, write_end) = pipe().unwrap();
        let terminal = openpty(None, None).unwrap();
        let (_socket, other) = UnixStream::pair().unwrap();
        for (fd, expected) in [
            (write_end, Write::Polled),
            (terminal.slave, Write::PolledBytes),
            (other.into(), Write::Socket),
        ] {
            assert_eq!(way(fd.as_fd()), expected);
            let again = reopened(fd.as_fd());
            assert_eq!(again.is_some(), expected != Write::Socket);
            for (fd, write) in again
                .map(|fd| (fd, Write::Directly))
                .into_iter()
                .chain([(fd.try_clone().unwrap(), expected)])
            {
                let mut stderr = Stderr::on(Descriptor::Own(fd), write);
                let lines = fill(&mut stderr);
                assert!(lines < 100_000, "{write:?}");
                assert!(stderr.patience.is_over(), "{write:?}");
            }
            assert!(blocking(&fd), "the inherited descriptor is shared");
        }
    }

    #[test]
    fn cut_line_is_finished_before_the_next() {
        let terminal = openpty(None, None).unwrap();
        let own = reopened(terminal.slave.as_fd()).unwrap();
        let mut stderr = Stderr::on(Descriptor::Own(own), Write::Directly);
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
    fn closed_pipe_is_closed() {
        let (read_end, write_end) = pipe().unwrap();
        drop(read_end);
        let write = way(write_end.as_fd());
        let mut stderr = Stderr::on(Descriptor::Own(write_end), write);
        assert_eq!(stderr.try_send(b"line\n"), Attempt::Closed);
    }

    #[test]
    fn slow_reader_gets_every_line() {
        let (read_end, write_end) = pipe().unwrap();
        let own = reopened(write_end.as_fd()).unwrap();
        drop(write_end);
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            File::from(read_end).read_to_string(&mut text).unwrap();
            text.lines().count()
        });
        let mut stderr = Stderr::on(Descriptor::Own(own), Write::Directly);
        let lines = fill(&mut stderr);
        drop(stderr);
        assert_eq!(reader.join().unwrap(), lines);
    }
}
