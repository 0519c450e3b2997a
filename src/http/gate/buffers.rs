//! What of a request has come, and what of its answer has to go, each in memory of fixed size.

use std::io::{self, Read, Write};

use super::framing::{Collected, Collector, Extent, Refusal, Request, admit, extent};

/// A head as it comes, and what was sent after it.
#[derive(Debug)]
pub(super) struct Input<'a> {
    memory: &'a mut [u8],
    filled: usize,
    head: usize,
    collector: Collector,
}

impl<'a> Input<'a> {
    /// An empty one. A head can be as long as this memory.
    pub(super) const fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            filled: 0,
            head: 0,
            collector: Collector::new(),
        }
    }

    /// Reads once; gives the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// What the reader says.
    pub(super) fn receive(&mut self, mut from: impl Read) -> io::Result<usize> {
        let room = self.memory.get_mut(self.filled..).unwrap_or_default();
        let count = from.read(room)?;
        self.filled = self.filled.saturating_add(count).min(self.memory.len());
        Ok(count)
    }

    /// The request, once its head has come and if it can be admitted.
    pub(super) fn request(&mut self) -> Option<Result<Request, Refusal>> {
        let bytes = self.memory.get(..self.filled).unwrap_or_default();
        match self.collector.look(bytes) {
            Collected::Part if self.filled < self.memory.len() => None,
            Collected::Part => Some(Err(Refusal::Long)),
            Collected::Malformed => Some(Err(Refusal::Malformed)),
            Collected::Head(length) => {
                self.head = length;
                Some(admit(self.memory.get_mut(..length).unwrap_or_default()))
            }
        }
    }

    /// The head of that request.
    pub(super) fn head(&self) -> &[u8] {
        self.memory.get(..self.head).unwrap_or_default()
    }

    /// Forgets that head. What came after it is the beginning of the next.
    pub(super) fn forget_head(&mut self) {
        let rest = self.head.min(self.filled)..self.filled;
        (self.filled, self.head) = (rest.len(), 0);
        self.memory.copy_within(rest, 0);
        self.collector = Collector::new();
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        (self.filled, self.head) = (0, 0);
        self.collector = Collector::new();
    }

    /// Whether nothing has come of the next head.
    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
    }
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    memory: &'a mut [u8],
    /// What of the memory has gone out, and what has come in.
    gone: usize,
    come: usize,
    left: Left,
    request: Request,
}

/// What has yet to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Its head, and what that says.
    Head,
    /// So many bytes.
    Bytes(usize),
    /// All until the end.
    Rest,
}

impl<'a> Answer<'a> {
    /// One that goes through this memory, a part at a time.
    pub(super) const fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            gone: 0,
            come: 0,
            left: Left::Bytes(0),
            request: Request::PLAIN,
        }
    }

    /// Begins the answer to this request.
    pub(super) const fn begin(&mut self, request: Request) {
        (self.gone, self.come, self.left) = (0, 0, Left::Head);
        self.request = request;
    }

    /// Is this answer, of which nothing has to come.
    pub(super) fn fill(&mut self, text: &[u8]) {
        let length = text.len().min(self.memory.len());
        for (to, from) in self.memory.iter_mut().zip(text) {
            *to = *from;
        }
        (self.gone, self.come, self.left) = (0, length, Left::Bytes(0));
    }

    /// Whether nothing of it has come.
    pub(super) fn is_awaited(&self) -> bool {
        self.left == Left::Head && self.come == 0
    }

    /// Whether there is something that can go out now. The head goes only when it is complete.
    pub(super) fn has_more(&self) -> bool {
        self.gone < self.come && self.left != Left::Head
    }

    /// Whether all of it has gone.
    pub(super) fn is_complete(&self) -> bool {
        self.gone == self.come && self.left == Left::Bytes(0)
    }

    /// Reads once, when there is nothing that can go out; gives the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// What the reader says.
    pub(super) fn receive(&mut self, mut from: impl Read) -> io::Result<usize> {
        if self.left != Left::Head {
            (self.gone, self.come) = (0, 0);
        }
        let end = match self.left {
            Left::Bytes(count) => count.min(self.memory.len()),
            Left::Head | Left::Rest => self.memory.len(),
        };
        let count = from.read(self.memory.get_mut(self.come..end).unwrap_or_default())?;
        self.come = self.come.saturating_add(count).min(end);
        self.left = match self.left {
            Left::Head => self.after_head(),
            Left::Bytes(left) => Left::Bytes(left.saturating_sub(count)),
            Left::Rest => Left::Rest,
        };
        Ok(count)
    }

    /// What is left after what has come.
    fn after_head(&self) -> Left {
        let start = self.memory.get(..self.come).unwrap_or_default();
        match extent(start, self.request) {
            Extent::Unknown if self.come < self.memory.len() => Left::Head,
            Extent::Unknown | Extent::Rest => Left::Rest,
            Extent::Bytes(total) => Left::Bytes(total.saturating_sub(self.come)),
        }
    }

    /// Writes once what can go out; gives the number of bytes.
    ///
    /// # Errors
    /// What the writer says.
    pub(super) fn send(&mut self, mut to: impl Write) -> io::Result<usize> {
        let count = to.write(self.memory.get(self.gone..self.come).unwrap_or_default())?;
        self.gone = self.gone.saturating_add(count).min(self.come);
        Ok(count)
    }

    /// Reads once, for nothing; gives the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// What the reader says.
    pub(super) fn discard(&mut self, mut from: impl Read) -> io::Result<usize> {
        from.read(self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_one_after_the_other() {
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
                    input.forget_head();
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

    /// Lets an answer through to a client that takes so many bytes at a time; says whether it came to its end.
    fn relay(answer: &mut Answer<'_>, mut source: &[u8], at_a_time: usize) -> (String, bool) {
        let mut out = Vec::new();
        loop {
            let mut step = [0; 64];
            if answer.has_more() {
                let count = answer.send(&mut step[..at_a_time]).unwrap();
                out.extend_from_slice(&step[..count]);
            } else if answer.is_complete() || answer.receive(&mut source).unwrap() == 0 {
                return (String::from_utf8(out).unwrap(), answer.is_complete());
            }
        }
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
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
            for at_a_time in [1, 7, 64] {
                let mut memory = [0; 45];
                let mut answer = Answer::new(&mut memory);
                let has_body = false;
                answer.begin(Request { is_head, has_body });
                let relayed = relay(&mut answer, source.as_bytes(), at_a_time);
                assert_eq!(relayed, (expected.to_owned(), complete), "{source}");
            }
        }
    }

    #[test]
    fn a_refusal_is_complete_as_it_is() {
        let mut memory = [0; 256];
        let mut answer = Answer::new(&mut memory);
        assert!(answer.is_complete());
        answer.fill(Refusal::Long.answer());
        let expected = String::from_utf8(Refusal::Long.answer().to_vec()).unwrap();
        assert_eq!(relay(&mut answer, b"", 10), (expected, true));
    }
}
