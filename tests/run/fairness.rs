//! The page is shared fairly by address: slow connections of some take it from nobody else.

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

/// Longest time for an answer: shorter than the ten seconds that Prometheus waits.
const IN_TIME: Duration = Duration::from_secs(8);
/// Address of the newcomers.
const HONEST: [u8; 4] = [127, 0, 0, 1];
/// Address of the client that keeps its connection.
const KEPT: [u8; 4] = [127, 0, 1, 1];
const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: box\r\n\r\n";

/// Behaviour of slow clients. Each comes again when its connection is closed.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Sends nothing.
    Silent,
    /// Sends a byte of its request each second.
    Sending,
    /// Requests more than its system takes, and reads a byte of it each second.
    Reading,
    /// Has one answer, then sends nothing.
    Idle,
}

const COREFILE: &str = ". {\nprometheus\nebpf {\nelf example.o\nif edge0\n}\n}\n";

/// A page of nearly the largest size, so that its reader's system does not take all of it at once.
fn large_page() -> String {
    let help = "Packets from the first network, and how. ".repeat(17);
    let metrics = (0..250).fold(String::new(), |text, number| {
        text + &format!("metric packets_{number} 00000000 8 4 \"{help}\"\n")
    });
    format!(". {{\nprometheus\nebpf {{\nelf example.o\nif edge0\n{metrics}}}\n}}\n")
}

/// A connection to the page from this address of the loopback interface. Nonblocking: it may wait in the queue.
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

/// Acts as one slow client until its connection is closed. Returns false then.
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

/// Keeps `count` slow clients from these addresses until it is over; counts the rounds.
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

/// Reads one answer. Fails at an early end.
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

/// Asks as Prometheus does, on a connection that is open already.
fn scrape(stream: &mut TcpStream) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(REQUEST)?;
    answer(stream)?;
    Ok(start.elapsed())
}

/// A connection whose request comes so many milliseconds later, and the time to its answer.
fn come(later: u64) -> io::Result<(TcpStream, Duration)> {
    let start = Instant::now();
    let mut stream = TcpStream::connect_timeout(&PAGE.parse().unwrap(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    pause(later);
    scrape(&mut stream)?;
    Ok((stream, start.elapsed()))
}

/// The times of newcomers, and of a client that keeps its connection, while slow clients hold the page.
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
            // A busy machine may delay some.
            for times in [newcomers, kept_times] {
                assert!(times.iter().min() < Some(&IN_TIME), "{slow:?}: {times:?}");
            }
        });
    });
    assert_eq!(daemon.worker(), worker, "it was never started anew");
    daemon.stop();
}

#[test]
fn slow_connections_of_one_address_take_the_page_from_no_other() {
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading, Slow::Idle] {
        served(slow, 200, &[[127, 0, 0, 2]]);
    }
}

#[test]
fn slow_connections_of_many_addresses_leave_room_for_another() {
    let sources: Vec<_> = (2..32).map(|last| [127, 0, 0, last]).collect();
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading] {
        served(slow, 200, &sources);
    }
}

/// More addresses than the page has connections.
#[test]
fn slow_connections_of_a_hundred_addresses_do_not_close_an_answered_one() {
    let sources: Vec<_> = (2..102).map(|last| [127, 0, 0, last]).collect();
    for slow in [Slow::Silent, Slow::Sending] {
        served(slow, 200, &sources);
    }
}

#[test]
fn newcomer_is_served_beside_slow_connections_of_its_own_address() {
    for slow in [Slow::Silent, Slow::Sending, Slow::Reading, Slow::Idle] {
        served(slow, 200, &[HONEST]);
    }
}

/// Number of times that the first thread of a process went to sleep.
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
        // The page holds 63, the kept one among them.
        wait_until("the page has closed all but 62 of the silent", || {
            let count = silent.iter().filter(|stream| closed(stream)).count();
            if count == 200 - 62 {
                Ok(())
            } else {
                Err(count)
            }
        });
        let before = sleeps(worker);
        pause(1000);
        assert_eq!(sleeps(worker), before, "idle connections cause no wake-ups");
        scrape(&mut kept).unwrap();
    });
    daemon.stop();
}

#[test]
fn thousand_scrapers_at_once_are_answered() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    let slowest = site.server.enter(|| {
        thread::scope(|scope| {
            let scrapers = (0..1000).map(|_| {
                let builder = thread::Builder::new().stack_size(256 << 10);
                let scraper = || -> io::Result<Duration> {
                    let (stream, time) = come(0)?;
                    stream.shutdown(Shutdown::Both)?;
                    Ok(time)
                };
                builder.spawn_scoped(scope, scraper).unwrap()
            });
            let scrapers: Vec<_> = scrapers.collect();
            let times = scrapers.into_iter().map(|scraper| scraper.join().unwrap());
            times.map(Result::unwrap).max()
        })
    });
    println!("the slowest of 1,000 scrapes: {slowest:?}");
    assert_eq!(daemon.worker(), worker, "it was never started anew");
    daemon.stop();
}
