//! One client's connection, and the one to `tiny_http` that goes with it.

mod steps;

use std::net::TcpStream;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::buffers::{Answer, Input};
use super::framing::Refusal;
use crate::config::Service;

/// How long a head may take from its first byte to its last.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take nothing of its answer.
const READ_TIME: Duration = Duration::from_secs(10);
/// How long what a client sends after its last answer is thrown away. Closing at once would reset the connection, and
/// the client's system would throw the answer away.
const LEAVE_TIME: Duration = Duration::from_secs(2);
/// How many bytes of it are.
const LEAVE_BYTES: usize = 64 << 10;
/// How long a client may be slow, or make no pause, before another may have its place.
const FAIR_TIME: Duration = Duration::from_secs(1);
/// What is a pause between an answer and the next request.
const PAUSE_TIME: Duration = Duration::from_millis(10);
/// After how long without a word `tiny_http` hangs. The daemon has five seconds for each request, one after the other.
const HUNG_TIME: Duration = Duration::from_mins(2);

/// `tiny_http` does not come back, and would hold its end of a connection for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hung;

/// On which sides there is something to hear.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ready {
    pub(super) client: bool,
    pub(super) inner: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No connection.
    Free,
    /// Nothing of a request has come.
    Idle,
    /// Part of a head has.
    Head,
    /// All of it has, and is to be forwarded.
    Queued,
    /// The answer is on its way.
    Answer,
    /// Nothing more is sent to either side; each is closed when it ends.
    Leaving,
}

/// Room for one connection.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    client: Option<TcpStream>,
    /// What is served where it came in.
    service: Service,
    /// To `tiny_http`, from the first request on.
    inner: Option<UnixStream>,
    /// Nothing has come over `inner` yet.
    fresh: bool,
    stage: Stage,
    /// When the stage began, or an answer last moved.
    since: Instant,
    /// Since when it is the client's turn: the first byte came of its head, or of its answer.
    turn: Instant,
    /// When the last answer was complete; none before the first.
    answered: Option<Instant>,
    /// Since when each request has come without a pause after the answer before.
    restless: Option<Instant>,
    input: Input<'a>,
    answer: Answer<'a>,
    /// The connection ends with this answer.
    last: bool,
    /// Bytes thrown away after it.
    wasted: usize,
}

impl<'a> Slot<'a> {
    /// A free one that uses this memory.
    pub(super) const fn new(input: Input<'a>, answer: Answer<'a>, now: Instant) -> Self {
        Self {
            client: None,
            service: Service::Metrics,
            inner: None,
            fresh: false,
            stage: Stage::Free,
            since: now,
            turn: now,
            answered: None,
            restless: None,
            input,
            answer,
            last: false,
            wasted: 0,
        }
    }

    /// What to wait for, of the client and of `tiny_http`. An end of both directions is told even where no event is.
    pub(super) fn waits(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        let (client, inner) = match self.stage {
            Stage::Free => (None, None),
            Stage::Queued => (Some(PollFlags::empty()), None),
            Stage::Answer if self.answer.has_more() => (Some(PollFlags::POLLOUT), None),
            Stage::Answer => (Some(PollFlags::empty()), Some(PollFlags::POLLIN)),
            Stage::Idle | Stage::Head | Stage::Leaving => {
                (Some(PollFlags::POLLIN), Some(PollFlags::POLLIN))
            }
        };
        [
            self.client.as_ref().map(TcpStream::as_fd).zip(client),
            self.inner.as_ref().map(UnixStream::as_fd).zip(inner),
        ]
    }

    /// When [`Slot::expire`] has something to do. An idle connection may stay so.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (start, time) = match self.stage {
            Stage::Free | Stage::Idle | Stage::Queued => return None,
            Stage::Head => (self.turn, HEAD_TIME),
            Stage::Answer if self.answer.has_more() => (self.since, READ_TIME),
            Stage::Leaving if self.client.is_some() => (self.since, LEAVE_TIME),
            Stage::Answer | Stage::Leaving => (self.since, HUNG_TIME),
        };
        start.checked_add(time)
    }

    /// Ends what has taken too long.
    ///
    /// # Errors
    /// When that is `tiny_http`.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Hung> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        match self.stage {
            Stage::Head => self.refuse(Refusal::Late, now),
            Stage::Answer if self.answer.has_more() => self.drop_client(now),
            Stage::Leaving if self.client.is_some() => self.drop_client(now),
            _ => return Err(Hung),
        }
        Ok(())
    }

    /// Whether this is served where its connection came in.
    pub(super) fn is_for(&self, service: Service) -> bool {
        self.service == service
    }

    /// Whether it can take a connection.
    pub(super) fn is_free(&self) -> bool {
        self.stage == Stage::Free
    }

    /// Whether it is free as soon as `tiny_http` lets go.
    pub(super) fn is_going(&self) -> bool {
        self.stage == Stage::Leaving && self.client.is_none()
    }

    /// From when on another may have its place, and its rank among those that may go: the least first. None while
    /// `tiny_http` has its first request, which would have to be waited for anyway.
    pub(super) fn evictable(&self) -> Option<(Instant, (u8, Instant))> {
        let after = |start: Instant| Some((start.checked_add(FAIR_TIME)?, (2, start)));
        match self.stage {
            Stage::Leaving if self.client.is_some() => Some((self.since, (0, self.since))),
            Stage::Idle => Some((self.since, (1, self.since))),
            Stage::Head => after(self.restless.unwrap_or(self.turn)),
            Stage::Answer if self.answer.has_more() => after(self.restless.unwrap_or(self.turn)),
            Stage::Answer | Stage::Queued => self.restless.and_then(after),
            Stage::Free | Stage::Leaving => None,
        }
    }

    /// Since when a head is to be forwarded.
    pub(super) fn queued(&self) -> Option<Instant> {
        (self.stage == Stage::Queued).then_some(self.since)
    }

    /// Whether there is a connection to `tiny_http`.
    pub(super) const fn is_connected(&self) -> bool {
        self.inner.is_some()
    }

    /// Whether that connection has yet to show that one of `tiny_http`'s threads has taken it up.
    pub(super) const fn is_fresh(&self) -> bool {
        self.inner.is_some() && self.fresh
    }

    /// Gives it a connection to `tiny_http`.
    pub(super) fn connect(&mut self, inner: UnixStream) {
        (self.inner, self.fresh) = (Some(inner), true);
    }
}

#[cfg(test)]
mod tests;
