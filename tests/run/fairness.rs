//! The page is shared fairly by client address: slow connections of some addresses do not block the others.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};

use support::net::{PAGE, Site, pause};
use support::wait::{End, PATIENCE, wait_until};

/// Longest time to a response: shorter than Prometheus's default timeout of ten seconds.
const IN_TIME: Duration = Duration::from_secs(8);
/// Address of the new clients.
const HONEST: [u8; 4] = [127, 0, 0, 1];
/// Address of the client that keeps its connection open.
const KEPT: [u8; 4] = [127, 0, 1, 1];
const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: box\r\n\r\n";

/// Behaviour of slow clients. Each reconnects when its connection is closed.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Sends nothing.
    Silent,
    /// Sends a byte of its request each second.
    Sending,
    /// Requests more than the kernel buffers, and reads one byte each second.
    Reading,
    /// Reads one response, then sends nothing.
    Idle,
}

const COREFILE: &str = ". {\nprometheus\nebpf {\nelf example.o\nif edge0\n}\n}\n";

/// A Corefile whose page is nearly of the largest size, so that the client's kernel does not buffer all of it at once.
fn large_page() -> String {
    let help = "Packets from the first network, and how. ".repeat(16);
    let metrics = (0..250).fold(String::new(), |text, number| {
        text + &format!("metric packets_{number} 00000000 8 4 \"{help}\"\n")
    });
    format!(". {{\nprometheus\nebpf {{\nelf example.o\nif edge0\n{metrics}}}\n}}\n")
}

/// Connects to the page from this loopback address. The socket is nonblocking, since the connection may wait in the
/// backlog.
fn from(source: [u8; 4]) -> io::Result<TcpStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::RcvBuf, &4096)?;
    let address = |[a, b, c, d]: [u8; 4], port| SockaddrIn::new(a, b, c, d, port);
    bind(socket.as_raw_fd(), &address(source, 0))?;
    let page: SocketAddrV4 = PAGE.parse().unwrap();
    let page = address(page.ip().octets(), page.port());
    match connect(socket.as_raw_fd(), &page) {
        Ok(()) | Err(nix::errno::Errno::EINPROGRESS) => Ok(TcpStream::from(socket)),
        Err(errno) => Err(errno.into()),
    }
}

/// Acts as one slow client. Returns false when its connection is closed.
fn act(slow: Slow, mut stream: &TcpStream, step: &mut usize, second: bool) -> bool {
    if *step == 0 && !matches!(slow, Slow::Silent | Slow::Sending) && stream.write(REQUEST).is_ok()
    {
        *step = 1;
    }
    if matches!(slow, Slow::Sending) && (second || *step == 0) {
        let byte = REQUEST.get(*step..=*step).unwrap_or(b"x");
        if stream.write(byte).is_ok() {
            *step += 1;
        }
    }
    let mut bytes = [0; 4096];
    let read = match slow {
        Slow::Reading if !second => return true,
        Slow::Reading => stream.read(&mut bytes[..1]),
        _ => stream.read(&mut bytes),
    };
    match read {
        Ok(count) => count > 0,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::NotConnected
        ),
    }
}

/// Keeps `count` slow clients from these addresses connected until `over` is set, and counts the rounds.
fn attack(slow: Slow, count: usize, sources: &[[u8; 4]], over: &AtomicBool, rounds: &AtomicUsize) {
    let open = |index: usize| from(sources[index % sources.len()]).unwrap();
    let mut streams: Vec<_> = (0..count).map(|index| (open(index), 0)).collect();
    let mut second = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let is_second = second.elapsed() >= Duration::from_secs(1);
        if is_second {
            second = Instant::now();
        }
        for (index, (stream, step)) in streams.iter_mut().enumerate() {
            if !act(slow, stream, step, is_second) {
                (*stream, *step) = (open(index), 0);
            }
        }
        rounds.fetch_add(1, Ordering::Relaxed);
        pause(5);
    }
}

/// Reads one response. A connection that closes early is an error.
fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return Ok(());
            }
        }
        match stream.read(&mut piece)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// Sends a request on an open connection, as Prometheus does.
fn scrape(stream: &mut TcpStream) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(REQUEST)?;
    answer(stream)?;
    Ok(start.elapsed())
}

/// Connects, pauses for `later` milliseconds, and sends a request. Returns the connection and the time to the response.
fn come(later: u64) -> io::Result<(TcpStream, Duration)> {
    let start = Instant::now();
    let mut stream = TcpStream::connect_timeout(&PAGE.parse().unwrap(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    pause(later);
    scrape(&mut stream)?;
    Ok((stream, start.elapsed()))
}

/// Checks the response times of new clients, and of a client that keeps its connection, during an attack of slow
/// clients.
fn served(slow: Slow, count: usize, sources: &[[u8; 4]]) {
    let site = Site::new();
    let corefile = match slow {
        Slow::Reading => large_page(),
        _ => COREFILE.to_owned(),
    };
    let daemon = site.run(&corefile).attached(1);
    let worker = daemon.worker();
    site.server.enter(|| {
        let mut kept = from(KEPT).unwrap();
        kept.set_nonblocking(false).unwrap();
        kept.set_read_timeout(Some(PATIENCE)).unwrap();
        scrape(&mut kept).unwrap();
        let (over, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            let end = End(&over);
            scope.spawn(|| attack(slow, count, sources, &over, &rounds));
            let at_work = || (rounds.load(Ordering::Relaxed) >= 100).then_some(());
            wait_until("the slow clients are at work", at_work);
            let (mut newcomers, mut kept_times) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                let come = come(30).map(|(_, time)| time);
                newcomers.push(come.unwrap_or_else(|error| panic!("{slow:?}: newcomer: {error}")));
                let time = scrape(&mut kept);
                kept_times.push(time.unwrap_or_else(|error| panic!("{slow:?}: kept: {error}")));
                pause(500);
            }
            drop(end);
            // A busy machine may delay single responses.
            for times in [newcomers, kept_times] {
                assert!(times.iter().min() < Some(&IN_TIME), "{slow:?}: {times:?}");
            }
        });
    });
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    daemon.stop();
}

#[test]
fn slow_connections_of_one_address_do_not_block_others() {
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading, Slow::Idle] {
        served(slow, 200, &[[127, 0, 0, 2]]);
    }
}

#[test]
fn slow_connections_of_many_addresses_do_not_block_others() {
    let sources: Vec<_> = (2..32).map(|last| [127, 0, 0, last]).collect();
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading] {
        served(slow, 200, &sources);
    }
}

/// The page has fewer connections than there are addresses.
#[test]
fn slow_connections_do_not_close_an_answered_connection() {
    let sources: Vec<_> = (2..102).map(|last| [127, 0, 0, last]).collect();
    for slow in [Slow::Silent, Slow::Sending] {
        served(slow, 200, &sources);
    }
}

#[test]
fn slow_connections_do_not_block_their_own_address() {
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading, Slow::Idle] {
        served(slow, 200, &[HONEST]);
    }
}

/// Number of voluntary context switches of a process's first thread.
fn sleeps(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

#[test]
fn answered_connection_outlives_unfinished_ones_of_its_address() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    site.server.enter(|| {
        let (mut kept, _) = come(30).unwrap();
        let silent: Vec<_> = (0..200).map(|_| from(HONEST).unwrap()).collect();
        let closed = |mut stream: &TcpStream| matches!(stream.read(&mut [0]), Ok(0));
        // The page holds 63 connections, the kept connection among them.
        wait_until("the page has closed all but 62 silent connections", || {
            let count = silent.iter().filter(|stream| closed(stream)).count();
            if count == 200 - 62 {
                Ok(())
            } else {
                Err(count)
            }
        });
        wait_until("a second passes without a wake-up of the worker", || {
            let before = sleeps(worker);
            pause(1000);
            let woken = sleeps(worker) - before;
            if woken == 0 { Ok(()) } else { Err(woken) }
        });
        scrape(&mut kept).unwrap();
    });
    daemon.stop();
}

#[test]
fn thousand_simultaneous_scrapes_are_answered() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    let scrape = || -> io::Result<()> {
        let (stream, _) = come(0)?;
        stream.shutdown(Shutdown::Both)
    };
    let retried = AtomicUsize::new(0);
    // On a busy machine a connection may wait so long for its request that the page closes it for another.
    let scraper = || {
        wait_until("the scrape is answered", || {
            let answer = scrape();
            retried.fetch_add(usize::from(answer.is_err()), Ordering::Relaxed);
            answer
        });
    };
    site.server.enter(|| {
        thread::scope(|scope| {
            for _ in 0..1000 {
                let builder = thread::Builder::new().stack_size(256 << 10);
                builder.spawn_scoped(scope, scraper).unwrap();
            }
        });
    });
    let retried = retried.into_inner();
    assert!(retried < 500, "{retried} of 1,000 scrapes were retried");
    assert_eq!(daemon.worker(), worker, "the worker was never restarted");
    daemon.stop();
}
