//! The *gate*: a proxy between the network and the responder that bounds connections, requests and their memory.
//!
//! The responder ([`super::worker`]) allocates memory for each request and response, and has no timeouts for clients. So
//! the responder must not face the network. The gate is one thread that owns the listening sockets and a fixed number of
//! [`slot`]s with buffers of fixed size. For each request, the gate collects the head, forwards it over a socket pair,
//! relays the whole response, and only then reads the next head. The responder receives complete heads only, one at a
//! time on each connection, and interprets them with `tiny_http`.
//!
//! Each connection costs memory in the responder, so the slots share [`REQUESTS`] connections. A slot keeps its connection
//! to the responder until another slot needs one.
//!
//! When no slot is free, the gate closes the connection that [`fairness`] chooses. So a slot is free for the next client,
//! whose address is known only after it is accepted, and vanished clients need no keepalive probes.

mod fairness;
pub mod framing;
mod inner;
mod input;
mod peer;
mod response;
mod room;
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
use crate::http::host::Names;
use crate::kernel::fd_passing;
pub(super) use inner::{Incoming, Inner, queue};
use input::Input;
use peer::Peer;
use response::Response;
use slot::{Ready, Slot};

/// Maximum number of connections of clients. Taking the last slot makes the gate close a connection.
const SLOTS: usize = 64;
/// Maximum number of connections to the responder, and so of concurrent requests.
pub(super) const REQUESTS: usize = 16;
/// Maximum size of a head in bytes.
pub(super) const HEAD_SIZE: usize = 8 << 10;
/// Bytes of a response in transit.
const RESPONSE_SIZE: usize = 8 << 10;
/// Buffers of the slots. The buffers are static, since untouched static memory costs nothing and mostly only the first slot
/// is in use; an allocator may clear its memory, and thereby touch it.
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

/// Time at which the gate accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepts {
    Now,
    /// From this time on; `None` stands for the next event.
    At(Option<Instant>),
}

impl Accepts {
    const fn at(self) -> Option<Instant> {
        match self {
            Self::Now => None,
            Self::At(time) => time,
        }
    }
}

struct Gate<'a> {
    /// Socket over which the daemon sends listening sockets and names.
    listen_socket: &'a OwnedFd,
    listeners: Listeners,
    names: Names,
    /// Index of the listener that accepts first, modulo the number of listeners. The index advances, so that all listeners get
    /// their turn.
    next_listener: usize,
    /// End of the delay after a failed `accept`.
    paused_until: Option<Instant>,
    inner: Inner,
    slots: heapless::Vec<Slot<'a>, SLOTS>,
}

/// Relays requests that arrive on the listening sockets, until the daemon closes its end of `listen_socket` or dies.
///
/// # Errors
/// Errors of `poll`; `ETIMEDOUT` when the responder hangs. After an error, the worker must be replaced.
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
        names: Names::default(),
        next_listener: 0,
        paused_until: None,
        inner,
        slots: slots.collect(),
    };
    loop {
        let events = gate.wait()?;
        let now = Instant::now();
        if events.listeners {
            if !gate.change_settings(now)? {
                return Ok(());
            }
            // A reload sends several messages, which take effect before the next request.
            continue;
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
        gate.make_room(now);
        gate.forward(now);
    }
}

impl Gate<'_> {
    /// Sleeps until a descriptor is ready or the earliest deadline has passed.
    fn wait(&self) -> Result<Events, Errno> {
        let now = Instant::now();
        let accepts = self.accepts(now);
        let mut fds = heapless::Vec::<PollFd<'_>, { 1 + MAX_PLACES + 2 * SLOTS }>::new();
        // Cannot fail: the list has room for all descriptors.
        let _ = fds.push(PollFd::new(self.listen_socket.as_fd(), PollFlags::POLLIN));
        for (_, listener) in self.listeners.iter().filter(|_| accepts == Accepts::Now) {
            let _ = fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        let first_slot = fds.len();
        for (fd, events) in self.slots.iter().flat_map(Slot::poll_events).flatten() {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadlines = self.slots.iter().filter_map(Slot::deadline);
        let deadlines = deadlines.chain(accepts.at()).chain(self.forward_at(now));
        match poll(&mut fds, timeout(deadlines.min())) {
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

    /// Receives a message of the daemon: the new listening sockets of a service, or the names that are vouched for.
    /// Connections of the service end with their next response, since the Corefile may no longer have their address.
    /// Returns false when the daemon has closed its end.
    fn change_settings(&mut self, now: Instant) -> Result<bool, Errno> {
        let mut message = [0; size_of::<u32>() + Names::MAX];
        let socket = self.listen_socket.as_fd();
        let (length, descriptors) = fd_passing::receive_packet(socket, &mut message)?;
        if length == 0 {
            return Ok(false);
        }
        let message = message.get(..length).unwrap_or_default();
        let (word, names) = message.split_first_chunk().ok_or(Errno::EBADMSG)?;
        let word = u32::from_ne_bytes(*word);
        if word == Names::WORD {
            self.names = Names::from_bytes(names);
            return Ok(true);
        }
        let service = Service::from_number(word).ok_or(Errno::EBADMSG)?;
        self.listeners.retain(|(other, _)| *other != service);
        for socket in descriptors {
            let listener = (service, TcpListener::from(socket));
            self.listeners.push(listener).map_err(|_| Errno::E2BIG)?;
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.is_for(service)) {
            slot.retire(now);
        }
        Ok(true)
    }

    /// Tells when the gate accepts connections: not after a failed `accept`, and not without a free slot.
    fn accepts(&self, now: Instant) -> Accepts {
        if let Some(paused_until) = self.paused_until.filter(|&paused_until| paused_until > now) {
            return Accepts::At(Some(paused_until));
        }
        if self.slots.iter().any(Slot::is_free) {
            return Accepts::Now;
        }
        Accepts::At(self.make_room_at(now, |_| true))
    }

    /// Accepts waiting connections while slots are free.
    fn accept(&mut self, now: Instant) {
        self.next_listener = self.next_listener.wrapping_add(1);
        let count = self.listeners.len();
        for index in (0..count).map(|index| self.next_listener.wrapping_add(index) % count) {
            let Some((service, listener)) = self.listeners.get(index) else {
                continue;
            };
            while let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_free()) {
                match listener.accept().and_then(|(client, address)| {
                    client.set_nonblocking(true)?;
                    Ok((client, Peer::of(address)))
                }) {
                    Ok((client, peer)) => slot.open(client, peer, *service, now),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => {
                        self.paused_until = now.checked_add(ACCEPT_RETRY);
                        return;
                    }
                }
            }
        }
    }

    /// Forwards complete heads: those with a connection to the responder, then the oldest head of the peer with the fewest
    /// requests at the responder.
    ///
    /// A new connection to the responder is opened only after the responder has answered on the previous new one, so that
    /// no queue grows there.
    fn forward(&mut self, now: Instant) {
        for slot in &mut self.slots {
            slot.check_host(&self.names, now);
            if slot.queued().is_some() && slot.is_connected() {
                slot.forward(now);
            }
        }
        if self.slots.iter().any(Slot::is_fresh) {
            return;
        }
        let queued = self.slots.iter().enumerate();
        let queued = queued.filter_map(|(index, slot)| {
            let since = slot.queued().filter(|_| !slot.has_inner())?;
            Some(((self.requests_of(slot.peer()), since), index))
        });
        let Some((_, first)) = queued.min_by_key(|(order, _)| *order) else {
            return;
        };
        let inner = self.slots.iter().filter(|slot| slot.has_inner()).count();
        if inner >= REQUESTS {
            return self.release_inner(now);
        }
        let Some(slot) = self.slots.get_mut(first) else {
            return;
        };
        match self.inner.connect() {
            Ok(inner) => {
                slot.connect(inner);
                slot.forward(now);
            }
            Err(_) => slot.drop_client(now),
        }
    }
}
