//! The worker: serves HTTP by `tiny_http` with content that the daemon renders.

use std::io::{self, Cursor, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};
use std::{mem, thread};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, recv, send};
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use super::routes::{HTML, PLAIN, content_of};
use super::{Answer, Content, PAGE_SIZE, Rendered, WorkerDescriptors, cage, gate};
use crate::base::wait::wait;
use crate::config::Service;
use crate::kernel::errno;
use crate::kernel::fd_passing::Descriptors;
use crate::kernel::shared_memory::SharedMemory;
use crate::views::POLICY;

/// Time in which the daemon must answer. The daemon has one thread, which may be filling a large map.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(5);
/// Stack of a thread that responds, in bytes.
const STACK_SIZE: usize = 128 << 10;
/// Largest body that the socket to the gate takes without blocking, in bytes. The default buffer of Linux has 208 KiB.
const MAX_DIRECT_BODY: usize = 64 << 10;

/// Headers of HTML: the browser loads and runs nothing but the page's own style and script.
const HTML_HEADERS: [(&str, &str); 2] = [
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
];

/// The connection to the daemon. Only one thread may use it, because there is one shared page.
struct Daemon {
    socket: OwnedFd,
    page: SharedMemory,
    /// Number of the last request.
    number: u32,
}

/// Buffers of the thread that answers requests, reused for each response.
#[derive(Default)]
struct Buffers {
    body: Vec<u8>,
    /// Headers and body.
    response: Vec<u8>,
}

/// Serves HTTP in the cage until the daemon closes its sockets. The descriptors are the socket for requests to the
/// daemon, the socket from which listening sockets arrive, and the shared page.
///
/// # Errors
/// `EBADF` without these descriptors, errors of the cage, `EMFILE`, `ENOMEM`; `ETIMEDOUT` when `tiny_http` hangs.
pub fn run(descriptors: Descriptors) -> Result<(), Errno> {
    prctl::set_name(c"corexdp-page")?;
    let WorkerDescriptors {
        requests: socket,
        listen,
        page,
    } = WorkerDescriptors::from_message(descriptors).ok_or(Errno::EBADF)?;
    let memory = SharedMemory::open(&page, PAGE_SIZE)?;
    // The mapping stays when the descriptor is closed.
    drop(page);
    cage::enter()?;
    let (listener, inner) = gate::Inner::listen().map_err(|error| errno(&error))?;
    cage::close()?;
    let daemon = Daemon {
        socket,
        page: memory,
        number: 0,
    };
    start(listener, daemon).map_err(|error| errno(&error))?;
    gate::run(&listen, inner)
}

/// Starts `tiny_http` and the thread that answers its requests. Both run until the process ends.
fn start(listener: UnixListener, mut daemon: Daemon) -> io::Result<()> {
    let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
    // Never dropped: the drop panics for a socket with an abstract name.
    let server: &Server = Box::leak(Box::new(server));
    thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || serve(server, &mut daemon))?;
    Ok(())
}

fn serve(server: &Server, daemon: &mut Daemon) {
    // After a failed accept tiny_http accepts no more connections. The daemon replaces a worker that ends.
    let mut buffers = Buffers::default();
    while let Ok(request) = server.recv() {
        answer(request, daemon, &mut buffers);
    }
    std::process::exit(1);
}

/// The service in the header that the gate adds.
fn service_of(request: &Request) -> Option<Service> {
    let mut headers = request.headers().iter();
    let header = headers.find(|header| header.field.equiv(gate::framing::SERVICE_HEADER))?;
    Service::from_number(header.value.as_str().parse().ok()?)
}

fn answer(request: Request, daemon: &mut Daemon, buffers: &mut Buffers) {
    let buffer = &mut buffers.response;
    // The gate adds the header to every request.
    let service = service_of(&request).unwrap_or(Service::Ready);
    let (content, kind) = match content_of(service, request.url()) {
        Ok(found) => found,
        Err(text) => return reply(request, 404, PLAIN, text.as_bytes(), buffer),
    };
    if !matches!(request.method(), Method::Get | Method::Head) {
        return reply(request, 405, PLAIN, b"only GET and HEAD\n", buffer);
    }
    match daemon.ask(content, &mut buffers.body) {
        Ok(true) if buffers.body.len() > MAX_DIRECT_BODY => {
            reply_in_thread(request, kind, mem::take(&mut buffers.body));
        }
        Ok(good) => {
            let status = if good { 200 } else { 503 };
            reply(request, status, kind, &buffers.body, buffer);
        }
        Err(_) => {
            let text = b"the daemon cannot render this page; its log says why\n";
            reply(request, 503, PLAIN, text, buffer);
        }
    }
}

/// Responds from a separate thread, so that a slow client does not delay other responses; in pieces, so that memory
/// holds the body only once. The gate's limit on requests bounds the threads. If no thread starts, dropping the request
/// responds with status 500.
fn reply_in_thread(request: Request, kind: &'static str, body: Vec<u8>) {
    // The client may have closed its connection.
    let respond = move || drop(request.respond(response(200, kind, &body)));
    let _ = thread::Builder::new().stack_size(STACK_SIZE).spawn(respond);
}

/// Responds with a single write. `Request::respond` writes in pieces, each of which wakes the client.
fn reply(request: Request, status: u16, kind: &str, body: &[u8], buffer: &mut Vec<u8>) {
    buffer.clear();
    let response = response(status, kind, body);
    let version = request.http_version().clone();
    let no_body = *request.method() == Method::Head;
    let printed = response.raw_print(&mut *buffer, version, request.headers(), no_body, None);
    let mut client = request.into_writer();
    // The client may have closed its connection; printing to memory does not fail.
    let _ = printed
        .and_then(|()| client.write_all(buffer))
        .and_then(|()| client.flush());
}

fn response<'a>(status: u16, kind: &str, body: &'a [u8]) -> Response<Cursor<&'a [u8]>> {
    let mut response = Response::new(
        StatusCode(status),
        Vec::new(),
        Cursor::new(body),
        Some(body.len()),
        None,
    )
    // The length is known, so chunks are only overhead.
    .with_chunked_threshold(usize::MAX);
    let allow = (status == 405).then_some(("Allow", "GET, HEAD"));
    let html = if kind == HTML { &HTML_HEADERS[..] } else { &[] };
    let always = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];
    for &(name, value) in always.iter().chain(&allow).chain(html) {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    response
}

impl Daemon {
    /// Requests `content` from the daemon and copies it to `body`. Returns [`Rendered::good`].
    fn ask(&mut self, content: Content, body: &mut Vec<u8>) -> Result<bool, Errno> {
        self.number = self.number.wrapping_add(1);
        let request = super::Request {
            content,
            number: self.number,
        };
        // Nonblocking: a daemon that is stopped leaves requests unread until the socket takes no more.
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        send(self.socket.as_raw_fd(), &request.to_bytes(), flags)?;
        let answer = self.receive(Instant::now().checked_add(DAEMON_TIMEOUT))?;
        let rendered = Rendered::from_word(answer.word).ok_or(Errno::EIO)?;
        body.resize(rendered.length, 0);
        // The daemon answers in order, so no later answer changes the page before the next request.
        self.page.copy_to(body);
        Ok(rendered.good)
    }

    /// Receives the answer to the last request, and discards late answers to requests that timed out.
    fn receive(&self, deadline: Option<Instant>) -> Result<Answer, Errno> {
        loop {
            let [ready] = wait([Some(self.socket.as_fd())], deadline)?;
            if !ready && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Errno::ETIMEDOUT);
            }
            let mut message = [0; Answer::SIZE];
            let length = match recv(
                self.socket.as_raw_fd(),
                &mut message,
                MsgFlags::MSG_DONTWAIT,
            ) {
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                received => received?,
            };
            let message = message.get(..length).unwrap_or_default();
            let answer = Answer::from_bytes(message).ok_or(Errno::EIO)?;
            if answer.number == self.number {
                return Ok(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    /// A worker's connection, the daemon's end of the socket pair, and the memory that the daemon writes.
    fn connection() -> (Daemon, OwnedFd, SharedMemory) {
        let kind = SockType::SeqPacket;
        let (socket, daemon_socket) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::empty()).unwrap();
        let (memory, fd) = SharedMemory::create(PAGE_SIZE).unwrap();
        let page = SharedMemory::open(&fd, PAGE_SIZE).unwrap();
        let number = 0;
        let daemon = Daemon {
            socket,
            page,
            number,
        };
        (daemon, daemon_socket, memory)
    }

    #[test]
    fn late_answers_are_discarded() {
        let (mut daemon, socket, mut memory) = connection();
        let answer = |number, length| {
            let good = true;
            let word = Rendered { length, good }.word().unwrap();
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
        // Two late answers precede each answer, also where the number wraps.
        for number in [u32::MAX, 0, 1] {
            answer(number.wrapping_sub(2), 7);
            answer(number.wrapping_sub(1), 8);
            answer(number, 2);
            let mut body = Vec::new();
            assert_eq!(daemon.ask(Content::Ready, &mut body), Ok(true));
            assert_eq!(body, b"OK");
            let mut message = [0; super::super::Request::SIZE];
            recv(socket.as_raw_fd(), &mut message, MsgFlags::empty()).unwrap();
            let content = Content::Ready;
            let expected = super::super::Request { content, number };
            let request = super::super::Request::from_bytes(&message);
            assert_eq!(request, Some(expected));
        }
    }

    #[test]
    fn late_answers_do_not_extend_the_timeout() {
        let (mut daemon, socket, _memory) = connection();
        daemon.number = 2;
        let late = Answer { number: 1, word: 2 }.to_parts();
        send(socket.as_raw_fd(), late.as_flattened(), MsgFlags::empty()).unwrap();
        let received = daemon.receive(Some(Instant::now()));
        assert_eq!(received, Err(Errno::ETIMEDOUT));
        drop(socket);
        assert_eq!(daemon.receive(None), Err(Errno::EIO));
    }
}
