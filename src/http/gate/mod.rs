//! The *gate*: a proxy between the network and the responder that bounds connections, requests and their memory.
//!
//! The responder ([`super::worker`]) allocates for each request and response, and sets clients no limit of time. So the
//! responder must not face the network. The gate is one thread that owns the listening sockets and a fixed number of
//! [`slot`]s with memory of fixed size. The gate collects a request's head, forwards it over a socket pair, relays the
//! response up to its end, and only then reads the next head. The responder receives complete heads only, one at a time
//! on each connection, and interprets them with `tiny_http`.
//!
//! When all slots are in use and a client waits, the gate closes the connection that is idle longest; without an idle
//! connection, the connection whose client is slow longest. So clients that vanished need no keepalive probes.

mod buffers;
pub mod framing;
mod inner;
mod slot;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::base::wait::timeout;
use crate::config::{MAX_PLACES, Service};
use crate::kernel::fd_passing;
use buffers::{Input, Response};
pub(super) use inner::{Incoming, Inner, queue};
use slot::{Ready, Slot};

/// Most connections, and so most concurrent requests of `tiny_http`.
pub(super) const SLOTS: usize = 16;
/// Most bytes of a head.
pub(super) const HEAD_SIZE: usize = 8 << 10;
/// Bytes of a response in transit, as many as `tiny_http` writes at once.
const RESPONSE_SIZE: usize = 8 << 10;
/// Buffers of the slots. Static, because an allocator may clear its memory: a page of static memory takes no memory
/// before its first use, and most of the time only the first slot is in use.
static MEMORY: Mutex<[[u8; HEAD_SIZE + RESPONSE_SIZE]; SLOTS]> =
    Mutex::new([[0; HEAD_SIZE + RESPONSE_SIZE]; SLOTS]);
/// Delay before the next `accept` after an error, such as `EMFILE`.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Listening sockets and their services.
pub(super) type Listeners = heapless::Vec<(Service, TcpListener), MAX_PLACES>;

/// Result of a poll.
struct Events {
    /// The daemon sent listening sockets, or died.
    listeners: bool,
    /// A client connects.
    connection: bool,
    slots: [Ready; SLOTS],
}

struct Gate<'a> {
    /// Socket by which the daemon sends listening sockets.
    listen_socket: &'a OwnedFd,
    listeners: Listeners,
    /// Index, modulo their number, of the listener that accepts first; it advances for fairness.
    next_listener: usize,
    /// End of the delay after a failed `accept`.
    paused_until: Option<Instant>,
    inner: Inner,
    slots: heapless::Vec<Slot<'a>, SLOTS>,
}

/// Relays requests that arrive on the listening sockets, until the daemon closes its end of `listen_socket`, or dies.
///
/// # Errors
/// Errors of `poll`; `ETIMEDOUT` when `tiny_http` hangs. Only a new worker cures these errors.
pub(super) fn run(listen_socket: &OwnedFd, inner: Inner) -> Result<(), Errno> {
    let now = Instant::now();
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = memory.iter_mut().map(|memory| {
        let (head, response) = memory.split_at_mut(HEAD_SIZE);
        Slot::new(Input::new(head), Response::new(response), now)
    });
    let mut gate = Gate {
        listen_socket,
        listeners: Listeners::new(),
        next_listener: 0,
        paused_until: None,
        inner,
        slots: slots.collect(),
    };
    loop {
        let events = gate.wait()?;
        let now = Instant::now();
        if events.listeners && !gate.change_listeners(now)? {
            return Ok(());
        }
        for (slot, ready) in gate.slots.iter_mut().zip(events.slots) {
            if ready.client || ready.inner {
                slot.step(ready, now);
            }
            slot.expire(now).map_err(|slot::Hung| Errno::ETIMEDOUT)?;
        }
        if events.connection {
            gate.accept(now);
        }
        gate.forward(now);
    }
}

impl Gate<'_> {
    /// Sleeps until a descriptor is ready or the earliest deadline has come.
    fn wait(&self) -> Result<Events, Errno> {
        let now = Instant::now();
        let (accepts, accepts_at) = self.may_accept(now);
        let mut fds = heapless::Vec::<PollFd<'_>, { 1 + MAX_PLACES + 2 * SLOTS }>::new();
        // There is room for all of them.
        let _ = fds.push(PollFd::new(self.listen_socket.as_fd(), PollFlags::POLLIN));
        for (_, listener) in self.listeners.iter().filter(|_| accepts) {
            let _ = fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        let first_slot = fds.len();
        for (fd, events) in self.slots.iter().flat_map(Slot::poll_events).flatten() {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadlines = self.slots.iter().filter_map(Slot::deadline);
        match poll(&mut fds, timeout(deadlines.chain(accepts_at).min())) {
            // After an interruption no descriptor is marked ready.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
        let mut next = |polled: bool| polled && ready.next().unwrap_or(false);
        let listeners = next(true);
        let connection = (1..first_slot).fold(false, |connection, _| next(true) | connection);
        let slots = self.slots.iter().map(|slot| {
            let [client, inner] = slot.poll_events().map(|wait| wait.is_some());
            Ready {
                client: next(client),
                inner: next(inner),
            }
        });
        let mut events = Events {
            listeners,
            connection,
            slots: [Ready::default(); SLOTS],
        };
        for (to, ready) in events.slots.iter_mut().zip(slots) {
            *to = ready;
        }
        Ok(events)
    }

    /// Replaces the listening sockets of a service. Returns false when the daemon closed its end. Connections of the
    /// service end with their next response, since their address may be removed.
    fn change_listeners(&mut self, now: Instant) -> Result<bool, Errno> {
        let Some(message) = fd_passing::receive(self.listen_socket.as_fd())? else {
            return Ok(false);
        };
        let service = Service::from_number(message.word).ok_or(Errno::EBADMSG)?;
        self.listeners.retain(|(other, _)| *other != service);
        for socket in message.descriptors {
            let listener = (service, TcpListener::from(socket));
            self.listeners.push(listener).map_err(|_| Errno::E2BIG)?;
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.is_for(service)) {
            slot.retire(now);
        }
        Ok(true)
    }

    /// True if a connection can be accepted now; else the time at which to check again, unless an event precedes it.
    fn may_accept(&self, now: Instant) -> (bool, Option<Instant>) {
        if let Some(paused_until) = self.paused_until.filter(|&paused_until| paused_until > now) {
            return (false, Some(paused_until));
        }
        if self.slots.iter().any(Slot::is_free) {
            return (true, None);
        }
        // A closing slot becomes free soon, with an event on its connection to tiny_http.
        if self.slots.iter().any(Slot::is_closing) {
            return (false, None);
        }
        let evictable = self.slots.iter().filter_map(Slot::evictable);
        match evictable.map(|(from, _)| from).min() {
            Some(from) if from > now => (false, Some(from)),
            Some(_) => (true, None),
            None => (false, None),
        }
    }

    /// Accepts waiting connections while slots are free. Without a free slot, evicts a connection first.
    fn accept(&mut self, now: Instant) {
        if !self.slots.iter().any(Slot::is_free) {
            self.evict(now);
        }
        self.next_listener = self.next_listener.wrapping_add(1);
        let count = self.listeners.len();
        for index in (0..count).map(|index| self.next_listener.wrapping_add(index) % count) {
            let Some((service, listener)) = self.listeners.get(index) else {
                continue;
            };
            while let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_free()) {
                match listener.accept().and_then(|(client, _)| {
                    client.set_nonblocking(true)?;
                    Ok(client)
                }) {
                    Ok(client) => slot.open(client, *service, now),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => {
                        self.paused_until = now.checked_add(ACCEPT_RETRY);
                        return;
                    }
                }
            }
        }
    }

    fn evict(&mut self, now: Instant) {
        let candidates = self.slots.iter_mut().filter_map(|slot| {
            let (from, rank) = slot.evictable()?;
            (from <= now).then_some((rank, slot))
        });
        if let Some((_, slot)) = candidates.min_by_key(|(rank, _)| *rank) {
            slot.drop_client(now);
        }
    }

    /// Forwards the complete heads in the order of their arrival.
    ///
    /// A new connection waits until `tiny_http` reads from the previous one. Otherwise `tiny_http` 0.12 may give both to
    /// one idle thread, and the second waits until the first ends.
    fn forward(&mut self, now: Instant) {
        for slot in &mut self.slots {
            if slot.queued().is_some() && slot.is_connected() {
                slot.forward(now);
            }
        }
        if self.slots.iter().any(Slot::is_fresh) {
            return;
        }
        let queued = self
            .slots
            .iter_mut()
            .filter_map(|slot| Some((slot.queued()?, slot)));
        if let Some((_, slot)) = queued.min_by_key(|(since, _)| *since) {
            match self.inner.connect() {
                Ok(inner) => {
                    slot.connect(inner);
                    slot.forward(now);
                }
                Err(_) => slot.drop_client(now),
            }
        }
    }
}
