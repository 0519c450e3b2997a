use super::*;

#[test]
fn head_ends_with_its_first_empty_line() {
    use Collected::{Head, Incomplete, Malformed};
    for (bytes, expected) in [
        ("", Incomplete),
        ("GET / HTTP/1.1", Incomplete),
        ("GET / HTTP/1.1\r\n", Incomplete),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r", Incomplete),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Head(27)),
        ("GET / HTTP/1.1\r\n\r\nGET / HT", Head(18)),
        ("GET / HTTP/1.1\r\n\r\n\0", Head(18)),
        ("A\r\n \t\r\n\r\n", Head(9)),
        ("\r\n", Head(2)),
        ("\n", Malformed),
        ("GET / HTTP/1.1\n", Malformed),
        ("GET / HTTP/1.1\rHost", Malformed),
        ("GET / HTTP/1.1\r\r\n", Malformed),
        ("GET /\0", Malformed),
        ("GET /\x7f", Malformed),
        ("GET /\x0b", Malformed),
        ("GET /ä", Malformed),
        ("GET /: ä", Malformed),
        ("A\r\nB: ä\r\n\r\n", Head(12)),
        ("A\r\nB:ä\r\nä: C\r\n\r\n", Malformed),
        ("A\r\nB:c\r\n ä\r\n\r\n", Malformed),
        ("A\r\nB: \x7f", Malformed),
    ] {
        let at_once = Collector::new().scan(bytes.as_bytes());
        assert_eq!(at_once, expected, "{bytes:?}");
        let mut slow = Collector::new();
        let one_by_one = (0..=bytes.len())
            .map(|length| slow.scan(&bytes.as_bytes()[..length]))
            .find(|collected| *collected != Incomplete);
        assert_eq!(one_by_one.unwrap_or(Incomplete), expected, "{bytes:?}");
    }
}

#[test]
fn empty_lines_at_the_start_are_counted() {
    for (bytes, expected) in [
        ("", 0),
        ("\r", 0),
        ("\n\n", 0),
        ("\r\n", 2),
        ("\r\n\r", 2),
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 4),
        (" \r\n", 0),
        ("GET / HTTP/1.1\r\n\r\n", 0),
    ] {
        assert_eq!(leading_empty_lines(bytes.as_bytes()), expected, "{bytes:?}");
    }
}

#[test]
fn bytes_beyond_ascii_do_not_reach_tiny_http() {
    let mut head = "GET / HTTP/1.1\r\nCookie: city=Köln\r\nTE: ä\r\n\r\n"
        .as_bytes()
        .to_vec();
    assert_eq!(sanitize(&mut head), Ok(Request::PLAIN));
    let expected = "GET / HTTP/1.1\r\nCookie: city=K??ln\r\nxx: ??\r\n\r\n";
    assert_eq!(String::from_utf8(head).unwrap(), expected);
}

#[test]
fn method_and_version_are_read_from_the_request_line() {
    let request = |is_head, has_body| {
        Ok(Request {
            is_head,
            has_body,
            closes: false,
        })
    };
    for (head, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", request(false, false)),
        ("HEAD / HTTP/1.1\r\n\r\n", request(true, false)),
        ("  HEAD / HTTP/1.1\r\n\r\n", request(true, false)),
        ("head / HTTP/1.1\r\n\r\n", request(false, false)),
        ("HEADER / HTTP/1.1\r\n\r\n", request(false, false)),
        ("GET / HTTP/0.9\r\n\r\n", request(false, false)),
        ("GET / HTTP/1.7\r\n\r\n", request(false, false)),
        ("nonsense\r\n\r\n", request(false, false)),
        ("\r\n", request(false, false)),
        ("", request(false, false)),
        ("GET / HTTP/2.0\r\n\r\n", Err(Refusal::Version)),
        ("\tGET / HTTP/3.0 \r\n\r\n", Err(Refusal::Version)),
        ("GET / HTTP/3.0 HTTP/1.1\r\n\r\n", Err(Refusal::Version)),
        // tiny_http counts three words, of which the second is empty.
        ("GET  HTTP/2.0\r\n\r\n", Err(Refusal::Version)),
        ("GET  / HTTP/2.0\r\n\r\n", request(false, false)),
    ] {
        assert_eq!(
            sanitize(&mut head.as_bytes().to_vec()),
            expected,
            "{head:?}"
        );
    }
}

#[test]
fn headers_that_announce_a_body_are_hidden() {
    for (header, expected, has_body) in [
        ("Content-Length: 5", "xxxxxxxxxxxxxx: 5", true),
        ("content-LENGTH:5", "xxxxxxxxxxxxxx:5", true),
        ("\t Content-Length: 5", "\t xxxxxxxxxxxxxx: 5", true),
        ("Content-Length:", "xxxxxxxxxxxxxx:", true),
        ("Content-Length: five", "xxxxxxxxxxxxxx: five", true),
        (
            "Content-Length: 18446744073709551616",
            "xxxxxxxxxxxxxx: 18446744073709551616",
            true,
        ),
        ("Content-Length: 0", "xxxxxxxxxxxxxx: 0", false),
        ("Content-Length: 00 ", "xxxxxxxxxxxxxx: 00 ", false),
        (
            "Transfer-Encoding: chunked",
            "xxxxxxxxxxxxxxxxx: chunked",
            true,
        ),
        ("TE: chunked", "xx: chunked", false),
        // tiny_http refuses a name with a space.
        ("Content-Length : 5", "Content-Length : 5", false),
        ("Content-Lengths: 5", "Content-Lengths: 5", false),
        ("X: Content-Length: 5", "X: Content-Length: 5", false),
        ("TE", "TE", false),
        (":", ":", false),
        (" ", " ", false),
    ] {
        let around = |header| format!("GET / HTTP/1.1\r\nA: b\r\n{header}\r\nC: d\r\n\r\n");
        let mut head = around(header).into_bytes();
        let request = sanitize(&mut head).unwrap();
        assert_eq!(String::from_utf8(head).unwrap(), around(expected));
        assert_eq!(request.has_body, has_body, "{header:?}");
    }
    let mut line = b"Content-Length: 5 HTTP/1.1\r\n\r\n".to_vec();
    assert_eq!(sanitize(&mut line), Ok(Request::PLAIN));
    assert!(
        line.starts_with(b"Content"),
        "the request line is not a header"
    );
}

#[test]
fn extent_is_the_content_length_or_until_close() {
    use Extent::{Bytes, Unknown, UntilClose};
    for (start, expected, without_body) in [
        ("", Unknown, Unknown),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", Unknown, Unknown),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            Bytes(43),
            Bytes(38),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nab",
            Bytes(42),
            Bytes(37),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nContent-Length: 5\r\n\r\n",
            UntilClose,
            Bytes(19),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            UntilClose,
            Bytes(39),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
            UntilClose,
            Bytes(57),
        ),
    ] {
        let to = |is_head| Request {
            is_head,
            ..Request::PLAIN
        };
        assert_eq!(extent(start.as_bytes(), to(false)), expected, "{start:?}");
        assert_eq!(
            extent(start.as_bytes(), to(true)),
            without_body,
            "{start:?}"
        );
    }
}

#[test]
fn request_closes_if_tiny_http_would_close() {
    for (version, headers, closes) in [
        ("1.1", "", false),
        ("1.1", "Connection: keep-alive", false),
        ("1.1", "X-Connection: close", false),
        ("1.1", "connection:CLOSE", true),
        ("1.1", "  Connection: te, close", true),
        ("1.1", "Connection: upgrade", true),
        ("1.0", "", true),
        ("1.0", "Connection: te", true),
        ("1.0", "Connection: Keep-Alive", false),
        ("1.0", "Connection: keep-alive, close", true),
        ("0.9", "", false),
    ] {
        let head = format!("GET / HTTP/{version}\r\nA: b\r\n{headers}\r\n\r\n");
        let request = sanitize(&mut head.clone().into_bytes()).unwrap();
        assert_eq!(request.closes, closes, "{head}");
    }
}

#[test]
fn refusals_have_the_length_they_announce() {
    for refusal in [
        Refusal::Malformed,
        Refusal::Late,
        Refusal::Long,
        Refusal::Version,
        Refusal::Method,
        Refusal::Misdirected,
    ] {
        let response = refusal.response();
        let expected = Extent::Bytes(response.len());
        assert_eq!(extent(response, Request::PLAIN), expected, "{refusal:?}");
    }
}
