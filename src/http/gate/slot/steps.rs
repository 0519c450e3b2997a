//! Transitions of a slot: accepting, receiving, forwarding, relaying and closing.

use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::{LINGER_BYTES, MIN_PAUSE, Ready, Slot, Stage};
use crate::config::Service;
use crate::http::gate::framing::{EMPTY_LINE, Refusal, service_header};
use crate::http::gate::peer::Peer;
use crate::http::host::{self, Names};

impl Slot<'_> {
    /// Starts a connection, and reads the first bytes of its request without waiting.
    pub(in crate::http::gate) fn open(
        &mut self,
        client: TcpStream,
        peer: Peer,
        service: Service,
        now: Instant,
    ) {
        (self.client, self.peer, self.service) = (Some(client), peer, service);
        self.input.clear();
        (self.last, self.discarded) = (false, 0);
        (self.answered_at, self.busy_since, self.opened_at) = (None, None, now);
        self.enter(Stage::Idle, now);
        self.receive(now);
    }

    /// Handles events on either side.
    pub(in crate::http::gate) fn step(&mut self, mut ready: Ready, now: Instant) {
        if ready.inner && self.is_released() && self.stage != Stage::Closing {
            (self.inner, self.released_at, ready.inner) = (None, None, false);
            if !ready.client {
                return;
            }
        }
        match self.stage {
            Stage::Free => {}
            // Between requests, the only event of the responder is the end of the connection.
            Stage::Idle | Stage::Head if ready.inner => self.begin_close(now),
            Stage::Idle | Stage::Head => self.receive(now),
            Stage::Queued => self.drop_client(now),
            Stage::Response if ready.client && !self.response.has_unsent() => self.drop_client(now),
            Stage::Response => self.relay(now),
            Stage::Closing => self.linger(ready),
        }
    }

    /// Refuses a complete head whose host is wrong or not vouched for.
    pub(in crate::http::gate) fn check_host(&mut self, names: &Names, now: Instant) {
        if self.stage == Stage::Queued
            && !self.checked
            && let Err(refusal) = host::check(self.input.head(), self.service, names)
        {
            return self.refuse(refusal, now);
        }
        self.checked = true;
    }

    /// Forwards the head, unless the client has closed its connection.
    pub(in crate::http::gate) fn forward(&mut self, now: Instant) {
        let (Some(client), Some(inner)) = (&self.client, &mut self.inner) else {
            return self.begin_close(now);
        };
        if !matches!(client.take_error(), Ok(None)) {
            return self.drop_client(now);
        }
        let head = self.input.head();
        let end = head.len().saturating_sub(EMPTY_LINE.len());
        let parts = [
            head.get(..end).unwrap_or_default(),
            service_header(self.service),
        ];
        // A partial write is impossible with a sound responder: the socket's buffer is larger than a head, and empty,
        // since the responder has read every head that it answered.
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let written = inner.write_vectored(&parts.map(IoSlice::new));
        if !written.is_ok_and(|count| count == length) {
            return self.begin_close(now);
        }
        self.input.remove_head();
        self.enter(Stage::Response, now);
    }

    /// Shuts down the connection to the responder, to make room for another slot. The next request needs a new connection.
    pub(in crate::http::gate) fn release(&mut self, now: Instant) {
        if let Some(inner) = &self.inner {
            let _ = inner.shutdown(Shutdown::Write);
            self.released_at = Some(now);
        }
    }

    /// Ends the connection: at once if it is idle after a response, else with its next response.
    pub(in crate::http::gate) fn retire(&mut self, now: Instant) {
        self.last = true;
        if self.stage == Stage::Idle && self.answered_at.is_some() {
            self.begin_close(now);
        }
    }

    /// Closes the client's connection without a response.
    pub(in crate::http::gate) fn drop_client(&mut self, now: Instant) {
        self.client = None;
        self.begin_close(now);
    }

    fn enter(&mut self, stage: Stage, now: Instant) {
        (self.stage, self.since) = (stage, now);
    }

    fn receive(&mut self, now: Instant) {
        let Some(client) = &self.client else {
            return self.begin_close(now);
        };
        match self.input.receive(client) {
            Err(error) if is_transient(&error) => {}
            Ok(1..) => self.collect(now),
            Ok(0) | Err(_) => self.drop_client(now),
        }
    }

    /// Scans the received bytes of a head.
    fn collect(&mut self, now: Instant) {
        self.input.skip_empty_lines();
        if self.stage == Stage::Idle && self.input.is_empty() {
            return;
        }
        if self.stage == Stage::Idle {
            let answered_at = self.answered_at;
            if answered_at.is_none_or(|at| now.saturating_duration_since(at) > MIN_PAUSE) {
                self.busy_since = None;
            } else {
                self.busy_since.get_or_insert(now);
            }
            self.client_since = now;
            self.enter(Stage::Head, now);
        }
        match self.input.request() {
            None => {}
            Some(Err(refusal)) => self.refuse(refusal, now),
            Some(Ok(request)) => {
                self.response.begin(request);
                self.last |= request.has_body || request.closes;
                self.checked = false;
                self.enter(Stage::Queued, now);
            }
        }
    }

    /// Sends the response of a refusal, and ends the connection.
    pub(super) fn refuse(&mut self, refusal: Refusal, now: Instant) {
        self.response.fill(refusal.response());
        (self.last, self.client_since) = (true, now);
        self.enter(Stage::Response, now);
        self.relay(now);
    }

    /// Relays as much of the response as possible without blocking.
    fn relay(&mut self, now: Instant) {
        while !self.response.is_complete() {
            let progress = if self.response.has_unsent() {
                self.send(now)
            } else {
                self.receive_response(now)
            };
            if !progress {
                return;
            }
        }
        self.finish_response(now);
    }

    /// Sends bytes of the response. Returns false when no byte can be sent now.
    fn send(&mut self, now: Instant) -> bool {
        match self
            .client
            .as_ref()
            .map(|client| self.response.send(client))
        {
            Some(Ok(1..)) => {
                self.since = now;
                return true;
            }
            Some(Err(error)) if is_transient(&error) => {}
            _ => self.drop_client(now),
        }
        false
    }

    /// Receives bytes of the response from the responder. Returns false when no byte can be received now.
    fn receive_response(&mut self, now: Instant) -> bool {
        let begins = self.response.is_unstarted();
        let received = self
            .inner
            .as_ref()
            .map(|inner| self.response.receive(inner));
        match received {
            Some(Ok(1..)) => {
                if begins {
                    self.client_since = now;
                }
                (self.fresh, self.since) = (false, now);
                return true;
            }
            Some(Err(error)) if is_transient(&error) => {}
            _ => {
                self.inner = None;
                self.begin_close(now);
            }
        }
        false
    }

    /// Closes the connection after its last response, else waits for the next request.
    fn finish_response(&mut self, now: Instant) {
        if self.last {
            return self.begin_close(now);
        }
        self.answered_at = Some(now);
        self.enter(Stage::Idle, now);
        if !self.input.is_empty() {
            self.collect(now);
        }
    }

    /// Shuts both sides down for writing.
    fn begin_close(&mut self, now: Instant) {
        // An error means that the side is closed already.
        if let Some(client) = &self.client {
            let _ = client.shutdown(Shutdown::Write);
        }
        if let Some(inner) = &self.inner {
            let _ = inner.shutdown(Shutdown::Write);
        }
        self.released_at = None;
        self.enter(Stage::Closing, now);
        self.free_if_closed();
    }

    /// Discards received bytes until each side closes, within [`LINGER_BYTES`].
    fn linger(&mut self, ready: Ready) {
        if let Some(client) = self.client.take_if(|_| ready.client) {
            let count = count_unless_end(self.response.discard(&client));
            self.discarded += count.unwrap_or(0);
            self.client = Some(client).filter(|_| count.is_some() && self.discarded < LINGER_BYTES);
        }
        if let Some(inner) = self.inner.take_if(|_| ready.inner) {
            let count = count_unless_end(self.response.discard(&inner));
            self.inner = Some(inner).filter(|_| count.is_some());
        }
        self.free_if_closed();
    }

    /// Frees the slot when both sides are closed.
    fn free_if_closed(&mut self) {
        if self.client.is_none() && self.inner.is_none() {
            self.stage = Stage::Free;
        }
    }
}

/// True if the operation would block or was interrupted.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Number of bytes read, 0 if the read would block; `None` at the end or after an error.
fn count_unless_end(read: io::Result<usize>) -> Option<usize> {
    match read {
        Ok(count) => Some(count).filter(|&count| count > 0),
        Err(error) => is_transient(&error).then_some(0),
    }
}
