//! Requests to the page: their length, their time limit, and the order of responses.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::abusive_clients::{connect, exchange};
use support::net::{Daemon, Site};
use support::wait::PATIENCE;

pub(super) const COREFILE: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    metric packets 00000000 8 4 \"Packets.\"
  }
}
";

pub(super) fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

/// Runs `act` in the network namespace of a page.
pub(super) fn with_page(act: impl FnOnce() + Send) {
    let (site, daemon) = start();
    let worker = daemon.worker();
    site.server.enter(act);
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    daemon.stop();
}

/// Sends a request and returns the status line of the response.
fn status(request: &str) -> String {
    let answer = exchange(request.as_bytes());
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Reads one response from a connection: its status code and its body.
pub(super) fn answer(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), String::from_utf8(body).unwrap())
}

#[test]
fn oversized_and_unsupported_requests_are_refused() {
    with_page(|| {
        // A request head of `length` bytes in all.
        let head = |length: usize| {
            let ends = ("GET /nowhere HTTP/1.0\r\nX: ", "\r\n\r\n");
            format!(
                "{}{}{}",
                ends.0,
                "x".repeat(length - ends.0.len() - ends.1.len()),
                ends.1
            )
        };
        let close = "\r\nConnection: close\r\n\r\n";
        for (request, expected) in [
            (head(8192), "HTTP/1.0 404 Not Found"),
            (head(8193), "HTTP/1.1 431 Request Header Fields Too Large"),
            (
                "GET / HTTP/2.0\r\n\r\n".into(),
                "HTTP/1.1 505 HTTP Version Not Supported",
            ),
            ("GET /\r\n\r\n".into(), "HTTP/1.1 400 Bad Request"),
            ("GET / HTTP/1.1\n\n".into(), "HTTP/1.1 400 Bad Request"),
            (
                "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "HTTP/1.1 400 Bad Request",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n".into(),
                "HTTP/1.1 417 Expectation Failed",
            ),
            // The bodies of these requests are never sent.
            (
                format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5{close}"),
                "HTTP/1.1 405 Method Not Allowed",
            ),
            (
                format!(
                    "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}{close}",
                    u64::MAX
                ),
                "HTTP/1.1 404 Not Found",
            ),
            (
                format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked{close}"),
                "HTTP/1.1 405 Method Not Allowed",
            ),
        ] {
            let start: String = request.chars().take(60).collect();
            assert_eq!(status(&request), expected, "{start}");
        }
    });
}

#[test]
fn request_body_is_not_the_next_request() {
    with_page(|| {
        let body = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
        let length = body.len();
        let answers = exchange(
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
                .as_bytes(),
        );
        assert!(answers.starts_with("HTTP/1.1 405 "), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    });
}

#[test]
fn responses_keep_the_order_of_requests() {
    with_page(|| {
        let mut stream = connect().unwrap();
        let requests = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\nTE: chunked\r\n\r\n";
        for byte in requests.repeat(20).as_bytes().chunks(7) {
            stream.write_all(byte).unwrap();
        }
        for _ in 0..20 {
            let (status, body) = answer(&mut stream);
            assert_eq!(status, "200");
            assert!(body.contains("\ncoredns_ebpf_packets 0\n"), "{body}");
            assert_eq!(answer(&mut stream).0, "404");
        }
    });
}

#[test]
fn request_head_may_take_ten_seconds() {
    with_page(|| {
        let mut stream = connect().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The ten seconds begin with the first byte, so silence before it does not count.
        thread::sleep(Duration::from_millis(500));
        // Read before the first byte is sent, so that the measured time is no shorter than the ten seconds.
        let start = Instant::now();
        stream.write_all(b"GET / HT").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let time = start.elapsed();
        assert!(
            text.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{text}"
        );
        let least = Duration::from_millis(9_900);
        assert!((least..PATIENCE).contains(&time), "{time:?}");
    });
}
