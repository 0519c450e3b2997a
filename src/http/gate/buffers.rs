//! Buffers of fixed size for a request and its response.

use std::io::{self, Read, Write};

use super::framing::{
    Collected, Collector, Extent, Refusal, Request, extent, leading_empty_lines, sanitize,
};

/// Bytes received from the client: a head, and perhaps the start of the next request.
#[derive(Debug)]
pub(super) struct Input<'a> {
    memory: &'a mut [u8],
    /// Bytes received.
    filled: usize,
    /// Bytes of the complete head; 0 before.
    head: usize,
    collector: Collector,
}

impl<'a> Input<'a> {
    /// An empty buffer; the memory's size is the limit of a head.
    pub(super) const fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            filled: 0,
            head: 0,
            collector: Collector::new(),
        }
    }

    /// Reads once. Returns the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// Errors of the reader.
    pub(super) fn receive(&mut self, mut from: impl Read) -> io::Result<usize> {
        let free = self.memory.get_mut(self.filled..).unwrap_or_default();
        let count = from.read(free)?;
        self.filled = self.filled.saturating_add(count).min(self.memory.len());
        Ok(count)
    }

    /// The sanitized request, or the reason to refuse it; `None` while the head is incomplete.
    pub(super) fn request(&mut self) -> Option<Result<Request, Refusal>> {
        let bytes = self.memory.get(..self.filled).unwrap_or_default();
        match self.collector.scan(bytes) {
            Collected::Incomplete if self.filled < self.memory.len() => None,
            Collected::Incomplete => Some(Err(Refusal::Long)),
            Collected::Malformed => Some(Err(Refusal::Malformed)),
            Collected::Head(length) => {
                self.head = length;
                Some(sanitize(self.memory.get_mut(..length).unwrap_or_default()))
            }
        }
    }

    /// Removes empty lines before a request line.
    pub(super) fn skip_empty_lines(&mut self) {
        let received = self.memory.get(..self.filled).unwrap_or_default();
        let length = leading_empty_lines(received);
        if length > 0 {
            self.head = length;
            self.remove_head();
        }
    }

    /// The complete head.
    pub(super) fn head(&self) -> &[u8] {
        self.memory.get(..self.head).unwrap_or_default()
    }

    /// Removes the complete head. Bytes after it are the start of the next head.
    pub(super) fn remove_head(&mut self) {
        let rest = self.head.min(self.filled)..self.filled;
        (self.filled, self.head) = (rest.len(), 0);
        self.memory.copy_within(rest, 0);
        self.collector = Collector::new();
    }

    /// Removes all bytes.
    pub(super) fn clear(&mut self) {
        (self.filled, self.head) = (0, 0);
        self.collector = Collector::new();
    }

    /// True before the first byte of the next head.
    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
    }
}

/// A response in transit from the responder to the client.
#[derive(Debug)]
pub(super) struct Response<'a> {
    memory: &'a mut [u8],
    /// Bytes of the memory sent to the client.
    sent: usize,
    /// Bytes in the memory.
    received: usize,
    remaining: Remaining,
    request: Request,
}

/// Part of the response still to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remaining {
    /// The head is incomplete.
    Head,
    /// This many bytes.
    Bytes(usize),
    /// All bytes until the connection is closed.
    UntilClose,
}

impl<'a> Response<'a> {
    /// A complete response without bytes. Responses pass through this memory in pieces.
    pub(super) const fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            sent: 0,
            received: 0,
            remaining: Remaining::Bytes(0),
            request: Request::PLAIN,
        }
    }

    /// Starts the response to this request.
    pub(super) const fn begin(&mut self, request: Request) {
        (self.sent, self.received, self.remaining) = (0, 0, Remaining::Head);
        self.request = request;
    }

    /// Sets the whole response, without the responder. The response to HEAD has no body.
    pub(super) fn fill(&mut self, text: &[u8]) {
        let text = match extent(text, self.request) {
            Extent::Bytes(length) => text.get(..length).unwrap_or(text),
            Extent::Unknown | Extent::UntilClose => text,
        };
        let length = text.len().min(self.memory.len());
        for (to, from) in self.memory.iter_mut().zip(text) {
            *to = *from;
        }
        (self.sent, self.received, self.remaining) = (0, length, Remaining::Bytes(0));
    }

    /// True before the first byte of the response.
    pub(super) fn is_not_begun(&self) -> bool {
        self.remaining == Remaining::Head && self.received == 0
    }

    /// True if there are bytes to send. An incomplete head is not sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.received && self.remaining != Remaining::Head
    }

    /// True if the whole response is sent.
    pub(super) fn is_complete(&self) -> bool {
        self.sent == self.received && self.remaining == Remaining::Bytes(0)
    }

    /// Reads once. Returns the number of bytes, 0 at the end. To be called when there are no bytes to send.
    ///
    /// # Errors
    /// Errors of the reader.
    pub(super) fn receive(&mut self, mut from: impl Read) -> io::Result<usize> {
        if self.remaining != Remaining::Head {
            (self.sent, self.received) = (0, 0);
        }
        let end = match self.remaining {
            Remaining::Bytes(count) => count.min(self.memory.len()),
            Remaining::Head | Remaining::UntilClose => self.memory.len(),
        };
        let count = from.read(self.memory.get_mut(self.received..end).unwrap_or_default())?;
        self.received = self.received.saturating_add(count).min(end);
        self.remaining = match self.remaining {
            Remaining::Head => self.after_head(),
            Remaining::Bytes(remaining) => Remaining::Bytes(remaining.saturating_sub(count)),
            Remaining::UntilClose => Remaining::UntilClose,
        };
        Ok(count)
    }

    /// Bytes of the response still to be received.
    fn after_head(&self) -> Remaining {
        let start = self.memory.get(..self.received).unwrap_or_default();
        match extent(start, self.request) {
            Extent::Unknown if self.received < self.memory.len() => Remaining::Head,
            Extent::Unknown | Extent::UntilClose => Remaining::UntilClose,
            Extent::Bytes(total) => Remaining::Bytes(total.saturating_sub(self.received)),
        }
    }

    /// Writes once. Returns the number of bytes.
    ///
    /// # Errors
    /// Errors of the writer.
    pub(super) fn send(&mut self, mut to: impl Write) -> io::Result<usize> {
        let count = to.write(
            self.memory
                .get(self.sent..self.received)
                .unwrap_or_default(),
        )?;
        self.sent = self.sent.saturating_add(count).min(self.received);
        Ok(count)
    }

    /// Reads once and drops the bytes. Returns their number, 0 at the end.
    ///
    /// # Errors
    /// Errors of the reader.
    pub(super) fn discard(&mut self, mut from: impl Read) -> io::Result<usize> {
        from.read(self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelined_heads_are_taken_one_by_one() {
        let mut memory = [0; 32];
        let mut input = Input::new(&mut memory);
        let mut source: &[u8] = b"GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: far too long\r\n\r\n";
        let mut heads = Vec::new();
        let refusal = loop {
            match input.request() {
                None => assert_ne!(input.receive(&mut source).unwrap(), 0),
                Some(Err(refusal)) => break refusal,
                Some(Ok(request)) => {
                    heads.push((
                        String::from_utf8(input.head().to_vec()).unwrap(),
                        request.is_head,
                    ));
                    input.remove_head();
                }
            }
        };
        assert_eq!(
            heads,
            [
                ("GET /1 HTTP/1.1\r\n\r\n".to_owned(), false),
                ("HEAD /2 HTTP/1.1\r\n\r\n".to_owned(), true)
            ]
        );
        assert_eq!(refusal, Refusal::Long);
        assert!(!input.is_empty());
        input.clear();
        assert!(input.is_empty());
        assert_eq!(input.head(), b"");
    }

    /// Relays a response to a client that reads `step_size` bytes at a time. Returns the bytes, and true if complete.
    fn relay(response: &mut Response<'_>, mut source: &[u8], step_size: usize) -> (String, bool) {
        let mut out = Vec::new();
        loop {
            let mut step = [0; 64];
            if response.has_unsent() {
                let count = response.send(&mut step[..step_size]).unwrap();
                out.extend_from_slice(&step[..count]);
            } else if response.is_complete() || response.receive(&mut source).unwrap() == 0 {
                return (String::from_utf8(out).unwrap(), response.is_complete());
            }
        }
    }

    #[test]
    fn a_response_ends_where_its_head_says() {
        const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
        const BODY: &str = "01234567890123456789";
        let whole = format!("{HEAD}{BODY}");
        for (source, is_head, expected, complete) in [
            (format!("{whole}HTTP/1.1 404"), false, whole.as_str(), true),
            (HEAD.to_owned(), true, HEAD, true),
            (
                format!("{HEAD}0123"),
                false,
                &whole[..HEAD.len() + 4],
                false,
            ),
            (HEAD[..9].to_owned(), false, "", false),
            (
                "no head\r\n\r\nat all".to_owned(),
                false,
                "no head\r\n\r\nat all",
                false,
            ),
            ("x".repeat(1000), false, &"x".repeat(1000), false),
        ] {
            for step_size in [1, 7, 64] {
                let mut memory = [0; 45];
                let mut response = Response::new(&mut memory);
                response.begin(Request {
                    is_head,
                    ..Request::PLAIN
                });
                let relayed = relay(&mut response, source.as_bytes(), step_size);
                assert_eq!(relayed, (expected.to_owned(), complete), "{source}");
            }
        }
    }

    #[test]
    fn a_refusal_is_a_complete_response() {
        let mut memory = [0; 256];
        let mut response = Response::new(&mut memory);
        assert!(response.is_complete());
        response.fill(Refusal::Long.response());
        let expected = String::from_utf8(Refusal::Long.response().to_vec()).unwrap();
        assert_eq!(relay(&mut response, b"", 10), (expected, true));
    }
}
