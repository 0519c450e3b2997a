//! A slot: a client's connection, and the connection to `tiny_http` that belongs to it.

mod steps;

use std::net::TcpStream;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::buffers::{Input, Response};
use super::framing::Refusal;
use crate::config::Service;

/// Time for a head from its first byte to its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time in which a client must read some bytes of its response.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Time of the lingering close, in which bytes of the client after its last response are discarded (RFC 9112, 9.6).
/// Closing at once would reset the connection, and the client's system would discard the response.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// Most bytes discarded by the lingering close.
const LINGER_BYTES: usize = 64 << 10;
/// Time for which a client may be slow, or request without pause, before its connection may be evicted.
const EVICT_AFTER: Duration = Duration::from_secs(1);
/// Shortest time between a response and the next request that counts as a pause.
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// Time after which a silent `tiny_http` hangs. The daemon answers one request after the other, each within five
/// seconds.
const HUNG_AFTER: Duration = Duration::from_mins(2);

/// Error for a `tiny_http` that hangs. It would keep its end of a connection open forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hung;

/// Sides of a slot with an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ready {
    pub(super) client: bool,
    pub(super) inner: bool,
}

/// Stage of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is no connection.
    Free,
    /// No byte of a request is received.
    Idle,
    /// The head is incomplete.
    Head,
    /// The head is complete, but not forwarded.
    Queued,
    /// The request is forwarded, the response is not complete.
    Response,
    /// Both sides are shut down for writing. Each is closed after its last byte.
    Closing,
}

/// State and buffers of one connection.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    client: Option<TcpStream>,
    /// Service of the listening socket that accepted the connection.
    service: Service,
    /// Connection to `tiny_http`; `None` before the first request.
    inner: Option<UnixStream>,
    /// True until the first byte of `tiny_http` on `inner`.
    fresh: bool,
    stage: Stage,
    /// Start of the stage, or time of the last bytes of a response.
    since: Instant,
    /// Time from which the client can be slow: the first byte of its head, or of its response.
    client_since: Instant,
    /// End of the last response; `None` before the first.
    answered_at: Option<Instant>,
    /// Start of a series of requests without pause in between.
    busy_since: Option<Instant>,
    input: Input<'a>,
    response: Response<'a>,
    /// True if the connection ends with this response.
    last: bool,
    /// Bytes discarded by the lingering close.
    discarded: usize,
}

impl<'a> Slot<'a> {
    /// A free slot with these buffers.
    pub(super) const fn new(input: Input<'a>, response: Response<'a>, now: Instant) -> Self {
        Self {
            client: None,
            service: Service::Metrics,
            inner: None,
            fresh: false,
            stage: Stage::Free,
            since: now,
            client_since: now,
            answered_at: None,
            busy_since: None,
            input,
            response,
            last: false,
            discarded: 0,
        }
    }

    /// Descriptors and events to poll, of the client and of `tiny_http`. `poll` reports `POLLHUP`, the end of both
    /// directions, even without events.
    pub(super) fn poll_events(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        let (client, inner) = match self.stage {
            Stage::Free => (None, None),
            Stage::Queued => (Some(PollFlags::empty()), None),
            Stage::Response if self.response.has_unsent() => (Some(PollFlags::POLLOUT), None),
            Stage::Response => (Some(PollFlags::empty()), Some(PollFlags::POLLIN)),
            Stage::Idle | Stage::Head | Stage::Closing => {
                (Some(PollFlags::POLLIN), Some(PollFlags::POLLIN))
            }
        };
        [
            self.client.as_ref().map(TcpStream::as_fd).zip(client),
            self.inner.as_ref().map(UnixStream::as_fd).zip(inner),
        ]
    }

    /// Time at which [`Slot::expire`] is due. An idle connection has no deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (start, time) = match self.stage {
            Stage::Free | Stage::Idle | Stage::Queued => return None,
            Stage::Head => (self.client_since, HEAD_TIMEOUT),
            Stage::Response if self.response.has_unsent() => (self.since, SEND_TIMEOUT),
            Stage::Closing if self.client.is_some() => (self.since, LINGER_TIME),
            Stage::Response | Stage::Closing => (self.since, HUNG_AFTER),
        };
        start.checked_add(time)
    }

    /// Ends a stage whose deadline is over.
    ///
    /// # Errors
    /// [`Hung`] when the slot waits for `tiny_http`.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Hung> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        match self.stage {
            Stage::Head => self.refuse(Refusal::Late, now),
            Stage::Response if self.response.has_unsent() => self.drop_client(now),
            Stage::Closing if self.client.is_some() => self.drop_client(now),
            _ => return Err(Hung),
        }
        Ok(())
    }

    /// True if the connection belongs to this service.
    pub(super) fn is_for(&self, service: Service) -> bool {
        self.service == service
    }

    /// True if the slot has no connection.
    pub(super) fn is_free(&self) -> bool {
        self.stage == Stage::Free
    }

    /// True if the slot becomes free when `tiny_http` closes its connection.
    pub(super) fn is_closing(&self) -> bool {
        self.stage == Stage::Closing && self.client.is_none()
    }

    /// Time from which the connection may be evicted, and its rank; the lowest rank is evicted first. `None` while
    /// `tiny_http` has the request of a client that paused before it: the slot would be free only after the response.
    pub(super) fn evictable(&self) -> Option<(Instant, (u8, Instant))> {
        let after = |start: Instant| Some((start.checked_add(EVICT_AFTER)?, (2, start)));
        match self.stage {
            Stage::Closing if self.client.is_some() => Some((self.since, (0, self.since))),
            Stage::Idle => Some((self.since, (1, self.since))),
            Stage::Head => after(self.busy_since.unwrap_or(self.client_since)),
            Stage::Response if self.response.has_unsent() => {
                after(self.busy_since.unwrap_or(self.client_since))
            }
            Stage::Response | Stage::Queued => self.busy_since.and_then(after),
            Stage::Free | Stage::Closing => None,
        }
    }

    /// Time since which a complete head waits for [`Slot::forward`].
    pub(super) fn queued(&self) -> Option<Instant> {
        (self.stage == Stage::Queued).then_some(self.since)
    }

    /// True if there is a connection to `tiny_http`.
    pub(super) const fn is_connected(&self) -> bool {
        self.inner.is_some()
    }

    /// True until a thread of `tiny_http` is known to serve the connection, by its first byte.
    pub(super) const fn is_fresh(&self) -> bool {
        self.inner.is_some() && self.fresh
    }

    /// Sets the connection to `tiny_http`.
    pub(super) fn connect(&mut self, inner: UnixStream) {
        (self.inner, self.fresh) = (Some(inner), true);
    }
}

#[cfg(test)]
mod tests;
