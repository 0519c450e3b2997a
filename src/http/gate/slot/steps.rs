//! What a slot does when it hears something.

use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::{LEAVE_BYTES, PAUSE_TIME, Ready, Slot, Stage};
use crate::config::Service;
use crate::http::gate::framing::{END, Refusal, mark};

impl Slot<'_> {
    /// Takes a connection, and its request if that has come with it.
    pub(in crate::http::gate) fn open(
        &mut self,
        client: TcpStream,
        service: Service,
        now: Instant,
    ) {
        (self.client, self.service) = (Some(client), service);
        self.input.clear();
        (self.last, self.wasted) = (false, 0);
        (self.answered, self.restless) = (None, None);
        self.enter(Stage::Idle, now);
        self.receive(now);
    }

    /// Does what can be done now that there is something to hear.
    pub(in crate::http::gate) fn step(&mut self, ready: Ready, now: Instant) {
        match self.stage {
            Stage::Free => {}
            // Between requests only the end can come, and then there is no use for another.
            Stage::Idle | Stage::Head if ready.inner => self.part(now),
            Stage::Idle | Stage::Head => self.receive(now),
            Stage::Queued => self.drop_client(now),
            Stage::Answer if ready.client && !self.answer.has_more() => self.drop_client(now),
            Stage::Answer => self.relay(now),
            Stage::Leaving => self.leave(ready),
        }
    }

    /// Forwards the head, if there is still somebody to be answered.
    pub(in crate::http::gate) fn forward(&mut self, now: Instant) {
        let (Some(client), Some(inner)) = (&self.client, &mut self.inner) else {
            return self.part(now);
        };
        if !matches!(client.take_error(), Ok(None)) {
            return self.drop_client(now);
        }
        let head = self.input.head();
        let end = head.len().saturating_sub(END.len());
        let parts = [head.get(..end).unwrap_or_default(), mark(self.service)];
        // There is room for all of it: every head before was read, or no answer would have come.
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let written = inner.write_vectored(&parts.map(IoSlice::new));
        if !written.is_ok_and(|count| count == length) {
            return self.part(now);
        }
        self.input.forget_head();
        self.enter(Stage::Answer, now);
    }

    /// Ends the connection with its next answer, or now if it has had one and asks for nothing. Whoever has just come
    /// still gets an answer.
    pub(in crate::http::gate) fn retire(&mut self, now: Instant) {
        self.last = true;
        if self.stage == Stage::Idle && self.answered.is_some() {
            self.part(now);
        }
    }

    /// Closes the client's side without a word.
    pub(in crate::http::gate) fn drop_client(&mut self, now: Instant) {
        self.client = None;
        self.part(now);
    }

    fn enter(&mut self, stage: Stage, now: Instant) {
        (self.stage, self.since) = (stage, now);
    }

    fn receive(&mut self, now: Instant) {
        let Some(client) = &self.client else {
            return self.part(now);
        };
        match self.input.receive(client) {
            Err(error) if passes(&error) => {}
            Ok(1..) => self.collect(now),
            Ok(0) | Err(_) => self.drop_client(now),
        }
    }

    /// Looks at what has come of a head.
    fn collect(&mut self, now: Instant) {
        if self.stage == Stage::Idle {
            let answered = self.answered;
            if answered.is_none_or(|at| now.saturating_duration_since(at) > PAUSE_TIME) {
                self.restless = None;
            } else {
                self.restless.get_or_insert(now);
            }
            self.turn = now;
            self.enter(Stage::Head, now);
        }
        match self.input.request() {
            None => {}
            Some(Err(refusal)) => self.refuse(refusal, now),
            Some(Ok(request)) => {
                self.answer.begin(request);
                self.last |= request.has_body;
                self.enter(Stage::Queued, now);
            }
        }
    }

    /// Answers without `tiny_http`, for the last time.
    pub(super) fn refuse(&mut self, refusal: Refusal, now: Instant) {
        self.answer.fill(refusal.answer());
        (self.last, self.turn) = (true, now);
        self.enter(Stage::Answer, now);
        self.relay(now);
    }

    /// Moves as much of an answer as goes now.
    fn relay(&mut self, now: Instant) {
        while !self.answer.is_complete() {
            let moved = if self.answer.has_more() {
                self.send(now)
            } else {
                self.fetch(now)
            };
            if !moved {
                return;
            }
        }
        self.next(now);
    }

    /// Sends a part of the answer, if some of it goes now.
    fn send(&mut self, now: Instant) -> bool {
        match self.client.as_ref().map(|client| self.answer.send(client)) {
            Some(Ok(1..)) => {
                self.since = now;
                return true;
            }
            Some(Err(error)) if passes(&error) => {}
            _ => self.drop_client(now),
        }
        false
    }

    /// Takes a part of the answer from `tiny_http`, if some of it is there.
    fn fetch(&mut self, now: Instant) -> bool {
        let begins = self.answer.is_awaited();
        let fetched = self.inner.as_ref().map(|inner| self.answer.receive(inner));
        match fetched {
            Some(Ok(1..)) => {
                if begins {
                    self.turn = now;
                }
                (self.fresh, self.since) = (false, now);
                return true;
            }
            Some(Err(error)) if passes(&error) => {}
            _ => {
                self.inner = None;
                self.part(now);
            }
        }
        false
    }

    /// After a complete answer.
    fn next(&mut self, now: Instant) {
        if self.last {
            return self.part(now);
        }
        self.answered = Some(now);
        self.enter(Stage::Idle, now);
        if !self.input.is_empty() {
            self.collect(now);
        }
    }

    /// Says to both sides that nothing more will come.
    fn part(&mut self, now: Instant) {
        // One that is gone already is no news.
        if let Some(client) = &self.client {
            let _ = client.shutdown(Shutdown::Write);
        }
        if let Some(inner) = &self.inner {
            let _ = inner.shutdown(Shutdown::Write);
        }
        self.enter(Stage::Leaving, now);
        self.close();
    }

    /// Throws away what still comes, up to the end.
    fn leave(&mut self, ready: Ready) {
        if let Some(client) = self.client.take_if(|_| ready.client) {
            let count = more(self.answer.discard(&client));
            self.wasted += count.unwrap_or(0);
            self.client = Some(client).filter(|_| count.is_some() && self.wasted < LEAVE_BYTES);
        }
        if let Some(inner) = self.inner.take_if(|_| ready.inner) {
            let count = more(self.answer.discard(&inner));
            self.inner = Some(inner).filter(|_| count.is_some());
        }
        self.close();
    }

    /// Is free once both sides are closed.
    fn close(&mut self) {
        if self.client.is_none() && self.inner.is_none() {
            self.stage = Stage::Free;
        }
    }
}

/// Whether it is none: there is nothing to read, or no room to write, for now.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// How much was read, if it was not the end.
fn more(read: io::Result<usize>) -> Option<usize> {
    match read {
        Ok(count) => Some(count).filter(|&count| count > 0),
        Err(error) => passes(&error).then_some(0),
    }
}
