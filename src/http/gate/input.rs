//! The buffer of a request's head.

use std::io::{self, Read};

use super::framing::{Collected, Collector, Refusal, Request, leading_empty_lines, sanitize};

/// Bytes received from the client: a head, followed by the start of the next head if the client pipelines requests.
#[derive(Debug)]
pub(super) struct Input<'a> {
    memory: &'a mut [u8],
    /// Number of bytes received.
    filled: usize,
    /// Length of the head once it is complete; 0 before.
    head: usize,
    collector: Collector,
}

impl<'a> Input<'a> {
    /// An empty buffer. The size of `memory` bounds the length of a head.
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

    /// Removes empty lines before the request line.
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

    /// True if no byte of the next head is received.
    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
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
}
