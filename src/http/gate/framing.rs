//! Framing of HTTP/1.1 (RFC 9112): the end of a request's head, and the end of a response.
//!
//! `tiny_http` interprets requests. Some requests would make `tiny_http` hang, allocate as many bytes as the client
//! announces, or respond in a form whose end the gate does not find. The gate refuses or defuses such requests.

use crate::config::Service;

/// State of a scan for the end of a head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collector {
    /// Number of bytes scanned.
    seen: usize,
    /// True if the current line is not empty.
    in_line: bool,
    /// True if the previous byte is CR.
    after_cr: bool,
    part: Part,
}

/// Part of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    RequestLine,
    /// A field line up to its colon.
    Name,
    /// A field line after its colon.
    Value,
}

/// Result of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The head is incomplete.
    Incomplete,
    /// The head is complete and has this many bytes; bytes after the head belong to the next request.
    Head(usize),
    /// The bytes are not a head.
    Malformed,
}

impl Collector {
    /// A collector at the first byte of a head.
    pub const fn new() -> Self {
        Self {
            seen: 0,
            in_line: false,
            after_cr: false,
            part: Part::RequestLine,
        }
    }

    /// Scans the bytes received since the last call. `bytes` starts at the first byte of the head.
    ///
    /// A head ends with its first empty line. Lines end with CR LF and contain printable ASCII, spaces and tabs. The value
    /// of a field may also contain bytes from 0x80 on (obs-text, RFC 9110, 5.5), for example in a cookie.
    pub fn scan(&mut self, bytes: &[u8]) -> Collected {
        for &byte in bytes.get(self.seen..).unwrap_or_default() {
            self.seen += 1;
            match (self.after_cr, byte) {
                (true, b'\n') if !self.in_line => return Collected::Head(self.seen),
                (true, b'\n') => {
                    (self.after_cr, self.in_line) = (false, false);
                    self.part = Part::Name;
                }
                (false, b'\r') => self.after_cr = true,
                (false, b'\t' | b' '..=b'~') => {
                    self.in_line = true;
                    if byte == b':' && self.part == Part::Name {
                        self.part = Part::Value;
                    }
                }
                (false, 0x80..) if self.part == Part::Value => {}
                _ => return Collected::Malformed,
            }
        }
        Collected::Incomplete
    }
}

/// Properties of a request that determine the end of the request and its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method is HEAD: the response has no body, whatever its Content-Length.
    pub is_head: bool,
    /// The head announces a body, so the start of the next head is unknown.
    pub has_body: bool,
    /// `tiny_http` closes its connection after the response.
    pub closes: bool,
}

impl Request {
    /// A request with a method other than HEAD, without a body.
    pub const PLAIN: Self = Self {
        is_head: false,
        has_body: false,
        closes: false,
    };
}

/// Reason why the gate refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not a head.
    Malformed,
    /// The head was not complete in time.
    Late,
    /// The head exceeds its buffer.
    Long,
    /// HTTP/2 or HTTP/3.
    Version,
    /// `OPTIONS *`.
    Method,
    /// The host is not vouched for (see [`host`](crate::http::host)), or the scheme is `https`.
    Misdirected,
}

impl Refusal {
    /// The whole response.
    pub const fn response(self) -> &'static [u8] {
        match self {
            Self::Malformed => {
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::Late => {
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::Long => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::Version => {
                b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::Method => {
                b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::Misdirected => {
                b"HTTP/1.1 421 Misdirected Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 118\r\n\r\nunknown host name; open http://ADDRESS of this box, or write `host NAME` in the block of `prometheus` in the Corefile\n"
            }
        }
    }
}

/// Empty line at the end of a head.
pub(super) const EMPTY_LINE: &[u8] = b"\r\n";

/// Name of the header by which the gate passes the service of the client's connection to the responder.
pub const SERVICE_HEADER: &str = "Corexdp-Service";

/// The last header and the end of a forwarded head; the value is [`Service::number`].
pub(super) const fn service_header(service: Service) -> &'static [u8] {
    match service {
        Service::Metrics => b"Corexdp-Service: 0\r\n\r\n",
        Service::Health => b"Corexdp-Service: 1\r\n\r\n",
        Service::Ready => b"Corexdp-Service: 2\r\n\r\n",
    }
}

/// Headers of a client that must not reach `tiny_http`. The first two announce a body: `tiny_http` would wait for it or
/// allocate its length, and no path accepts a body. With `TE`, `tiny_http` would respond in chunks, whose end the gate
/// does not find. Only the gate may set the service.
const HIDDEN: [&[u8]; 4] = [
    b"Content-Length",
    b"Transfer-Encoding",
    b"TE",
    SERVICE_HEADER.as_bytes(),
];

/// Length in bytes of leading empty lines, which a server ignores before a request line (RFC 9112, 2.2).
pub fn leading_empty_lines(bytes: &[u8]) -> usize {
    let (lines, _) = bytes.as_chunks::<2>();
    let empty = lines
        .iter()
        .take_while(|line| line.as_slice() == EMPTY_LINE);
    empty.count().saturating_mul(EMPTY_LINE.len())
}

/// Overwrites the names of hidden headers in a complete head with `x`, and bytes that are not ASCII with `?`: because of
/// such a byte `tiny_http` 0.12 would close the connection without a response.
///
/// # Errors
/// [`Refusal::Version`] for HTTP/2 and HTTP/3, on which `tiny_http` 0.12 hangs.
pub fn sanitize(head: &mut [u8]) -> Result<Request, Refusal> {
    let mut lines = head.split_mut(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default().trim_ascii();
    let mut words = first.split(|&byte| byte == b' ');
    let mut request = Request {
        is_head: words.next() == Some(b"HEAD"),
        ..Request::PLAIN
    };
    let mut keeps_open = match words.nth(1) {
        Some(b"HTTP/2.0" | b"HTTP/3.0") => return Err(Refusal::Version),
        version => version != Some(b"HTTP/1.0"),
    };
    for line in lines {
        if let Some(value) = connection(line) {
            keeps_open |= contains(value, b"keep-alive");
            request.closes |= contains(value, b"close") || contains(value, b"upgrade");
        }
        request.has_body |= hide(line);
        let not_ascii = line.iter_mut().filter(|byte| !byte.is_ascii());
        not_ascii.for_each(|byte| *byte = b'?');
    }
    request.closes |= !keeps_open;
    Ok(request)
}

/// Value of a header `Connection`; `None` for another line. The value determines whether `tiny_http` closes.
fn connection(line: &[u8]) -> Option<&[u8]> {
    let mut parts = line.trim_ascii().splitn(2, |&byte| byte == b':');
    let name = parts.next()?;
    name.eq_ignore_ascii_case(b"Connection")
        .then(|| parts.next().unwrap_or_default())
}

/// True if the text contains the word, in upper or lower case.
fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

/// Overwrites the name of a hidden header. Returns true if the header announces a body.
fn hide(line: &mut [u8]) -> bool {
    let start = line.len() - line.trim_ascii_start().len();
    let Some((name, value)) = line
        .iter()
        .position(|&byte| byte == b':')
        .and_then(|colon| line.split_at_mut_checked(colon))
    else {
        return false;
    };
    let name = name.get_mut(start..).unwrap_or_default();
    let is = |other: &&[u8]| name.eq_ignore_ascii_case(other);
    let Some(hidden) = HIDDEN.iter().find(|other| is(other)) else {
        return false;
    };
    name.fill(b'x');
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    match *hidden {
        b"Content-Length" => value.is_empty() || value.iter().any(|&digit| digit != b'0'),
        b"Transfer-Encoding" => true,
        _ => false,
    }
}

/// Length of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The head is incomplete.
    Unknown,
    /// Bytes of head and body.
    Bytes(usize),
    /// The response ends when the connection is closed.
    UntilClose,
}

/// Length of the response that starts with these bytes.
pub fn extent(start: &[u8], request: Request) -> Extent {
    const HEAD_END: &[u8] = b"\r\n\r\n";
    let end = start
        .windows(HEAD_END.len())
        .position(|bytes| bytes == HEAD_END);
    let Some(head) = end.and_then(|end| start.get(..end)) else {
        return Extent::Unknown;
    };
    let length = if request.is_head {
        Some(0)
    } else {
        content_length(head)
    };
    length
        .and_then(|length| length.checked_add(head.len())?.checked_add(HEAD_END.len()))
        .map_or(Extent::UntilClose, Extent::Bytes)
}

fn content_length(head: &[u8]) -> Option<usize> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        if !name.eq_ignore_ascii_case(b"Content-Length") {
            return None;
        }
        let value = value.get(1..)?.trim_ascii();
        std::str::from_utf8(value).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests;
