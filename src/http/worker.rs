//! The worker: HTTP, by `tiny_http`, for content that the daemon makes.

use std::io::{self, Cursor, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::{mem, thread};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use super::routes::{HTML, PLAIN, content_of};
use super::{Content, Made, PAGE_SIZE, cage, gate};
use crate::config::Service;
use crate::kernel::fd_passing::Descriptors;
use crate::kernel::shared_memory::SharedMemory;
use crate::kernel::{errno, retry};
use crate::views::POLICY;

/// How long the daemon may take for an answer; it is single-threaded and could be loading a large map.
const ANSWER_TIMEOUT_SECONDS: i64 = 5;
/// Of a thread that answers, in bytes.
const STACK_SIZE: usize = 128 << 10;
/// A body of so many bytes does not wait for its reader: the socket to the gate takes it all. Linux gives it 208 KiB.
const AT_ONCE: usize = 64 << 10;

/// What a browser is told of HTML: that nothing but its own style and script is any part of it.
const STRICT: [(&str, &str); 2] = [
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
];

/// The way to the daemon, for one thread: there is one shared page.
struct Daemon {
    socket: OwnedFd,
    page: SharedMemory,
}

/// What answers are made in, kept from one to the next.
#[derive(Default)]
struct Buffers {
    /// The content.
    body: Vec<u8>,
    /// What is sent: the headers and the content.
    answer: Vec<u8>,
}

/// Serves pages until the daemon lets go of the worker, from within the cage. The descriptors are the way to the daemon,
/// the way by which it says where to listen, and the shared page.
///
/// # Errors
/// When they are others, the cage can't be closed, the system has nothing left, or `tiny_http` hangs.
pub fn run(descriptors: Descriptors) -> Result<(), Errno> {
    prctl::set_name(c"corexdp-page")?;
    let mut descriptors = descriptors.into_iter();
    let socket = descriptors.next().ok_or(Errno::EBADF)?;
    let orders = descriptors.next().ok_or(Errno::EBADF)?;
    // Mapped, and closed again.
    let page = SharedMemory::open(&descriptors.next().ok_or(Errno::EBADF)?, PAGE_SIZE)?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::seconds(ANSWER_TIMEOUT_SECONDS),
    )?;
    cage::enter()?;
    let (listener, inner) = gate::Inner::listen().map_err(|error| errno(&error))?;
    cage::close()?;
    start(listener, Daemon { socket, page }).map_err(|error| errno(&error))?;
    gate::run(&orders, inner)
}

/// Starts `tiny_http` and the thread that answers for it; both last as long as the process.
fn start(listener: UnixListener, daemon: Daemon) -> io::Result<()> {
    let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
    // Never dropped: dropping it panics where the name is abstract.
    let server: &Server = Box::leak(Box::new(server));
    thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || serve(server, &daemon))?;
    Ok(())
}

fn serve(server: &Server, daemon: &Daemon) {
    // An accept that failed ends tiny_http's accepting for good. Ending the worker makes the daemon start a new one.
    let mut buffers = Buffers::default();
    while let Ok(request) = server.recv() {
        answer(request, daemon, &mut buffers);
    }
    std::process::exit(1);
}

/// Where the request came in, as the gate says.
fn service_of(request: &Request) -> Option<Service> {
    let mut headers = request.headers().iter();
    let door = headers.find(|header| header.field.equiv(gate::framing::DOOR))?;
    Service::from_number(door.value.as_str().parse().ok()?)
}

fn answer(request: Request, daemon: &Daemon, buffers: &mut Buffers) {
    let whole = &mut buffers.answer;
    // The gate marks every request.
    let service = service_of(&request).unwrap_or(Service::Ready);
    let (content, kind) = match content_of(service, request.url()) {
        Ok(found) => found,
        Err(instead) => return reply(request, 404, PLAIN, instead.as_bytes(), whole),
    };
    if !matches!(request.method(), Method::Get | Method::Head) {
        return reply(request, 405, PLAIN, b"only GET and HEAD\n", whole);
    }
    match daemon.ask(content, &mut buffers.body) {
        Ok(true) if buffers.body.len() > AT_ONCE => {
            reply_apart(request, kind, mem::take(&mut buffers.body));
        }
        Ok(good) => {
            let status = if good { 200 } else { 503 };
            reply(request, status, kind, &buffers.body, whole);
        }
        Err(_) => {
            let what = b"the daemon could not make this page; its log says why\n";
            reply(request, 503, PLAIN, what, whole);
        }
    }
}

/// Answers from a thread of its own, so that others do not wait for this answer's reader, and piece by piece, so that it
/// is in memory but once. There are no more such threads than the gate lets requests through. Without one, the request
/// that is dropped answers 500.
fn reply_apart(request: Request, kind: &'static str, body: Vec<u8>) {
    // A client that went away is no news.
    let respond = move || drop(request.respond(response(200, kind, &body)));
    let _ = thread::Builder::new().stack_size(STACK_SIZE).spawn(respond);
}

/// Answers in one piece: what `Request::respond` does piece by piece, waking the client for each.
fn reply(request: Request, status: u16, kind: &str, body: &[u8], whole: &mut Vec<u8>) {
    whole.clear();
    let response = response(status, kind, body);
    let version = request.http_version().clone();
    let no_body = *request.method() == Method::Head;
    let printed = response.raw_print(&mut *whole, version, request.headers(), no_body, None);
    let mut client = request.into_writer();
    // A client that went away is no news, and printing to memory does not fail.
    let _ = printed
        .and_then(|()| client.write_all(whole))
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
    // Chunks would only cost: the length is known.
    .with_chunked_threshold(usize::MAX);
    let allow = (status == 405).then_some(("Allow", "GET, HEAD"));
    let strict = if kind == HTML { &STRICT[..] } else { &[] };
    let always = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    for &(name, value) in always.iter().chain(&allow).chain(strict) {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    response
}

impl Daemon {
    /// Has the daemon make `content`, and copies it to `body`; whether it says that all is well.
    fn ask(&self, content: Content, body: &mut Vec<u8>) -> Result<bool, Errno> {
        let fd = self.socket.as_raw_fd();
        // An answer to a question that timed out before would be taken for this one's.
        while recv(fd, &mut [0; 4], MsgFlags::MSG_DONTWAIT).is_ok_and(|length| length > 0) {}
        send(fd, &[content.byte()], MsgFlags::MSG_NOSIGNAL)?;
        let mut word = [0; 4];
        let received = retry(|| recv(fd, &mut word, MsgFlags::empty()))?;
        let made = Made::from_word(u32::from_ne_bytes(word));
        let made = made.filter(|_| received == word.len()).ok_or(Errno::EIO)?;
        body.resize(made.length, 0);
        self.page.copy_to(body);
        Ok(made.good)
    }
}
