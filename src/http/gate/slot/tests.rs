//! Tests of a slot. Each test plays the client and the responder, and sets the time.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;

use super::*;
use crate::http::host::Names;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CLIENT: Ready = Ready {
    client: true,
    inner: false,
};
const INNER: Ready = Ready {
    client: false,
    inner: true,
};

/// A slot whose client has sent the bytes in `sent`, and the client's end of the connection.
fn open<'a>(memory: &'a mut [u8; 512], sent: &[u8], now: Instant) -> (Slot<'a>, UnixStream) {
    let (head, response) = memory.split_at_mut(256);
    let mut slot = Slot::new(Input::new(head), Response::new(response), now);
    let (mut client, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    client.write_all(sent).unwrap();
    // A Unix stream behaves like a TCP stream for reading, writing and shutdown.
    slot.open(
        TcpStream::from(OwnedFd::from(theirs)),
        Peer::NOBODY,
        Service::Metrics,
        now,
    );
    (slot, client)
}

/// Connects the slot to the responder and forwards the head. Returns the responder's end of the connection.
fn forward(slot: &mut Slot<'_>, now: Instant) -> UnixStream {
    let (inner, ours) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    slot.connect(ours);
    slot.forward(now);
    inner
}

fn read(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let count = stream.read(&mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

fn after(start: Instant, milliseconds: u64) -> Option<Instant> {
    start.checked_add(Duration::from_millis(milliseconds))
}

#[test]
fn request_is_forwarded_and_response_relayed() {
    let (mut memory, now) = ([0; 512], Instant::now());
    let (mut slot, mut client) = open(&mut memory, REQUEST, now);
    assert_eq!(slot.queued(), Some(now));
    let mut inner = forward(&mut slot, now);
    assert!(slot.is_fresh());
    let head = REQUEST.strip_suffix(b"\r\n").unwrap();
    let forwarded = [head, b"Corexdp-Service: 0\r\n\r\n"].concat();
    assert_eq!(read(&mut inner), forwarded);
    inner.write_all(RESPONSE).unwrap();
    slot.step(INNER, now);
    assert!(!slot.is_fresh() && slot.is_connected());
    assert_eq!(read(&mut client), RESPONSE);
    assert_eq!(slot.deadline(), None, "an idle connection has no deadline");
    drop(client);
    slot.step(CLIENT, now);
    assert!(slot.is_closing(), "tiny_http has its end open");
    assert_eq!(read(&mut inner), b"");
    drop(inner);
    slot.step(INNER, now);
    assert!(slot.is_free());
}

#[test]
fn head_linger_and_tiny_http_have_timeouts() {
    let now = Instant::now();
    let mut memory = [0; 512];
    let (mut slot, mut client) = open(&mut memory, b"GET", now);
    assert_eq!(slot.deadline(), after(now, 10_000));
    client.write_all(b" /").unwrap();
    slot.step(CLIENT, after(now, 9_000).unwrap());
    assert_eq!(slot.deadline(), after(now, 10_000), "from the first byte");
    slot.expire(after(now, 9_999).unwrap()).unwrap();
    assert_eq!(slot.stage, Stage::Head);
    slot.expire(after(now, 10_000).unwrap()).unwrap();
    assert!(read(&mut client).starts_with(b"HTTP/1.1 408 "));
    assert_eq!(slot.deadline(), after(now, 12_000));
    slot.expire(after(now, 12_000).unwrap()).unwrap();
    assert!(slot.is_free());

    let (mut slot, _client) = open(&mut memory, REQUEST, now);
    let _inner = forward(&mut slot, now);
    assert_eq!(slot.expire(after(now, 119_999).unwrap()), Ok(()));
    assert_eq!(slot.expire(after(now, 120_000).unwrap()), Err(Hung));
}

#[test]
fn unread_response_has_a_timeout() {
    let (mut memory, now) = ([0; 512], Instant::now());
    let (mut slot, client) = open(&mut memory, REQUEST, now);
    let mut inner = forward(&mut slot, now);
    inner
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        .unwrap();
    inner.set_nonblocking(true).unwrap();
    let begun = after(now, 500).unwrap();
    while inner.write(&[b'x'; 4096]).is_ok() {
        slot.step(INNER, begun);
    }
    assert_eq!(slot.deadline(), after(begun, 10_000));
    assert_eq!(slot.claim(), Some((Rank::Unfinished, begun)));
    slot.expire(after(begun, 10_000).unwrap()).unwrap();
    assert!(slot.is_closing());
    drop(client);
}

#[test]
fn claim_follows_the_stage() {
    let now = Instant::now();
    let second = after(now, 1000).unwrap();
    let unfinished = |since| Some((Rank::Unfinished, since));
    let (mut memory, mut other) = ([0; 512], [0; 512]);
    let (mut slot, mut client) = open(&mut memory, b"", now);
    assert_eq!(slot.claim(), unfinished(now));
    client.write_all(b"GET").unwrap();
    slot.step(CLIENT, second);
    assert_eq!(slot.claim(), unfinished(now), "since it connected");
    let (mut slot, mut client) = open(&mut other, REQUEST, now);
    assert_eq!(slot.claim(), None);
    let mut inner = forward(&mut slot, now);
    assert_eq!(slot.claim(), None);
    inner.write_all(RESPONSE).unwrap();
    slot.step(INNER, second);
    assert_eq!(slot.claim(), Some((Rank::Answered, second)));
    let third = after(now, 2000).unwrap();
    client.write_all(b"GET").unwrap();
    slot.step(CLIENT, third);
    assert_eq!(slot.claim(), unfinished(third), "since its first byte");
    let (slot, _refused) = open(&mut other, b"\0", now);
    assert_eq!(slot.claim(), Some((Rank::Lingering, now)));
}

#[test]
fn released_connection_is_replaced_for_the_next_request() {
    let (mut memory, now) = ([0; 512], Instant::now());
    let (mut slot, mut client) = open(&mut memory, REQUEST, now);
    assert_eq!(slot.unused_since(), None);
    let mut inner = forward(&mut slot, now);
    read(&mut inner);
    assert_eq!(slot.unused_since(), None);
    inner.write_all(RESPONSE).unwrap();
    let later = after(now, 1).unwrap();
    slot.step(INNER, later);
    assert_eq!(slot.unused_since(), Some(later));
    slot.release(later);
    assert!(slot.is_released() && slot.has_inner() && !slot.is_connected());
    assert_eq!(slot.unused_since(), None);
    assert_eq!(slot.deadline(), after(now, 120_001));
    assert_eq!(read(&mut inner), b"", "tiny_http reads the end");
    // The next request arrives before the responder has closed its end.
    assert_eq!(read(&mut client), RESPONSE);
    client.write_all(REQUEST).unwrap();
    slot.step(CLIENT, later);
    assert_eq!(slot.queued(), Some(later));
    drop(inner);
    slot.step(INNER, later);
    assert!(!slot.is_released() && !slot.has_inner());
    let mut inner = forward(&mut slot, later);
    inner.write_all(RESPONSE).unwrap();
    slot.step(INNER, later);
    assert_eq!(read(&mut client), RESPONSE);
}

#[test]
fn connection_ends_if_tiny_http_would_end_it() {
    let (mut memory, now) = ([0; 512], Instant::now());
    let request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let (mut slot, mut client) = open(&mut memory, request, now);
    let mut inner = forward(&mut slot, now);
    inner.write_all(RESPONSE).unwrap();
    slot.step(INNER, now);
    assert_eq!(read(&mut client), RESPONSE);
    assert_eq!(read(&mut client), b"", "before tiny_http closes");
}

#[test]
fn wrong_host_is_refused_once_the_head_is_complete() {
    let (mut memory, now) = ([0; 512], Instant::now());
    for (request, expected) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "HTTP/1.1 400 "),
        (
            b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HTTP/1.1 421 ",
        ),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "),
    ] {
        let (mut slot, mut client) = open(&mut memory, request, now);
        slot.check_host(&Names::default(), now);
        let response = String::from_utf8(read(&mut client)).unwrap();
        assert!(response.starts_with(expected), "{response}");
        assert_eq!(slot.queued(), None);
    }
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let (mut slot, _client) = open(&mut memory, request, now);
    slot.check_host(&Names::from_bytes(b"a.example "), now);
    assert_eq!(slot.queued(), Some(now));
}

#[test]
fn client_without_pauses_has_a_claim_during_a_request() {
    let (mut memory, now) = ([0; 512], Instant::now());
    let (mut slot, mut client) = open(&mut memory, &REQUEST.repeat(2), now);
    let mut inner = forward(&mut slot, now);
    inner.write_all(RESPONSE).unwrap();
    slot.step(INNER, now);
    let since_now = Some((Rank::Unfinished, now));
    assert_eq!(slot.queued(), Some(now));
    assert_eq!(slot.claim(), since_now);
    slot.forward(now);
    inner.write_all(RESPONSE).unwrap();
    let later = after(now, 5).unwrap();
    slot.step(INNER, later);
    for (pause, expected) in [(10, since_now), (11, None)] {
        client.write_all(REQUEST).unwrap();
        let asked = after(later, pause).unwrap();
        slot.step(CLIENT, asked);
        assert_eq!(slot.claim(), expected, "a pause of {pause} ms");
        slot.forward(asked);
        inner.write_all(RESPONSE).unwrap();
        slot.step(INNER, later);
    }
}
