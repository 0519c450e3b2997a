//! Just enough of HTTP to know where a request's head and an answer end.
//!
//! What a request means is `tiny_http`'s business. But some requests would make it hang, allocate what a stranger says,
//! or answer in a form whose end is not seen from outside; those are refused here, or made harmless.

use crate::config::Service;

/// How far the collecting of a head has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collector {
    seen: usize,
    in_line: bool,
    after_cr: bool,
}

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The beginning of a head.
    Part,
    /// A head of so many bytes, and perhaps more after it.
    Head(usize),
    /// Nothing that could become one.
    Malformed,
}

impl Collector {
    /// At the first byte.
    pub const fn new() -> Self {
        Self {
            seen: 0,
            in_line: false,
            after_cr: false,
        }
    }

    /// Looks at what has come of a head: all bytes from its first, of which those of earlier calls are not looked at again.
    ///
    /// A head ends with its first empty line. Lines end with CR LF, and hold what can be printed, spaces and tabs.
    pub fn look(&mut self, bytes: &[u8]) -> Collected {
        for &byte in bytes.get(self.seen..).unwrap_or_default() {
            self.seen += 1;
            match (self.after_cr, byte) {
                (true, b'\n') if !self.in_line => return Collected::Head(self.seen),
                (true, b'\n') => (self.after_cr, self.in_line) = (false, false),
                (false, b'\r') => self.after_cr = true,
                (false, b'\t' | b' '..=b'~') => self.in_line = true,
                _ => return Collected::Malformed,
            }
        }
        Collected::Part
    }
}

/// What must be known of a request to see its answer's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The answer has no body, whatever its head says.
    pub is_head: bool,
    /// A body follows, so that nobody knows where the next head would begin.
    pub has_body: bool,
}

impl Request {
    /// As most are.
    pub const PLAIN: Self = Self {
        is_head: false,
        has_body: false,
    };
}

/// A request that is answered without asking `tiny_http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No HTTP head.
    Malformed,
    /// The head did not come in time.
    Late,
    /// The head is longer than there is room for.
    Long,
    /// Another HTTP than 1.
    Version,
}

impl Refusal {
    /// The whole answer.
    pub const fn answer(self) -> &'static [u8] {
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
        }
    }
}

/// The empty line that ends a head.
pub(super) const END: &[u8] = b"\r\n";

/// The header by which the gate says at which door a request came.
pub const DOOR: &str = "Corexdp-Door";

/// That header and the end of a head.
pub(super) const fn mark(service: Service) -> &'static [u8] {
    match service {
        Service::Metrics => b"Corexdp-Door: 0\r\n\r\n",
        Service::Health => b"Corexdp-Door: 1\r\n\r\n",
        Service::Ready => b"Corexdp-Door: 2\r\n\r\n",
    }
}

/// Headers that `tiny_http` must not see, or must see from nobody else. It waits for a body, or allocates room for as many bytes as it is said to have;
/// nothing here wants one. And it follows `TE` into chunks, of which only the last says that it is.
const HIDDEN: [&[u8]; 4] = [
    b"Content-Length",
    b"Transfer-Encoding",
    b"TE",
    DOOR.as_bytes(),
];

/// Makes a complete head harmless: names of headers that must not be seen become as many `x`.
///
/// # Errors
/// The refusal, when that is not enough: `tiny_http` 0.12 never comes back from a version above 1.1.
pub fn admit(head: &mut [u8]) -> Result<Request, Refusal> {
    let mut lines = head.split_mut(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default().trim_ascii();
    let mut words = first.split(|&byte| byte == b' ');
    let mut request = Request {
        is_head: words.next() == Some(b"HEAD"),
        has_body: false,
    };
    if let Some(b"HTTP/2.0" | b"HTTP/3.0") = words.nth(1) {
        return Err(Refusal::Version);
    }
    for line in lines {
        request.has_body |= hide(line);
    }
    Ok(request)
}

/// Hides one header if it must be; says whether it announced a body.
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
    let Some(which) = HIDDEN.iter().find(|other| is(other)) else {
        return false;
    };
    name.fill(b'x');
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    match *which {
        b"Content-Length" => value.is_empty() || value.iter().any(|&digit| digit != b'0'),
        b"Transfer-Encoding" => true,
        _ => false,
    }
}

/// How much an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Its head has not all come.
    Unknown,
    /// So many bytes, head and body.
    Bytes(usize),
    /// All until the connection ends.
    Rest,
}

/// How much an answer is that begins with these bytes.
pub fn extent(start: &[u8], request: Request) -> Extent {
    const END: &[u8] = b"\r\n\r\n";
    let end = start.windows(END.len()).position(|bytes| bytes == END);
    let Some(head) = end.and_then(|end| start.get(..end)) else {
        return Extent::Unknown;
    };
    let length = if request.is_head {
        Some(0)
    } else {
        content_length(head)
    };
    length
        .and_then(|length| length.checked_add(head.len())?.checked_add(END.len()))
        .map_or(Extent::Rest, Extent::Bytes)
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
