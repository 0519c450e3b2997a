//! The daemon's end of the worker: starts and replaces it, receives and answers its requests.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::host::Names;
use super::keeper::{Keeper, Worker};
use super::listener::{Listener, Listeners};
use super::{Answer, Content, FAILED, PAGE_SIZE, Rendered, Request};
use crate::base::wait::Backoff;
use crate::config::{Place, Service};
use crate::kernel::shared_memory::SharedMemory;

/// Delay before the first restart of the worker; it doubles with each further restart.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// Lifetime of a worker after which the delay starts again at [`FIRST_DELAY`].
const SOUND_AFTER: Duration = Duration::from_mins(1);

/// The page's listening sockets and its worker.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    /// Names of the page that are vouched for.
    names: Names,
    page: SharedMemory,
    page_fd: OwnedFd,
    /// `None` between the worker's death and its restart.
    worker: Option<Worker>,
    /// Number of the last request received.
    number: u32,
    /// Start of the last worker.
    started_at: Instant,
    restart: Backoff,
}

/// Result of [`Server::receive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The worker requests this content.
    Request(Content),
    /// There is no request.
    Nothing,
    /// The worker died; [`Server::deadline`] is the time of its restart.
    WorkerDied,
}

impl Server {
    /// Starts a worker for these listening sockets.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`; `EPIPE` when the keeper is dead.
    pub fn start(listeners: Listeners, keeper: &mut Keeper) -> Result<Self, Errno> {
        let (page, page_fd) = SharedMemory::create(PAGE_SIZE)?;
        let mut server = Self {
            listeners,
            names: Names::default(),
            page,
            page_fd,
            worker: None,
            number: 0,
            started_at: Instant::now(),
            restart: Backoff::new(FIRST_DELAY, MAX_DELAY),
        };
        server.start_worker(keeper)?;
        Ok(server)
    }

    fn start_worker(&mut self, keeper: &mut Keeper) -> Result<(), Errno> {
        let worker = keeper.start_worker(&self.page_fd, &self.listeners)?;
        worker.set_names(&self.names)?;
        self.worker = Some(worker);
        self.started_at = Instant::now();
        Ok(())
    }

    /// Replaces all listening sockets. Requests in progress are not disturbed.
    pub fn listen(&mut self, listeners: Listeners) {
        self.listeners = listeners;
        if let Some(worker) = &self.worker
            && worker.listen(&self.listeners).is_err()
        {
            // The worker is dead or hangs; the next worker starts with these sockets.
            self.worker_died();
        }
    }

    /// Replaces the names that are vouched for.
    pub fn set_names(&mut self, names: Names) {
        self.names = names;
        if let Some(worker) = &self.worker
            && worker.set_names(&self.names).is_err()
        {
            // The worker is dead or hangs; the next worker starts with these names.
            self.worker_died();
        }
    }

    /// Services and their local addresses, with the port that the system chose for port 0.
    pub fn addresses(&self) -> impl Iterator<Item = (Service, SocketAddr)> {
        let address = |listener: &Listener| Some((listener.place.service, listener.local()?));
        self.listeners.iter().filter_map(address)
    }

    /// Places in the Corefile.
    pub fn wanted(&self) -> impl Iterator<Item = Place> {
        self.listeners.iter().map(|listener| listener.place)
    }

    /// The socket that listens on this place's address, for any service.
    pub fn listener(&self, place: Place) -> Option<&Listener> {
        let mut listeners = self.listeners.iter();
        listeners.find(|listener| listener.place.address == place.address)
    }

    /// Descriptor that becomes readable when the worker sends a request or dies.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.worker.as_ref().map(|worker| worker.socket.as_fd())
    }

    /// Time at which [`Server::restart`] is due.
    pub const fn deadline(&self) -> Option<Instant> {
        self.restart.at()
    }

    /// Receives a request of the worker, without blocking.
    pub fn receive(&mut self) -> Received {
        let Some(worker) = &self.worker else {
            return Received::Nothing;
        };
        // One byte more, so that a longer message is not cut to a request.
        let mut message = [0; Request::SIZE + 1];
        let fd = worker.socket.as_raw_fd();
        match recv(fd, &mut message, MsgFlags::MSG_DONTWAIT) {
            Ok(length @ 1..) => {
                let message = message.get(..length).unwrap_or_default();
                let Some(request) = Request::from_bytes(message) else {
                    return self.worker_died();
                };
                self.number = request.number;
                Received::Request(request.content)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
            _ => self.worker_died(),
        }
    }

    /// Answers the last request received. `render` writes the content to the shared page; `None` means that it cannot.
    pub fn answer(&mut self, render: impl FnOnce(&mut [u8]) -> Option<Rendered>) {
        let word = render(self.page.bytes()).and_then(Rendered::word);
        let answer = Answer {
            number: self.number,
            word: word.unwrap_or(FAILED),
        };
        if let Some(worker) = &self.worker {
            // `receive` notices the death of a worker.
            let _ = send(
                worker.socket.as_raw_fd(),
                answer.to_parts().as_flattened(),
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            );
        }
    }

    /// Starts another worker if the restart is due.
    pub fn restart(&mut self, keeper: &mut Keeper) {
        if self.restart.take_due() && self.start_worker(keeper).is_err() {
            self.restart.plan();
        }
    }

    fn worker_died(&mut self) -> Received {
        if self.worker.take().is_none() {
            return Received::Nothing;
        }
        if self.started_at.elapsed() >= SOUND_AFTER {
            self.restart.reset();
        }
        self.restart.plan();
        Received::WorkerDied
    }
}
