//! Connections of the page: their maximum number, and the choice of the connection that is closed for another.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::abusive_clients::connect;
use crate::gate::{COREFILE, answer, start, with_page};
use support::net::{CLIENT, SERVER, Site};
use support::wait::{PATIENCE, prompt};

/// The page holds at most this many connections; it closes one of them to accept another.
const SLOTS: usize = 63;

/// Longest time to a response that waits for nothing. It is shorter than the ten seconds after which the page closes an
/// idle connection, so that the response cannot be due to such a close.
const AT_ONCE: Duration = Duration::from_secs(8);

#[test]
fn all_connections_are_answered_at_once() {
    with_page(|| {
        // tiny_http by itself sometimes delays one of several connections until another ends, so the test has five
        // rounds.
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
                // The connection stays open until all requests are answered.
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
        // The first connection is now idle for the shortest time.
        ask(&mut streams[0]);
        let mut newcomer = connect().unwrap();
        ask(&mut newcomer);
        assert_eq!(
            streams[1].read(&mut [0]).unwrap(),
            0,
            "the connection idle for longest is closed"
        );
        ask(&mut streams[0]);
        for stream in &mut streams[2..] {
            ask(stream);
        }
        ask(&mut newcomer);
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
    prompt(AT_ONCE, |_| {
        site.client.run(&format!("ip link set {CLIENT} up"));
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
            begin.elapsed()
        })
    });
    daemon.stop();
}

/// Sets the limit of the worker's open files; `None` restores the limit of its start.
fn limit_open_files(pid: u32, most: Option<u32>) {
    let limit = most.map_or("256".to_owned(), |most| most.to_string());
    // Runs as the worker's user, since root would need CAP_SYS_RESOURCE.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["prlimit", "--pid", &pid.to_string()]);
    command.arg(format!("--nofile={limit}:"));
    assert!(command.status().expect("prlimit runs").success());
}

/// CPU time of a process, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, numbers) = stat.rsplit_once(") ").unwrap();
    let mut numbers = numbers.split(' ').skip(11);
    let mut next = || numbers.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}

#[test]
fn worker_survives_a_lack_of_descriptors() {
    let (site, daemon) = start();
    let worker = daemon.worker();
    site.server.enter(|| {
        // While this connection is open, the worker opens and closes no descriptor.
        let mut held = connect().unwrap();
        held.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert_eq!(answer(&mut held).0, "404");
        // All lower descriptor numbers are in use.
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
        assert!(spent <= 2, "the worker waits without spinning: {spent}");
        limit_open_files(worker, None);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(answer(&mut stream).0, "404");
    });
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    daemon.stop();
}
