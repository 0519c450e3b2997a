//! The *gate*: a proxy between the network and the responder that bounds connections, requests and their memory.
//!
//! The responder ([`super::worker`]) allocates memory for each request and response, and has no timeouts for clients. So
//! the responder must not face the network. The gate owns the listening sockets and a fixed number of [`slot`]s with
//! buffers of fixed size. For each request, the gate collects the head, forwards it over a socket pair, relays the whole
//! response, and only then reads the next head. The responder receives complete heads only, one at a time on each
//! connection, and interprets them with `tiny_http`.
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
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use heapless::VecView;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::base::wait::timeout;
use crate::config::{MAX_PLACES, Service};
use crate::http::host::Names;
use crate::kernel::fd_passing;
pub(super) use inner::connect;
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
/// Maximum number of descriptors that the gate polls.
pub(super) const DESCRIPTORS: usize = 1 + MAX_PLACES + 2 * SLOTS;
/// Buffers of the slots. The buffers are static, since untouched static memory costs nothing and mostly only the first slot
/// is in use; an allocator may clear its memory, and thereby touch it.
pub(super) static MEMORY: Mutex<Memory> = Mutex::new([[0; HEAD_SIZE + RESPONSE_SIZE]; SLOTS]);
/// For each slot, the buffer of a head and then the buffer of a response.
pub(super) type Memory = [[u8; HEAD_SIZE + RESPONSE_SIZE]; SLOTS];
/// Delay before the next `accept` after an error, such as `EMFILE`.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Listening sockets and their services.
pub(super) type Listeners = heapless::Vec<(Service, TcpListener), MAX_PLACES>;

/// Result of a poll.
pub(super) struct Events {
    /// The daemon sent settings, or died.
    pub(super) settings: bool,
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

pub(super) struct Gate<'a> {
    /// Socket over which the daemon sends listening sockets and names.
    listen_socket: &'a OwnedFd,
    listeners: Listeners,
    names: Names,
    /// Index of the listener that accepts first, modulo the number of listeners. The index advances, so that all listeners get
    /// their turn.
    next_listener: usize,
    /// End of the delay after a failed `accept`.
    paused_until: Option<Instant>,
    slots: heapless::Vec<Slot<'a>, SLOTS>,
}

impl<'a> Gate<'a> {
    /// A gate without listening sockets, which arrive on `listen_socket`.
    pub(super) fn new(listen_socket: &'a OwnedFd, memory: &'a mut Memory, now: Instant) -> Self {
        let slots = memory.iter_mut().map(|memory| {
            let (head, response) = memory.split_at_mut(HEAD_SIZE);
            Slot::new(Input::new(head), Response::new(response), now)
        });
        Self {
            listen_socket,
            listeners: Listeners::new(),
            names: Names::default(),
            next_listener: 0,
            paused_until: None,
            slots: slots.collect(),
        }
    }
}

impl Gate<'_> {
    /// Sleeps until a descriptor is ready, of `fds` or of the gate, or the earliest deadline has passed. Adds the gate's
    /// descriptors to `fds`.
    ///
    /// # Errors
    /// Errors of `poll`.
    pub(super) fn wait<'a>(
        &'a self,
        fds: &mut VecView<PollFd<'a>>,
        deadline: Option<Instant>,
    ) -> Result<Events, Errno> {
        let now = Instant::now();
        let accepts = self.accepts(now);
        let first = fds.len();
        // Cannot fail: the list has room for all descriptors.
        let _ = fds.push(PollFd::new(self.listen_socket.as_fd(), PollFlags::POLLIN));
        for (_, listener) in self.listeners.iter().filter(|_| accepts == Accepts::Now) {
            let _ = fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        let first_slot = fds.len();
        for (fd, events) in self.slots.iter().flat_map(Slot::poll_events).flatten() {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadlines = self.slots.iter().filter_map(Slot::deadline).chain(deadline);
        let deadlines = deadlines.chain(accepts.at()).chain(self.forward_at(now));
        match poll(fds, timeout(deadlines.min())) {
            // After an interruption no descriptor is marked ready.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut ready = fds.iter().skip(first).map(|fd| fd.any().unwrap_or(true));
        let mut next = |polled: bool| polled && ready.next().unwrap_or(false);
        let settings = next(true);
        let listeners = first.saturating_add(1)..first_slot;
        let connection = listeners.fold(false, |connection, _| next(true) | connection);
        let slots = self.slots.iter().map(|slot| {
            let [client, inner] = slot.poll_events().map(|wait| wait.is_some());
            Ready {
                client: next(client),
                inner: next(inner),
            }
        });
        let mut events = Events {
            settings,
            connection,
            slots: [Ready::default(); SLOTS],
        };
        for (to, ready) in events.slots.iter_mut().zip(slots) {
            *to = ready;
        }
        Ok(events)
    }

    /// Handles the events of clients and of the responder. Returns the responder's end of a new connection.
    ///
    /// # Errors
    /// `ETIMEDOUT` when the responder hangs. The worker must then be replaced.
    pub(super) fn turn(
        &mut self,
        events: &Events,
        now: Instant,
    ) -> Result<Option<UnixStream>, Errno> {
        for (slot, &ready) in self.slots.iter_mut().zip(&events.slots) {
            if ready.client || ready.inner {
                slot.step(ready, now);
            }
            slot.expire(now).map_err(|slot::Hung| Errno::ETIMEDOUT)?;
        }
        if events.connection {
            self.accept(now);
        }
        self.make_room(now);
        Ok(self.forward(now))
    }

    /// Receives a message of the daemon: the new listening sockets of a service, or the names that are vouched for.
    /// Connections of the service end with their next response, since the Corefile may no longer have their address.
    /// Returns false when the daemon has closed its end.
    ///
    /// # Errors
    /// Errors of `recvmsg`; `EBADMSG` and `E2BIG` for a message that no sound daemon sends.
    pub(super) fn change_settings(&mut self, now: Instant) -> Result<bool, Errno> {
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
        Accepts::At(self.make_room_at(now, &|_| true))
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
    /// requests at the responder. Returns the responder's end of a new connection.
    ///
    /// A new connection to the responder is opened only after the responder has answered on the previous new one, so that
    /// no queue grows there.
    fn forward(&mut self, now: Instant) -> Option<UnixStream> {
        for slot in &mut self.slots {
            slot.check_host(&self.names, now);
            if slot.queued().is_some() && slot.is_connected() {
                slot.forward(now);
            }
        }
        if self.slots.iter().any(Slot::is_fresh) {
            return None;
        }
        let queued = self.slots.iter().enumerate();
        let queued = queued.filter_map(|(index, slot)| {
            let since = slot.queued().filter(|_| !slot.has_inner())?;
            Some(((self.requests_of(slot.peer()), since), index))
        });
        let (_, first) = queued.min_by_key(|(order, _)| *order)?;
        let inner = self.slots.iter().filter(|slot| slot.has_inner()).count();
        if inner >= REQUESTS {
            self.release_inner(now);
            return None;
        }
        let slot = self.slots.get_mut(first)?;
        let Ok((ours, theirs)) = connect() else {
            slot.drop_client(now);
            return None;
        };
        slot.connect(ours);
        slot.forward(now);
        Some(theirs)
    }
}
