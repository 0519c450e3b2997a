//! The worker: HTTP, by `tiny_http`, for content that the daemon makes.

use std::io::Cursor;
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

use super::{Content, FAILED, PAGE_SIZE, cage};
use crate::kernel::passing::Descriptors;
use crate::kernel::shared::SharedPage;

/// How long the daemon may take for an answer; it is single-threaded and could be loading a large map.
const ANSWER_TIMEOUT_SECONDS: i64 = 5;

/// The way to the daemon. One request at a time: there is one shared page.
struct Daemon {
    socket: OwnedFd,
    page: SharedPage,
}

/// Serves pages until the daemon lets go of the worker, from within the cage. The descriptors are the way to the daemon,
/// the shared page, and the listening sockets.
///
/// # Errors
/// When they are others, or the cage can't be closed.
pub fn run(descriptors: Descriptors) -> Result<(), Errno> {
    prctl::set_name(c"corexdp-page")?;
    let mut descriptors = descriptors.into_iter();
    let socket = descriptors.next().ok_or(Errno::EBADF)?;
    // Mapped, and closed again.
    let page = SharedPage::open(&descriptors.next().ok_or(Errno::EBADF)?, PAGE_SIZE)?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::seconds(ANSWER_TIMEOUT_SECONDS),
    )?;
    let watched = socket.try_clone().map_err(|_| Errno::EMFILE)?;
    cage::enter()?;
    cage::close()?;
    let daemon = Arc::new(Mutex::new(Daemon { socket, page }));
    for listener in descriptors.map(TcpListener::from) {
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
    while let Ok(request) = server.recv() {
        answer(request, daemon);
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

fn answer(request: Request, daemon: &Mutex<Daemon>) {
    let Some((content, kind)) = content_of(request.url()) else {
        return reply(
            request,
            404,
            "text/plain; charset=utf-8",
            b"not found; there are / and /metrics\n".to_vec(),
        );
    };
    if !matches!(request.method(), Method::Get | Method::Head) {
        return reply(
            request,
            405,
            "text/plain; charset=utf-8",
            b"only GET and HEAD\n".to_vec(),
        );
    }
    let made = daemon
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .ask(content);
    match made {
        Ok(body) => reply(request, 200, kind, body),
        Err(_) => reply(
            request,
            503,
            "text/plain; charset=utf-8",
            b"the daemon could not make this page; its log says why\n".to_vec(),
        ),
    }
}

fn reply(request: Request, status: u16, kind: &str, body: Vec<u8>) {
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
    // A client that went away is no news.
    let _ = request.respond(response);
}

impl Daemon {
    /// Has the daemon make `content`, and copies it.
    fn ask(&self, content: Content) -> Result<Vec<u8>, Errno> {
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
        let mut body = vec![0; length];
        self.page.copy_to(&mut body);
        Ok(body)
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
