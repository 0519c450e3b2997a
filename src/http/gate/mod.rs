//! The gate: what stands between the network and `tiny_http`.
//!
//! `tiny_http` starts a thread for each connection, reads heads without limit of length or time, takes request after
//! request before the first is answered, and stops accepting for good after one error. So it does not meet the network.
//! One thread here owns the listening sockets and has a fixed number of [`slot`]s, each with memory of fixed size. It
//! collects a request's head, forwards it over a Unix connection, relays the answer up to its end, and only then looks at
//! the next head. `tiny_http` sees complete heads only, one at a time on each of as many connections as there are
//! slots. What the heads mean is its business.
//!
//! When all slots are taken and somebody waits, the connection that has been idle longest is closed, or, if none is idle,
//! the one whose client has been slow longest. So peers that vanished without a word need no probing.

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
use buffers::{Answer, Input};
pub(super) use inner::Inner;
use slot::{Ready, Slot};

/// How many connections there can be, and so how many requests `tiny_http` can have at once.
pub(super) const SLOTS: usize = 16;
/// The longest head.
const HEAD_SIZE: usize = 8 << 10;
/// How much of an answer is under way at once. `tiny_http` writes as much at a time.
const ANSWER_SIZE: usize = 8 << 10;
/// What the slots work in. Static, since an allocator may clear what it gives, and these pages take no memory before they
/// are used; mostly that is the first slot's.
static MEMORY: Mutex<[[u8; HEAD_SIZE + ANSWER_SIZE]; SLOTS]> =
    Mutex::new([[0; HEAD_SIZE + ANSWER_SIZE]; SLOTS]);
/// How long nobody is let in after an error, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets, and for what.
pub(super) type Listeners = heapless::Vec<(Service, TcpListener), MAX_PLACES>;

/// What there is to hear.
struct News {
    /// The daemon says where to listen, or is gone.
    order: bool,
    /// Somebody wants in.
    knock: bool,
    slots: [Ready; SLOTS],
}

struct Gate<'a> {
    /// The way by which the daemon says where to listen.
    orders: &'a OwnedFd,
    listeners: Listeners,
    /// Which of them is asked first.
    turn: usize,
    paused: Option<Instant>,
    inner: Inner,
    slots: heapless::Vec<Slot<'a>, SLOTS>,
}

/// Lets requests through, of those sockets that come by `orders`, until its other end is closed, however the daemon
/// ended.
///
/// # Errors
/// When waiting fails, or `tiny_http` hangs. There is nothing to be done then but to start anew.
pub(super) fn run(orders: &OwnedFd, inner: Inner) -> Result<(), Errno> {
    let now = Instant::now();
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = memory.iter_mut().map(|memory| {
        let (head, answer) = memory.split_at_mut(HEAD_SIZE);
        Slot::new(Input::new(head), Answer::new(answer), now)
    });
    let mut gate = Gate {
        orders,
        listeners: Listeners::new(),
        turn: 0,
        paused: None,
        inner,
        slots: slots.collect(),
    };
    loop {
        let news = gate.wait()?;
        let now = Instant::now();
        if news.order && !gate.obey(now)? {
            return Ok(());
        }
        for (slot, ready) in gate.slots.iter_mut().zip(news.slots) {
            if ready.client || ready.inner {
                slot.step(ready, now);
            }
            slot.expire(now).map_err(|slot::Hung| Errno::ETIMEDOUT)?;
        }
        if news.knock {
            gate.admit(now);
        }
        gate.forward(now);
    }
}

impl Gate<'_> {
    /// Sleeps until there is something to hear, or a time that was set.
    fn wait(&self) -> Result<News, Errno> {
        let now = Instant::now();
        let (open, opens_at) = self.opening(now);
        let mut fds = heapless::Vec::<PollFd<'_>, { 1 + MAX_PLACES + 2 * SLOTS }>::new();
        // There is room for all of them.
        let _ = fds.push(PollFd::new(self.orders.as_fd(), PollFlags::POLLIN));
        for (_, listener) in self.listeners.iter().filter(|_| open) {
            let _ = fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        let first_slot = fds.len();
        for (fd, events) in self.slots.iter().flat_map(Slot::waits).flatten() {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadlines = self.slots.iter().filter_map(Slot::deadline);
        match poll(&mut fds, timeout(deadlines.chain(opens_at).min())) {
            // Interrupted, nothing is ready, and so say the descriptors.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut heard = fds.iter().map(|fd| fd.any().unwrap_or(true));
        let mut next = |wanted: bool| wanted && heard.next().unwrap_or(false);
        let order = next(true);
        let knock = (1..first_slot).fold(false, |knock, _| next(true) | knock);
        let slots = self.slots.iter().map(|slot| {
            let [client, inner] = slot.waits().map(|wait| wait.is_some());
            Ready {
                client: next(client),
                inner: next(inner),
            }
        });
        let mut news = News {
            order,
            knock,
            slots: [Ready::default(); SLOTS],
        };
        for (to, ready) in news.slots.iter_mut().zip(slots) {
            *to = ready;
        }
        Ok(news)
    }

    /// Listens where the daemon says for a service, and nowhere else for that; false when it is gone. Its connections
    /// may be to an address that is no more, so they end with their next answer.
    fn obey(&mut self, now: Instant) -> Result<bool, Errno> {
        let Some(message) = fd_passing::receive(self.orders.as_fd())? else {
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

    /// Whether somebody can be let in now, and when that is to be asked again.
    fn opening(&self, now: Instant) -> (bool, Option<Instant>) {
        if let Some(paused) = self.paused.filter(|&paused| paused > now) {
            return (false, Some(paused));
        }
        if self.slots.iter().any(Slot::is_free) {
            return (true, None);
        }
        // One is enough to make room, and it says when it has gone.
        if self.slots.iter().any(Slot::is_going) {
            return (false, None);
        }
        let evictable = self.slots.iter().filter_map(Slot::evictable);
        match evictable.map(|(from, _)| from).min() {
            Some(from) if from > now => (false, Some(from)),
            Some(_) => (true, None),
            None => (false, None),
        }
    }

    /// Lets in those who wait, as long as there is room; if there is none, makes some.
    fn admit(&mut self, now: Instant) {
        if !self.slots.iter().any(Slot::is_free) {
            self.evict(now);
        }
        self.turn = self.turn.wrapping_add(1);
        let count = self.listeners.len();
        for index in (0..count).map(|index| self.turn.wrapping_add(index) % count) {
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
                        self.paused = now.checked_add(PAUSE);
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

    /// Forwards the heads that have come, in their order.
    ///
    /// A new connection is made only when the one before has been taken up: `tiny_http` 0.12 may else give two of them to
    /// one idle thread, and the second then waits for the first to end.
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
