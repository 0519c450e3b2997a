//! A connection from the gate. Requests and responses alternate.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::PollFlags;
use tiny_http::Method;

use super::daemon::Daemon;
use super::request::Request;
use super::response;
use crate::http::gate::HEAD_SIZE;
use crate::http::routes::{PLAIN, content_of};
use crate::http::{Content, Rendered};

/// Maximum size of a head in bytes, including the header that the gate adds.
const MAX_HEAD: usize = HEAD_SIZE + 64;
/// Bytes that end a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A nonblocking connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    stage: Stage,
}

/// Stage of a request.
#[derive(Debug)]
enum Stage {
    /// The head is incomplete; its bytes.
    Head(Vec<u8>),
    /// The request waits until the daemon has answered earlier requests; since this time.
    Queued(Wanted, Instant),
    /// The request was sent to the daemon.
    Asked(Wanted),
    /// The response is not completely written.
    Response {
        bytes: Vec<u8>,
        written: usize,
        last: bool,
    },
    /// The connection is to be closed.
    Closed,
}

/// A request with the content that it needs.
#[derive(Debug)]
struct Wanted {
    request: Request,
    content: Content,
    /// Value of `Content-Type`.
    content_type: &'static str,
}

impl Connection {
    pub(super) const fn new(stream: UnixStream) -> Self {
        let stage = Stage::Head(Vec::new());
        Self { stream, stage }
    }

    /// Descriptor and events to poll. While a request waits for its response, the only readable event is the end of the
    /// connection.
    pub(super) fn poll_events(&self) -> (BorrowedFd<'_>, PollFlags) {
        let events = match self.stage {
            Stage::Response { .. } => PollFlags::POLLOUT,
            _ => PollFlags::POLLIN,
        };
        (self.stream.as_fd(), events)
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// True if the daemon has the request of this connection.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }

    /// Time since which the request waits for the daemon.
    pub(super) const fn queued(&self) -> Option<Instant> {
        match self.stage {
            Stage::Queued(_, since) => Some(since),
            _ => None,
        }
    }

    /// Handles an event.
    pub(super) fn step(&mut self, now: Instant) {
        match self.stage {
            Stage::Head(_) => self.receive(now),
            Stage::Queued(..) | Stage::Asked(_) => self.stage = Stage::Closed,
            Stage::Response { .. } => self.write(),
            Stage::Closed => {}
        }
    }

    /// Sends the queued request to the daemon.
    pub(super) fn ask(&mut self, daemon: &mut Daemon, now: Instant) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Queued(wanted, _) => match daemon.ask(wanted.content, now) {
                Ok(()) => self.stage = Stage::Asked(wanted),
                Err(_) => self.fail(&wanted.request),
            },
            other => self.stage = other,
        }
    }

    /// Responds with the daemon's answer.
    pub(super) fn answer(&mut self, daemon: &Daemon, answer: Result<Rendered, Errno>) {
        let Stage::Asked(wanted) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return;
        };
        let request = &wanted.request;
        let Ok(rendered) = answer else {
            return self.fail(request);
        };
        let status = if rendered.available { 200 } else { 503 };
        let content_type = wanted.content_type;
        let mut bytes = response::head(status, &request.version, content_type, rendered.length);
        if request.method != Method::Head {
            daemon.append_to(&mut bytes, rendered);
        }
        self.respond(bytes, request.last);
    }

    fn receive(&mut self, now: Instant) {
        let Stage::Head(head) = &mut self.stage else {
            return;
        };
        let mut buffer = [0; 2048];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(length @ 1..) if head.len().saturating_add(length) <= MAX_HEAD => {
                    head.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    if head.ends_with(HEAD_END) {
                        let request = Request::parse(head);
                        return self.begin(request, now);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    self.stage = Stage::Closed;
                    return;
                }
            }
        }
    }

    /// Queues the request, or responds if it needs no content.
    fn begin(&mut self, request: Result<Request, super::request::Invalid>, now: Instant) {
        let request = match request {
            Ok(request) => request,
            Err(invalid) => return self.respond(response::refusal(invalid), true),
        };
        match content_of(request.service, &request.url) {
            Err(text) => self.respond_with_text(&request, 404, text),
            Ok(_) if !matches!(request.method, Method::Get | Method::Head) => {
                self.respond_with_text(&request, 405, "only GET and HEAD\n");
            }
            Ok((content, content_type)) => {
                let wanted = Wanted {
                    request,
                    content,
                    content_type,
                };
                self.stage = Stage::Queued(wanted, now);
            }
        }
    }

    fn fail(&mut self, request: &Request) {
        let text = "the daemon cannot render this page; its log says why\n";
        self.respond_with_text(request, 503, text);
    }

    fn respond_with_text(&mut self, request: &Request, status: u16, text: &str) {
        let mut bytes = response::head(status, &request.version, PLAIN, text.len());
        if request.method != Method::Head {
            bytes.extend_from_slice(text.as_bytes());
        }
        self.respond(bytes, request.last);
    }

    fn respond(&mut self, bytes: Vec<u8>, last: bool) {
        let written = 0;
        self.stage = Stage::Response {
            bytes,
            written,
            last,
        };
        self.write();
    }

    /// Writes as much of the response as the gate accepts: the whole response, unless the client is slow.
    fn write(&mut self) {
        let Stage::Response {
            bytes,
            written,
            last,
        } = &mut self.stage
        else {
            return;
        };
        self.stage = match write_rest(&self.stream, bytes, written) {
            Ok(false) => return,
            Ok(true) if !*last => Stage::Head(Vec::new()),
            Ok(true) | Err(_) => Stage::Closed,
        };
    }
}

/// Writes the bytes from `written` on, and advances `written`. Returns true at the end, false if the socket is full.
fn write_rest(mut stream: &UnixStream, bytes: &[u8], written: &mut usize) -> io::Result<bool> {
    loop {
        let rest = bytes.get(*written..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(true);
        }
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *written = written.saturating_add(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
