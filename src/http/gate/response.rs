//! The buffer of a response in transit.

use std::io::{self, Read, Write};

use super::framing::{Extent, Request, extent};

/// A response in transit from the responder to the client.
#[derive(Debug)]
pub(super) struct Response<'a> {
    memory: &'a mut [u8],
    /// Number of bytes of `memory` sent to the client.
    sent: usize,
    /// Number of bytes in `memory`.
    received: usize,
    remaining: Remaining,
    request: Request,
}

/// Part of the response still to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remaining {
    /// The head is incomplete.
    Head,
    /// Number of bytes after the head.
    Bytes(usize),
    /// All bytes until the connection is closed.
    UntilClose,
}

impl<'a> Response<'a> {
    /// A complete, empty response. `memory` is the buffer through which longer responses pass in pieces.
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

    /// Sets the whole response to `text`, without its body for HEAD. The responder takes no part in it.
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
    pub(super) fn is_unstarted(&self) -> bool {
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

    /// Reads once. Returns the number of bytes, 0 at the end. All received bytes must be sent before.
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

    /// Part of the response still to be received once the head is complete.
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
    use crate::http::gate::framing::Refusal;

    /// Relays a response to a client that reads `step_size` bytes at a time. Returns the bytes, and true if the response
    /// is complete.
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
    fn response_ends_after_its_content_length() {
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
    fn refusal_is_a_complete_response() {
        let mut memory = [0; 256];
        let mut response = Response::new(&mut memory);
        assert!(response.is_complete());
        response.fill(Refusal::Long.response());
        let expected = String::from_utf8(Refusal::Long.response().to_vec()).unwrap();
        assert_eq!(relay(&mut response, b"", 10), (expected, true));
    }
}
