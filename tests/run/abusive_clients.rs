//! Abusive clients of the page.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

use support::net::{PAGE, pause};

/// Prometheus's default scrape timeout.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// One kind of abuse. Returns its extent. The connections stay open until its effect has been observed.
pub(crate) type Act = fn(&mut Vec<TcpStream>) -> String;

pub(crate) const ACTS: [(&str, Act); 12] = [
    ("idle connections", idle),
    ("unfinished heads", half_heads),
    ("one byte a second", drops),
    ("endless heads", endless_heads),
    ("a huge path", huge_paths),
    ("pipelining without reading", pipelines),
    ("invalid HTTP", garbage),
    ("half-closed connections", half_closed),
    ("never reading", never_reading),
    ("never pausing", never_pausing),
    ("vanishing", vanishing),
    ("requests that block tiny_http", traps),
];

/// Connects to the page. No read or write may exceed [`SCRAPE_TIMEOUT`].
pub(crate) fn connect() -> io::Result<TcpStream> {
    connect_to(PAGE)
}

/// Like [`connect`], to another address.
pub(crate) fn connect_to(address: &str) -> io::Result<TcpStream> {
    let address: SocketAddr = address.parse().unwrap();
    let stream = TcpStream::connect_timeout(&address, SCRAPE_TIMEOUT)?;
    stream.set_read_timeout(Some(SCRAPE_TIMEOUT))?;
    stream.set_write_timeout(Some(SCRAPE_TIMEOUT))?;
    Ok(stream)
}

/// Opens up to `count` connections and sends `bytes` on each.
fn connections(count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = connect().ok()?;
        // The page may close the connection at any time.
        let _ = stream.write_all(bytes);
        Some(stream)
    };
    (0..count).filter_map(open).collect()
}

fn idle(held: &mut Vec<TcpStream>) -> String {
    held.extend(connections(2000, b""));
    format!("{} connections", held.len())
}

fn half_heads(held: &mut Vec<TcpStream>) -> String {
    held.extend(connections(
        64,
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost:",
    ));
    pause(2000);
    format!("{} connections", held.len())
}

fn drops(held: &mut Vec<TcpStream>) -> String {
    held.extend(connections(16, b""));
    for byte in b"GET" {
        for stream in &mut *held {
            let _ = stream.write_all(&[*byte]);
        }
        pause(1000);
    }
    format!("{} connections", held.len())
}

fn endless_heads(_: &mut Vec<TcpStream>) -> String {
    let lines = b"X-Endless: and so on and so on\r\n".repeat(1000);
    let mut sent = 0;
    for _ in 0..100 {
        let Ok(mut stream) = connect() else { continue };
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
        while let Ok(count @ 1..) = stream.write(&lines) {
            sent += count;
        }
    }
    format!("{sent} bytes")
}

fn huge_paths(_: &mut Vec<TcpStream>) -> String {
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 20));
    for _ in 0..50 {
        let answer = exchange(request.as_bytes());
        // Unread bytes of the request may reset the connection before the response is read.
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{answer}"
        );
    }
    "50 of 1 MiB".to_owned()
}

fn pipelines(held: &mut Vec<TcpStream>) -> String {
    let requests = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000);
    for stream in connections(16, b"") {
        // The responses are never read, so the page soon stops reading requests.
        stream
            .set_write_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let _ = (&stream).write_all(&requests);
        held.push(stream);
    }
    pause(1500);
    "16 of 10,000 requests".to_owned()
}

fn garbage(_: &mut Vec<TcpStream>) -> String {
    let pieces: [&[u8]; 7] = [
        b"\0",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xc3\xa4: A\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\n\n",
        b"\r\r\r\r\n\n\n\n",
    ];
    for piece in pieces.iter().cycle().take(700) {
        let answer = exchange(piece);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{piece:?}: {answer}");
    }
    "700 connections".to_owned()
}

fn half_closed(held: &mut Vec<TcpStream>) -> String {
    for head in [
        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /nowhere HT",
    ]
    .repeat(200)
    {
        let Ok(mut stream) = connect() else { continue };
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let expected = if head.ends_with("\r\n\r\n") {
            "HTTP/1.1 404 "
        } else {
            ""
        };
        assert!(answer.starts_with(expected), "{answer}");
        held.push(stream);
    }
    format!("{} connections", held.len())
}

fn never_reading(held: &mut Vec<TcpStream>) -> String {
    let requests = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20);
    for _ in 0..64 {
        let Ok(mut stream) = connect() else { continue };
        setsockopt(&stream, sockopt::RcvBuf, &2048).unwrap();
        let _ = stream.write_all(&requests);
        held.push(stream);
    }
    pause(2000);
    format!("{} connections", held.len())
}

/// Each client sends endlessly and reads as fast as possible, so it is never idle and never slow.
fn never_pausing(_: &mut Vec<TcpStream>) -> String {
    // Many requests fill the page's read buffer completely, so that no incomplete request remains in it.
    let requests = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nA: bc\r\n\r\n".repeat(1024);
    let streams = connections(40, b"");
    let read = |mut stream: &TcpStream| {
        let (mut answers, mut received) = (vec![0; 64 << 10], 0);
        while let Ok(count @ 1..) = stream.read(&mut answers) {
            received += count;
        }
        received
    };
    let received: usize = thread::scope(|scope| {
        for mut stream in &streams {
            let requests = &requests;
            scope.spawn(move || while stream.write_all(requests).is_ok() {});
        }
        let readers: Vec<_> = streams
            .iter()
            .map(|stream| scope.spawn(|| read(stream)))
            .collect();
        pause(4000);
        for stream in &streams {
            // The page may have closed the connection already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let received = readers.into_iter().map(|reader| reader.join().unwrap());
        received.sum()
    });
    format!("{received} bytes of answers")
}

fn vanishing(_: &mut Vec<TcpStream>) -> String {
    for stream in
        (0..1000).filter_map(|_| connections(1, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").pop())
    {
        // A linger time of zero makes `close` reset the connection.
        let _ = setsockopt(
            &stream,
            sockopt::Linger,
            &linger {
                l_onoff: 1,
                l_linger: 0,
            },
        );
    }
    "1,000 connections".to_owned()
}

/// Requests that make `tiny_http` by itself wait forever or panic.
fn traps(held: &mut Vec<TcpStream>) -> String {
    let heads = [
        "GET /metrics HTTP/2.0",
        "GET /metrics HTTP/3.0",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807",
        "PUT /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nTE: chunked",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: upgrade",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nExpect: more",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000",
    ];
    for head in heads.repeat(40) {
        held.extend(connections(1, format!("{head}\r\n\r\n").as_bytes()));
    }
    format!("{} connections", held.len())
}

/// Sends a request and reads the response, which may be truncated.
pub(crate) fn exchange(bytes: &[u8]) -> String {
    let mut stream = connect().unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
