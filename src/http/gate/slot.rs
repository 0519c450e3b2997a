//! A slot: the connection of a client, and its connection to the responder.

mod steps;

use std::net::TcpStream;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::fairness::{Claim, Rank};
use super::framing::Refusal;
use super::input::Input;
use super::peer::Peer;
use super::response::Response;
use crate::config::Service;

/// Timeout of a head, from its first byte to its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a client that reads no byte of its response.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Duration of the lingering close, in which bytes of the client after its last response are discarded (RFC 9112, 9.6).
/// Closing at once would reset the connection, and the client's system would discard the response.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// Maximum number of bytes that the lingering close discards.
const LINGER_BYTES: usize = 64 << 10;
/// Shortest time between a response and the next request that counts as a pause.
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// Timeout of the responder: it answers [`REQUESTS`](super::REQUESTS) requests one by one, each within five seconds.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);

/// Error for a responder that neither answers nor closes its end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hung;

/// Sides of a slot that have an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ready {
    pub(super) client: bool,
    pub(super) inner: bool,
}

/// Stage of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The slot has no connection.
    Free,
    /// No byte of the next request is received.
    Idle,
    /// The head is incomplete.
    Head,
    /// The head is complete and not forwarded.
    Queued,
    /// The head is forwarded, and the response is incomplete.
    Response,
    /// Both sides are shut down for writing. Each is closed after its last byte.
    Closing,
}

/// State and buffers of one connection.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    client: Option<TcpStream>,
    peer: Peer,
    /// Service of the listening socket that accepted the connection.
    service: Service,
    /// Connection to the responder; `None` before the first request.
    inner: Option<UnixStream>,
    /// True until the responder sends its first byte on `inner`.
    fresh: bool,
    /// Time at which `inner` was shut down to make room for another slot; `None` while `inner` may be used.
    released_at: Option<Instant>,
    stage: Stage,
    /// Start of the stage, or time of the last progress of a response.
    since: Instant,
    /// Start of the connection.
    opened_at: Instant,
    /// Time since which the slot waits for the client: the first byte of its head, or of its response.
    client_since: Instant,
    /// End of the last response; `None` before the first response.
    answered_at: Option<Instant>,
    /// Start of a series of requests without pauses.
    busy_since: Option<Instant>,
    input: Input<'a>,
    response: Response<'a>,
    /// True if the host of the complete head was checked.
    checked: bool,
    /// True if the connection ends with this response.
    last: bool,
    /// Number of bytes discarded by the lingering close.
    discarded: usize,
}

impl<'a> Slot<'a> {
    /// A free slot with these buffers.
    pub(super) const fn new(input: Input<'a>, response: Response<'a>, now: Instant) -> Self {
        Self {
            client: None,
            peer: Peer::NOBODY,
            service: Service::Metrics,
            inner: None,
            fresh: false,
            released_at: None,
            stage: Stage::Free,
            since: now,
            opened_at: now,
            client_since: now,
            answered_at: None,
            busy_since: None,
            input,
            response,
            checked: false,
            last: false,
            discarded: 0,
        }
    }

    /// Descriptors and events to poll: of the client, then of the responder. `poll` reports `POLLHUP`, the end of both
    /// directions, even if no event is requested.
    pub(super) fn poll_events(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        let (client, inner) = match self.stage {
            Stage::Free => (None, None),
            Stage::Queued => {
                let released = self.released_at.map(|_| PollFlags::POLLIN);
                (Some(PollFlags::empty()), released)
            }
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
        let released = self.released_at.and_then(|at| at.checked_add(HANG_TIMEOUT));
        self.stage_end().into_iter().chain(released).min()
    }

    fn stage_end(&self) -> Option<Instant> {
        let (start, time) = match self.stage {
            Stage::Free | Stage::Idle | Stage::Queued => return None,
            Stage::Head => (self.client_since, HEAD_TIMEOUT),
            Stage::Response if self.response.has_unsent() => (self.since, SEND_TIMEOUT),
            Stage::Closing if self.client.is_some() => (self.since, LINGER_TIME),
            Stage::Response | Stage::Closing => (self.since, HANG_TIMEOUT),
        };
        start.checked_add(time)
    }

    /// Ends a stage whose deadline has passed.
    ///
    /// # Errors
    /// [`Hung`] when the slot waits for the responder.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Hung> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        match self.stage {
            Stage::Head => self.refuse(Refusal::Late, now),
            Stage::Response if self.response.has_unsent() => self.drop_client(now),
            Stage::Closing if self.client.is_some() => self.drop_client(now),
            // The responder has not closed a released connection, or has not responded.
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

    /// True if the slot becomes free when the responder closes its connection.
    pub(super) fn is_closing(&self) -> bool {
        self.stage == Stage::Closing && self.client.is_none()
    }

    /// The peer of the client.
    pub(super) const fn peer(&self) -> Peer {
        self.peer
    }

    /// Reason why the connection may be closed. `None` while the responder has the request of a client that pauses between
    /// requests: closing would free the slot only after the response.
    pub(super) fn claim(&self) -> Option<Claim> {
        // Until its first response, a client counts as slow since it connected.
        let client_since = self
            .answered_at
            .map_or(self.opened_at, |_| self.client_since);
        let unfinished = |since| Some((Rank::Unfinished, since));
        match self.stage {
            Stage::Closing if self.client.is_some() => Some((Rank::Lingering, self.since)),
            Stage::Idle => match self.answered_at {
                Some(_) => Some((Rank::Answered, self.since)),
                None => unfinished(self.opened_at),
            },
            Stage::Head => unfinished(self.busy_since.unwrap_or(client_since)),
            Stage::Response if self.response.has_unsent() => {
                unfinished(self.busy_since.unwrap_or(self.client_since))
            }
            Stage::Response | Stage::Queued => self.busy_since.and_then(unfinished),
            Stage::Free | Stage::Closing => None,
        }
    }

    /// Time since which a complete head waits for [`Slot::forward`].
    pub(super) fn queued(&self) -> Option<Instant> {
        (self.stage == Stage::Queued).then_some(self.since)
    }

    /// True if the slot has a connection to the responder, even a released one.
    pub(super) const fn has_inner(&self) -> bool {
        self.inner.is_some()
    }

    /// True if the slot has a connection to the responder that is not released.
    pub(super) const fn is_connected(&self) -> bool {
        self.inner.is_some() && self.released_at.is_none()
    }

    /// True from [`Slot::release`] until the responder closes the connection.
    pub(super) const fn is_released(&self) -> bool {
        self.released_at.is_some()
    }

    /// Time since which the connection to the responder is unused; `None` while it is used.
    pub(super) fn unused_since(&self) -> Option<Instant> {
        let unused = matches!(self.stage, Stage::Idle | Stage::Head) && self.is_connected();
        unused.then(|| self.answered_at.unwrap_or(self.since))
    }

    /// True until the responder sends its first byte on the connection.
    pub(super) const fn is_fresh(&self) -> bool {
        self.inner.is_some() && self.fresh
    }

    /// Sets the connection to the responder.
    pub(super) fn connect(&mut self, inner: UnixStream) {
        (self.inner, self.fresh, self.released_at) = (Some(inner), true, None);
    }
}

#[cfg(test)]
mod tests;
