//! Connections of the page: their number, the length and time of requests, the order of responses.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::strangers::{connect, exchange};
use support::net::{CLIENT, Daemon, SERVER, Site};
use support::wait::PATIENCE;

/// Most connections that the page holds: for the next one it closes one of them.
const SLOTS: usize = 63;
/// The longest time for an answer that waits for nothing: shorter than the ten seconds after which the page closes a
/// connection that does nothing, so that the answer is not owed to such an end.
const AT_ONCE: Duration = Duration::from_secs(8);
const COREFILE: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    metric packets 00000000 8 4 \"Packets.\"
  }
}
";

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    (site, daemon)
}

/// Does something in the namespace of a page.
fn with_page(act: impl FnOnce() + Send) {
    let (site, daemon) = start();
    let worker = daemon.worker();
    site.server.enter(act);
    assert_eq!(daemon.worker(), worker, "it was never started anew");
    daemon.stop();
}

/// The status line of what the page answers to this before it closes.
fn status(request: &str) -> String {
    let answer = exchange(request.as_bytes());
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Takes one answer off a connection: its status, and its body.
fn answer(stream: &mut TcpStream) -> (String, String) {
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
        // A head of so many bytes in all.
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
            // None of these bodies ever comes.
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
fn answers_come_in_the_order_of_requests() {
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
fn all_slots_are_answered_at_once() {
    with_page(|| {
        // Left to itself, tiny_http lets one of some connections wait until another ends; not every time.
        for _ in 0..5 {
            let streams: Vec<_> = (0..SLOTS).map(|_| connect().unwrap()).collect();
            let together = Barrier::new(SLOTS);
            let client = |mut stream: TcpStream| {
                together.wait();
                let start = Instant::now();
                stream
                    .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                    .unwrap();
                assert_eq!(answer(&mut stream).0, "200");
                // The connection stays until all are answered.
                (start.elapsed(), stream)
            };
            let ended = thread::scope(|scope| {
                let clients = streams
                    .into_iter()
                    .map(|stream| scope.spawn(|| client(stream)));
                let clients: Vec<_> = clients.collect();
                let ended = clients.into_iter().map(|client| client.join().unwrap());
                ended.collect::<Vec<_>>()
            });
            let slowest = ended.iter().map(|(time, _)| *time).max();
            assert!(slowest.unwrap() < AT_ONCE, "{slowest:?}");
        }
    });
}

#[test]
fn longest_idle_connection_is_closed() {
    with_page(|| {
        let ask = |stream: &mut TcpStream| {
            stream
                .write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            assert_eq!(answer(stream).0, "404");
        };
        let mut streams: Vec<_> = (0..SLOTS).map(|_| connect().unwrap()).collect();
        for stream in &mut streams {
            ask(stream);
        }
        // The first one is now idle for the shortest time.
        ask(&mut streams[0]);
        let mut newcomer = connect().unwrap();
        ask(&mut newcomer);
        assert_eq!(streams[1].read(&mut [0]).unwrap(), 0, "closed");
        ask(&mut streams[0]);
        for stream in &mut streams[2..] {
            ask(stream);
        }
        ask(&mut newcomer);
    });
}

#[test]
fn a_head_may_take_ten_seconds() {
    with_page(|| {
        let mut stream = connect().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Nothing is as long as anybody likes.
        thread::sleep(Duration::from_millis(500));
        // Before the first byte, with which the ten seconds begin.
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
        let most = Duration::from_secs(25);
        assert!((least..most).contains(&time), "{time:?}");
    });
}

#[test]
fn vanished_peers_free_their_slots() {
    let site = Site::new();
    site.server
        .run(&format!("ip address add 192.0.2.1/24 dev {SERVER}"));
    site.client
        .run(&format!("ip address add 192.0.2.2/24 dev {CLIENT}"));
    let corefile = COREFILE.replace("prometheus", "prometheus 192.0.2.1:9153");
    let daemon = site.run(&corefile).attached(1);
    let connect = || {
        let address = "192.0.2.1:9153".parse().unwrap();
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let vanished: Vec<_> = site
        .client
        .enter(|| (0..SLOTS).map(|_| connect()).collect());
    site.client.run(&format!("ip link set {CLIENT} down"));
    drop(vanished);
    site.server.enter(|| {
        let begin = Instant::now();
        let mut stream = connect();
        stream
            .write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert_eq!(answer(&mut stream).0, "404");
        assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    });
    daemon.stop();
}

/// Sets the limit of the worker's open files; `None` sets the limit of its start.
fn limit_open_files(pid: u32, most: Option<u32>) {
    let limit = most.map_or("256".to_owned(), |most| most.to_string());
    // As the worker's own user, since to root's it takes one capability more.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["prlimit", "--pid", &pid.to_string()]);
    command.arg(format!("--nofile={limit}:"));
    assert!(command.status().expect("prlimit runs").success());
}

/// Processor time of a process, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, numbers) = stat.rsplit_once(") ").unwrap();
    let mut numbers = numbers.split(' ').skip(11);
    let mut next = || numbers.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}

#[test]
fn a_lack_of_descriptors_is_waited_out() {
    let (site, daemon) = start();
    let worker = daemon.worker();
    site.server.enter(|| {
        // While this one is open, no descriptor comes or goes.
        let mut held = connect().unwrap();
        held.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert_eq!(answer(&mut held).0, "404");
        // All numbers below are in use.
        let free = (0..64).find(|fd| !Path::new(&format!("/proc/{worker}/fd/{fd}")).is_symlink());
        limit_open_files(worker, free);
        let before = ticks(worker);
        let mut stream = connect().unwrap();
        stream
            .write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        assert_eq!(
            stream.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let spent = ticks(worker) - before;
        assert!(spent <= 2, "it waits without spinning: {spent}");
        limit_open_files(worker, None);
        assert_eq!(answer(&mut stream).0, "404");
    });
    assert_eq!(daemon.worker(), worker, "it was never started anew");
    daemon.stop();
}
