//! The worker: HTTP, by `tiny_http`, for content that the daemon makes.

use std::io::{Cursor, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use super::{Content, FAILED, FIRST_LISTENER_FD, PAGE_FD, PAGE_SIZE, SOCKET_FD};
use crate::kernel::shared::{SharedPage, inherited};

/// How long the daemon may take for an answer; it is single-threaded and could be loading a large map.
const ANSWER_TIMEOUT_SECONDS: i64 = 5;

/// The way to the daemon. One request at a time: there is one shared page.
struct Daemon {
    socket: OwnedFd,
    page: SharedPage,
}

/// What answers are made in, kept from one to the next.
#[derive(Default)]
struct Buffers {
    /// The content.
    body: Vec<u8>,
    /// What is sent: the headers and the content.
    answer: Vec<u8>,
}

/// Serves pages until the daemon is gone. `listeners` is how many listening sockets it was born with.
///
/// # Errors
/// When it was not started by the daemon.
pub fn run(listeners: i32) -> Result<(), Errno> {
    // It was started by way of /proc/self/exe, and `ps` would show it as `exe`.
    prctl::set_name(c"corexdp-page")?;
    let socket = inherited(SOCKET_FD).ok_or(Errno::EBADF)?;
    let page = SharedPage::open(&inherited(PAGE_FD).ok_or(Errno::EBADF)?, PAGE_SIZE)?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::seconds(ANSWER_TIMEOUT_SECONDS),
    )?;
    let watched = socket.try_clone().map_err(|_| Errno::EMFILE)?;
    let daemon = Arc::new(Mutex::new(Daemon { socket, page }));
    for number in (FIRST_LISTENER_FD..).take(usize::try_from(listeners).unwrap_or(0)) {
        let listener = TcpListener::from(inherited(number).ok_or(Errno::EBADF)?);
        let server = Server::from_listener(listener, None).map_err(|_| Errno::ENOTSOCK)?;
        let daemon = Arc::clone(&daemon);
        thread::spawn(move || serve(&server, &daemon));
    }
    wait_for_end(&watched);
    Ok(())
}

/// Sleeps until the daemon's end of the socket pair is closed, however the daemon ended.
fn wait_for_end(socket: &OwnedFd) {
    loop {
        // No event asked for: only the hang-up, which is always told, wakes.
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::empty())];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            _ => return,
        }
    }
}

fn serve(server: &Server, daemon: &Mutex<Daemon>) {
    // An accept that failed ends tiny_http's accepting for good. Ending the worker makes the daemon start a new one.
    let mut buffers = Buffers::default();
    while let Ok(request) = server.recv() {
        answer(request, daemon, &mut buffers);
    }
    std::process::exit(1);
}

/// What a path answers.
fn content_of(path: &str) -> Option<(Content, &'static str)> {
    match path.split_once('?').map_or(path, |(path, _)| path) {
        "/metrics" => Some((Content::Metrics, "text/plain; version=0.0.4; charset=utf-8")),
        "/" => Some((Content::Overview, "text/html; charset=utf-8")),
        _ => None,
    }
}

fn answer(request: Request, daemon: &Mutex<Daemon>, buffers: &mut Buffers) {
    let Some((content, kind)) = content_of(request.url()) else {
        return reply(
            request,
            404,
            "text/plain; charset=utf-8",
            b"not found; there are / and /metrics\n",
            &mut buffers.answer,
        );
    };
    if !matches!(request.method(), Method::Get | Method::Head) {
        return reply(
            request,
            405,
            "text/plain; charset=utf-8",
            b"only GET and HEAD\n",
            &mut buffers.answer,
        );
    }
    let made = daemon
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .ask(content, &mut buffers.body);
    match made {
        Ok(()) => reply(request, 200, kind, &buffers.body, &mut buffers.answer),
        Err(_) => reply(
            request,
            503,
            "text/plain; charset=utf-8",
            b"the daemon could not make this page; its log says why\n",
            &mut buffers.answer,
        ),
    }
}

/// Answers in one piece: what `Request::respond` does piece by piece, waking the client for each.
fn reply(request: Request, status: u16, kind: &str, body: &[u8], whole: &mut Vec<u8>) {
    let length = body.len();
    let mut response = Response::new(
        StatusCode(status),
        Vec::new(),
        Cursor::new(body),
        Some(length),
        None,
    )
    // Chunks would only cost: the length is known.
    .with_chunked_threshold(usize::MAX);
    let allow = (status == 405).then_some(("Allow", "GET, HEAD"));
    for (name, value) in [("Content-Type", kind), ("Cache-Control", "no-store")]
        .into_iter()
        .chain(allow)
    {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    whole.clear();
    let version = request.http_version().clone();
    let no_body = *request.method() == Method::Head;
    let printed = response.raw_print(&mut *whole, version, request.headers(), no_body, None);
    let mut client = request.into_writer();
    // A client that went away is no news, and printing to memory does not fail.
    let _ = printed
        .and_then(|()| client.write_all(whole))
        .and_then(|()| client.flush());
}

impl Daemon {
    /// Has the daemon make `content`, and copies it to `body`.
    fn ask(&self, content: Content, body: &mut Vec<u8>) -> Result<(), Errno> {
        let fd = self.socket.as_raw_fd();
        // An answer to a question that timed out before would be taken for this one's.
        while recv(fd, &mut [0; 4], MsgFlags::MSG_DONTWAIT).is_ok_and(|length| length > 0) {}
        send(fd, &[content.byte()], MsgFlags::MSG_NOSIGNAL)?;
        let mut length = [0; 4];
        let received = recv(fd, &mut length, MsgFlags::empty())?;
        let length = u32::from_ne_bytes(length);
        if received != size_of::<u32>() || length == FAILED {
            return Err(Errno::EIO);
        }
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= PAGE_SIZE)
            .ok_or(Errno::EIO)?;
        body.resize(length, 0);
        self.page.copy_to(body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, expected) in [
            ("/metrics", Some(Content::Metrics)),
            ("/metrics?x=1", Some(Content::Metrics)),
            ("/", Some(Content::Overview)),
            ("/?", Some(Content::Overview)),
            ("/metrics/", None),
            ("/Metrics", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(
                content_of(path).map(|(content, _)| content),
                expected,
                "{path}"
            );
        }
    }
}
