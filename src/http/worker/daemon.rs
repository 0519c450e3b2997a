//! The responder's connection to the daemon.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use crate::http::{Answer, Content, Rendered, Request};
use crate::kernel::shared_memory::SharedMemory;

/// Timeout of the daemon's answer. The daemon has one thread, which may be filling a large map.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection to the daemon. All answers use the same shared memory, so at most one request is open at a time.
pub(super) struct Daemon {
    socket: OwnedFd,
    page: SharedMemory,
    /// Number of the last request.
    number: u32,
    /// Time by which the daemon must answer; `None` without an open request.
    deadline: Option<Instant>,
}

impl Daemon {
    pub(super) const fn new(socket: OwnedFd, page: SharedMemory) -> Self {
        Self {
            socket,
            page,
            number: 0,
            deadline: None,
        }
    }

    /// Time at which [`Daemon::receive`] fails; `None` without an open request.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Requests `content`. No other request may be open.
    ///
    /// # Errors
    /// `EAGAIN` when the daemon does not read, `EPIPE` when it is dead.
    pub(super) fn ask(&mut self, content: Content, now: Instant) -> Result<(), Errno> {
        let number = self.number.wrapping_add(1);
        let request = Request { content, number };
        // Nonblocking: a stopped daemon does not read, and its socket may be full.
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        send(self.socket.as_raw_fd(), &request.to_bytes(), flags)?;
        self.number = number;
        self.deadline = Some(now.checked_add(DAEMON_TIMEOUT).ok_or(Errno::EOVERFLOW)?);
        Ok(())
    }

    /// Receives the answer to the open request; `None` if it has not arrived and the deadline has not passed. Discards late
    /// answers to requests that timed out.
    ///
    /// # Errors
    /// `ETIMEDOUT` after the deadline; `EIO` when the daemon could not render the content, or is dead.
    pub(super) fn receive(&mut self, now: Instant) -> Option<Result<Rendered, Errno>> {
        let deadline = self.deadline?;
        let answer = loop {
            let mut message = [0; Answer::SIZE];
            let fd = self.socket.as_raw_fd();
            match recv(fd, &mut message, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if now < deadline => return None,
                Err(Errno::EAGAIN) => break Err(Errno::ETIMEDOUT),
                Err(errno) => break Err(errno),
                Ok(length) => match Answer::from_bytes(message.get(..length).unwrap_or_default()) {
                    Some(answer) if answer.number != self.number => {}
                    answer => break answer.ok_or(Errno::EIO),
                },
            }
        };
        self.deadline = None;
        Some(answer.and_then(|answer| Rendered::from_word(answer.word).ok_or(Errno::EIO)))
    }

    /// Appends the content of the last answer to `response`. The daemon does not write to the page again before the next
    /// request.
    pub(super) fn append_to(&self, response: &mut Vec<u8>, rendered: Rendered) {
        let start = response.len();
        response.resize(start.saturating_add(rendered.length), 0);
        let body = response.get_mut(start..).unwrap_or_default();
        self.page.copy_to(body);
    }
}

impl AsFd for Daemon {
    /// Descriptor that becomes readable with an answer.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;
    use crate::http::PAGE_SIZE;

    /// A worker's connection, the daemon's end of the socket pair, and the memory that the daemon writes.
    fn connection() -> (Daemon, OwnedFd, SharedMemory) {
        let kind = SockType::SeqPacket;
        let (socket, daemon_socket) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::empty()).unwrap();
        let (memory, fd) = SharedMemory::create(PAGE_SIZE).unwrap();
        let page = SharedMemory::open(&fd, PAGE_SIZE).unwrap();
        (Daemon::new(socket, page), daemon_socket, memory)
    }

    #[test]
    fn late_answers_are_discarded() {
        let (mut daemon, socket, mut memory) = connection();
        let answer = |number, length| {
            let available = true;
            let word = Rendered { length, available }.word().unwrap();
            let message = Answer { number, word }.to_parts();
            send(
                socket.as_raw_fd(),
                message.as_flattened(),
                MsgFlags::empty(),
            )
            .unwrap();
        };
        daemon.number = u32::MAX - 1;
        memory.bytes()[..2].copy_from_slice(b"OK");
        // Two late answers precede each answer, even when the number wraps.
        for number in [u32::MAX, 0, 1] {
            let now = Instant::now();
            daemon.ask(Content::Ready, now).unwrap();
            assert_eq!(daemon.receive(now), None);
            answer(number.wrapping_sub(2), 7);
            answer(number.wrapping_sub(1), 8);
            answer(number, 2);
            let rendered = daemon.receive(now).unwrap().unwrap();
            let mut body = b"> ".to_vec();
            daemon.append_to(&mut body, rendered);
            assert_eq!((body.as_slice(), rendered.available), (&b"> OK"[..], true));
            let mut message = [0; Request::SIZE];
            recv(socket.as_raw_fd(), &mut message, MsgFlags::empty()).unwrap();
            let content = Content::Ready;
            let expected = Request { content, number };
            assert_eq!(Request::from_bytes(&message), Some(expected));
        }
    }

    #[test]
    fn late_answers_do_not_extend_the_timeout() {
        let (mut daemon, socket, _memory) = connection();
        daemon.number = 1;
        let start = Instant::now();
        daemon.ask(Content::Ready, start).unwrap();
        let late = Answer { number: 1, word: 2 }.to_parts();
        send(socket.as_raw_fd(), late.as_flattened(), MsgFlags::empty()).unwrap();
        let deadline = daemon.deadline().unwrap();
        assert_eq!(deadline - start, DAEMON_TIMEOUT);
        assert_eq!(daemon.receive(deadline), Some(Err(Errno::ETIMEDOUT)));
        assert_eq!(daemon.deadline(), None);
        daemon.ask(Content::Ready, start).unwrap();
        drop(socket);
        // Closing a socket with unread requests resets the connection.
        let closed = daemon.receive(start);
        assert_eq!(closed, Some(Err(Errno::ECONNRESET)));
        assert_eq!(daemon.ask(Content::Ready, start), Err(Errno::EPIPE));
    }
}
