//! The *responder*: answers the requests that the gate forwards.
//!
//! The daemon renders one content at a time, so the responder sends one request at a time to the daemon, in the order of
//! arrival. Meanwhile the responder writes other responses.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use heapless::VecView;
use nix::poll::{PollFd, PollFlags};

use super::connection::Connection;
use super::daemon::Daemon;
use crate::http::gate::REQUESTS;

/// Maximum number of connections: [`REQUESTS`] open ones, and as many that the gate has just closed.
const MAX_CONNECTIONS: usize = 2 * REQUESTS;
/// Maximum number of descriptors that the responder polls.
pub(super) const DESCRIPTORS: usize = MAX_CONNECTIONS + 1;

/// For each connection, true if its descriptor has an event.
pub(super) type Ready = heapless::Vec<bool, MAX_CONNECTIONS>;

/// The responder's connections, and its connection to the daemon.
pub(super) struct Responder {
    daemon: Daemon,
    connections: heapless::Vec<Connection, MAX_CONNECTIONS>,
}

impl Responder {
    pub(super) const fn new(daemon: Daemon) -> Self {
        Self {
            daemon,
            connections: heapless::Vec::new(),
        }
    }

    /// Adds the descriptors to poll to an empty list. Returns the time at which the daemon's answer is late.
    pub(super) fn watch<'a>(&'a self, fds: &mut VecView<PollFd<'a>>) -> Option<Instant> {
        // Cannot fail: the list has room for all descriptors.
        for (fd, events) in self.connections.iter().map(Connection::poll_events) {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadline = self.daemon.deadline();
        if deadline.is_some() {
            let _ = fds.push(PollFd::new(self.daemon.as_fd(), PollFlags::POLLIN));
        }
        deadline
    }

    /// The connections that are ready, after a poll of the list of [`Responder::watch`].
    pub(super) fn ready(&self, fds: &[PollFd<'_>]) -> Ready {
        let ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
        ready.take(self.connections.len()).collect()
    }

    /// Handles events: of the connections that are ready, and of the daemon.
    pub(super) fn turn(&mut self, ready: &Ready, now: Instant) {
        for (connection, &ready) in self.connections.iter_mut().zip(ready) {
            if ready {
                connection.step(now);
            }
        }
        let mut connections = self.connections.iter_mut();
        if let Some(answer) = self.daemon.receive(now)
            && let Some(connection) = connections.find(|connection| connection.is_asked())
        {
            connection.answer(&self.daemon, answer);
        }
        self.drop_closed();
        self.ask(now);
        self.drop_closed();
    }

    /// Takes a new connection, and reads its request without waiting. A connection that exceeds [`MAX_CONNECTIONS`] is
    /// closed.
    pub(super) fn take(&mut self, stream: UnixStream, now: Instant) {
        let mut connection = Connection::new(stream);
        connection.step(now);
        let _ = self.connections.push(connection);
    }

    /// Drops closed connections; the gate waits for their end.
    fn drop_closed(&mut self) {
        self.connections
            .retain(|connection| !connection.is_closed());
    }

    /// Sends the oldest queued request to the daemon, unless another request is open.
    fn ask(&mut self, now: Instant) {
        while self.daemon.deadline().is_none() {
            let queued = self
                .connections
                .iter_mut()
                .filter_map(|connection| Some((connection.queued()?, connection)));
            let Some((_, next)) = queued.min_by_key(|(since, _)| *since) else {
                return;
            };
            next.ask(&mut self.daemon, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::{AsRawFd as _, OwnedFd};

    use nix::poll::poll;
    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

    use super::*;
    use crate::base::wait::timeout;
    use crate::http::gate;
    use crate::http::{Answer, Content, PAGE_SIZE, Rendered, Request};
    use crate::kernel::shared_memory::SharedMemory;

    /// A responder between gate and daemon, which the test plays.
    struct Stage {
        responder: Responder,
        daemon: OwnedFd,
        _page: SharedMemory,
    }

    impl Stage {
        fn new() -> Self {
            let kind = SockType::SeqPacket;
            let (socket, daemon) =
                socketpair(AddressFamily::Unix, kind, None, SockFlag::empty()).unwrap();
            let (mut page, fd) = SharedMemory::create(PAGE_SIZE).unwrap();
            page.bytes().fill(b'p');
            let memory = SharedMemory::open(&fd, PAGE_SIZE).unwrap();
            Self {
                responder: Responder::new(Daemon::new(socket, memory)),
                daemon,
                _page: page,
            }
        }

        /// Opens a connection and sends a request of the service `Metrics`.
        fn request(&mut self, line: &str) -> UnixStream {
            let (mut stream, theirs) = gate::connect().unwrap();
            let head = format!("{line}\r\nCorexdp-Service: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let now = Instant::now();
            self.responder.take(theirs, now);
            self.responder.turn(&Ready::new(), now);
            stream
        }

        /// Waits for events, and handles them.
        fn turn(&mut self) {
            let mut fds = heapless::Vec::<PollFd<'_>, DESCRIPTORS>::new();
            let deadline = self.responder.watch(&mut fds);
            poll(&mut fds, timeout(deadline)).unwrap();
            let ready = self.responder.ready(&fds);
            drop(fds);
            self.responder.turn(&ready, Instant::now());
        }

        /// Receives the request that the responder sent to the daemon.
        fn asked(&self) -> Option<Request> {
            let mut message = [0; Request::SIZE];
            let flags = MsgFlags::MSG_DONTWAIT;
            recv(self.daemon.as_raw_fd(), &mut message, flags).ok()?;
            Request::from_bytes(&message)
        }

        /// Answers `request` with content of `length` bytes.
        fn answer(&mut self, request: Request, length: usize) {
            let rendered = Rendered {
                length,
                available: true,
            };
            let (number, word) = (request.number, rendered.word().unwrap());
            let answer = Answer { number, word }.to_parts();
            let flags = MsgFlags::empty();
            send(self.daemon.as_raw_fd(), answer.as_flattened(), flags).unwrap();
            self.turn();
        }
    }

    /// Reads all bytes that have arrived.
    fn read(mut stream: &UnixStream) -> String {
        let mut text = Vec::new();
        let end = stream.read_to_end(&mut text);
        let blocks = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(end.is_ok() || end.is_err_and(blocks));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn daemon_gets_one_request_at_a_time_in_order() {
        let mut stage = Stage::new();
        let first = stage.request("GET /metrics HTTP/1.1");
        let second = stage.request("HEAD / HTTP/1.1");
        let request = stage.asked().unwrap();
        assert_eq!((request.content, stage.asked()), (Content::Metrics, None));
        stage.answer(request, 3);
        assert!(read(&first).ends_with("Content-Length: 3\r\n\r\nppp"));
        let request = stage.asked().unwrap();
        assert_eq!(request.content, Content::Html);
        stage.answer(request, 5);
        let text = read(&second);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(": 5\r\n\r\n"));
    }

    #[test]
    fn slow_client_delays_no_other() {
        let mut stage = Stage::new();
        let slow = stage.request("GET /metrics HTTP/1.0");
        let request = stage.asked().unwrap();
        stage.answer(request, PAGE_SIZE);
        let quick = stage.request("GET /status HTTP/1.1");
        let request = stage.asked().unwrap();
        stage.answer(request, 2);
        assert!(read(&quick).ends_with("\r\n\r\npp"));
        let body = "p".repeat(PAGE_SIZE);
        let mut text = read(&slow);
        while !text.ends_with(&body) {
            stage.turn();
            text += &read(&slow);
        }
        // The responder closes the connection after a request of HTTP/1.0.
        assert_eq!(stage.responder.connections.len(), 1);
    }

    #[test]
    fn requests_without_content_do_not_reach_the_daemon() {
        let mut stage = Stage::new();
        for (line, status) in [
            ("GET /nowhere HTTP/1.1", "404 Not Found"),
            ("POST / HTTP/1.1", "405 Method Not Allowed"),
            ("GET /", "400 Bad Request"),
            ("GET / HTTP/1.1\r\nExpect: more", "417 Expectation Failed"),
        ] {
            let stream = stage.request(line);
            let text = read(&stream);
            let expected = format!("HTTP/1.1 {status}\r\n");
            assert!(text.starts_with(&expected), "{line}: {text}");
        }
        assert_eq!(stage.asked(), None);
    }

    #[test]
    fn requests_of_closed_connections_are_dropped() {
        let mut stage = Stage::new();
        let first = stage.request("GET /metrics HTTP/1.1");
        let second = stage.request("GET /status HTTP/1.1");
        drop((first, second));
        stage.turn();
        assert!(stage.responder.connections.is_empty());
        let request = stage.asked().unwrap();
        stage.answer(request, 3);
        assert_eq!(stage.asked(), None);
        let third = stage.request("GET / HTTP/1.1");
        let request = stage.asked().unwrap();
        assert_eq!(request.content, Content::Html);
        stage.answer(request, 3);
        assert!(read(&third).ends_with("ppp"));
    }

    #[test]
    fn dead_daemon_gives_503() {
        let mut stage = Stage::new();
        let stream = stage.request("GET /metrics HTTP/1.1");
        stage.asked().unwrap();
        let (other, _) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::empty(),
        )
        .unwrap();
        // Drops the daemon's end, as when the daemon dies.
        stage.daemon = other;
        stage.turn();
        assert!(read(&stream).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
        let next = stage.request("GET / HTTP/1.1");
        assert!(read(&next).starts_with("HTTP/1.1 503 "));
    }
}
