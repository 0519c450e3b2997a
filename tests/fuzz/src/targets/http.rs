//! The framing of the gate: the end of a head, the headers that reach `tiny_http`, and the end of a response.

use corexdp::config::Service;
use corexdp::http::gate::framing::{
    Collected, Collector, Extent, Refusal, Request, extent, leading_empty_lines, sanitize,
};
use corexdp::http::host::{self, Names, path_of};

/// Headers that must not reach `tiny_http`.
const HIDDEN: [&str; 3] = ["content-length", "transfer-encoding", "te"];

/// Checks the bytes as a request and as a response.
pub fn run(input: &[u8]) {
    let input = check_empty_lines(input);
    let whole = Collector::new().scan(input);
    assert_eq!(piecemeal(input), whole, "bytes one by one, and all at once");
    if let Collected::Head(length) = whole {
        assert!(input[..length].ends_with(b"\r\n"));
        check_head(&input[..length]);
    }
    check_response(input);
}

/// The input without the empty lines at its start.
fn check_empty_lines(input: &[u8]) -> &[u8] {
    let (lines, rest) = input.split_at(leading_empty_lines(input));
    assert!(lines.chunks(2).all(|line| line == b"\r\n"));
    assert!(!rest.starts_with(b"\r\n"));
    rest
}

/// The result for bytes that arrive one by one.
fn piecemeal(input: &[u8]) -> Collected {
    let mut collector = Collector::new();
    let scans = (0..=input.len()).map(|length| collector.scan(&input[..length]));
    let mut ends = scans.filter(|collected| *collected != Collected::Incomplete);
    ends.next().unwrap_or(Collected::Incomplete)
}

fn check_head(head: &[u8]) {
    let mut sanitized = head.to_vec();
    if sanitize(&mut sanitized).is_err() {
        return;
    }
    assert_eq!(sanitized.len(), head.len());
    let text = String::from_utf8(sanitized.clone()).expect("a head is text");
    assert!(text.is_ascii(), "tiny_http takes ASCII only: {text}");
    for line in text.lines().skip(1) {
        let name = line.split(':').next().unwrap_or_default();
        // tiny_http rejects a head with a space before a colon.
        let name = name.trim_start().to_ascii_lowercase();
        assert!(
            !line.contains(':') || !HIDDEN.contains(&name.as_str()),
            "{line}"
        );
    }
    check_host(&sanitized, &text);
    // A sanitized head does not change again.
    let mut again = sanitized.clone();
    assert!(sanitize(&mut again).is_ok());
    assert_eq!(again, sanitized);
}

/// The Host header matters only to the page, and only if its name is not among `names`.
fn check_host(head: &[u8], text: &str) {
    let none = Names::default();
    let check = |service| host::check(head, service, &none);
    let of_page = check(Service::Metrics);
    let of_health = check(Service::Health);
    assert_eq!(of_health, check(Service::Ready));
    if of_page != of_health {
        assert_eq!((of_page, of_health), (Err(Refusal::Misdirected), Ok(())));
    }
    let target = text.split(' ').nth(1).unwrap_or_default();
    assert!(!path_of(target).contains('?'));
    if of_page.is_ok() && text.starts_with("GET / HTTP/1.1\r\n") {
        let is_host = |line: &&str| line.trim_start().to_ascii_lowercase().starts_with("host:");
        assert_eq!(text.lines().filter(is_host).count(), 1, "{text}");
    }
}

fn check_response(start: &[u8]) {
    let head_only = Request {
        is_head: true,
        ..Request::PLAIN
    };
    if let Extent::Bytes(length) = extent(start, head_only) {
        assert!(start[..length].ends_with(b"\r\n\r\n"));
        match extent(start, Request::PLAIN) {
            Extent::Bytes(all) => assert!(all >= length),
            Extent::UntilClose => {}
            Extent::Unknown => panic!("the head is there"),
        }
    }
}
