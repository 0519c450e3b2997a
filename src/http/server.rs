//! The daemon's end: has workers made, answers what they ask.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::keeper::{Keeper, Worker};
use super::listener::{Listener, Listeners};
use super::{Content, FAILED, Made, PAGE_SIZE};
use crate::base::wait::Backoff;
use crate::config::{Place, Service};
use crate::kernel::shared_memory::SharedMemory;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A worker that has lived so long was not at fault when it died.
const SOUND_AFTER: Duration = Duration::from_mins(1);

/// The page's listening sockets and its worker.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    page: SharedMemory,
    page_fd: OwnedFd,
    worker: Option<Worker>,
    /// When the worker was made.
    since: Instant,
    restart: Backoff,
}

/// What came of listening to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It asked for this.
    Request(Content),
    /// Nothing that needs an answer.
    Nothing,
    /// It died; it will be started again.
    WorkerDied,
}

impl Server {
    /// Has a worker made for these listening sockets.
    ///
    /// # Errors
    /// When the system has no descriptor or memory left, or the keeper is dead.
    pub fn start(listeners: Listeners, keeper: &mut Keeper) -> Result<Self, Errno> {
        let (page, page_fd) = SharedMemory::create(PAGE_SIZE)?;
        let mut server = Self {
            listeners,
            page,
            page_fd,
            worker: None,
            since: Instant::now(),
            restart: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        };
        server.start_worker(keeper)?;
        Ok(server)
    }

    fn start_worker(&mut self, keeper: &mut Keeper) -> Result<(), Errno> {
        self.worker = Some(keeper.start_worker(&self.page_fd, &self.listeners)?);
        self.since = Instant::now();
        Ok(())
    }

    /// Listens there from now on, and nowhere else. Requests that are being answered are not disturbed.
    pub fn listen(&mut self, listeners: Listeners) {
        self.listeners = listeners;
        if let Some(worker) = &self.worker
            && worker.listen(&self.listeners).is_err()
        {
            // It is dead, or as good as that; the next one is born with these.
            self.worker_died();
        }
    }

    /// What is served at which addresses, with the port that the system chose where 0 was asked for.
    pub fn addresses(&self) -> impl Iterator<Item = (Service, SocketAddr)> {
        let place = |listener: &Listener| Some((listener.place.service, listener.local()?));
        self.listeners.iter().filter_map(place)
    }

    /// The places as the Corefile has them.
    pub fn wanted(&self) -> impl Iterator<Item = Place> {
        self.listeners.iter().map(|listener| listener.place)
    }

    /// The socket that listens at this place's address, if only for something else.
    pub fn listener(&self, place: Place) -> Option<&Listener> {
        let mut listeners = self.listeners.iter();
        listeners.find(|listener| listener.place.address == place.address)
    }

    /// What to wait for until there is something to hear.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.worker.as_ref().map(|worker| worker.socket.as_fd())
    }

    /// When [`Server::restart`] wants to be called.
    pub const fn deadline(&self) -> Option<Instant> {
        self.restart.at()
    }

    /// Takes what the worker says.
    pub fn receive(&mut self) -> Received {
        let Some(worker) = &self.worker else {
            return Received::Nothing;
        };
        let mut byte = [0; 1];
        match recv(worker.socket.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT) {
            Ok(1) => match Content::from_byte(byte[0]) {
                Some(content) => Received::Request(content),
                None => self.worker_died(),
            },
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
            _ => self.worker_died(),
        }
    }

    /// Answers a request: `render` writes the content and says what it is, `None` when it can't.
    pub fn answer(&mut self, render: impl FnOnce(&mut [u8]) -> Option<Made>) {
        let answer = render(self.page.bytes()).and_then(Made::word);
        let answer = answer.unwrap_or(FAILED).to_ne_bytes();
        if let Some(worker) = &self.worker {
            // A worker that is gone is noticed by `hear`.
            let _ = send(
                worker.socket.as_raw_fd(),
                &answer,
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            );
        }
    }

    /// Has another worker made if its time has come.
    pub fn restart(&mut self, keeper: &mut Keeper) {
        if self.restart.take_due() && self.start_worker(keeper).is_err() {
            self.restart.plan();
        }
    }

    fn worker_died(&mut self) -> Received {
        if self.worker.take().is_none() {
            return Received::Nothing;
        }
        if self.since.elapsed() >= SOUND_AFTER {
            self.restart.forget();
        }
        self.restart.plan();
        Received::WorkerDied
    }
}
