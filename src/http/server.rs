//! The daemon's end of the page: starts and replaces the worker, receives and answers its requests.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::host::Names;
use super::keeper::{Keeper, Worker};
use super::listener::{Listener, Listeners};
use super::{Answer, Content, FAILED, PAGE_SIZE, Rendered, Request};
use crate::base::wait::Backoff;
use crate::kernel::shared_memory::SharedMemory;

/// Delay before the first restart of the worker; doubled for each further restart, up to [`MAX_DELAY`].
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// Lifetime of a worker after which the delay starts again at [`FIRST_DELAY`].
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// The page's listeners and its worker.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    /// Names that are vouched for.
    names: Names,
    /// The shared memory and its descriptor; `None` before the first worker.
    page: Option<(SharedMemory, OwnedFd)>,
    /// `None` between the worker's death, or its failed start, and its restart.
    worker: Option<Worker>,
    /// Number of the last request received.
    number: u32,
    /// Start of the last worker.
    started_at: Option<Instant>,
    restart: Backoff,
}

/// Result of [`Server::receive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The worker requests this content.
    Request(Content),
    /// No request has arrived.
    Nothing,
    /// The worker died; [`Server::deadline`] is the time of its restart.
    WorkerDied,
}

impl Default for Server {
    /// A server without listeners and without worker.
    fn default() -> Self {
        Self {
            listeners: Listeners::new(),
            names: Names::default(),
            page: None,
            worker: None,
            number: 0,
            started_at: None,
            restart: Backoff::new(FIRST_DELAY, MAX_DELAY),
        }
    }
}

impl Server {
    /// Starts a worker. Plans a retry if the start fails.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`; `EPIPE` when the keeper is dead.
    pub fn start(&mut self, keeper: &mut Keeper) -> Result<(), Errno> {
        self.start_worker(keeper)
            .inspect_err(|_| self.restart.plan())
    }

    fn start_worker(&mut self, keeper: &mut Keeper) -> Result<(), Errno> {
        if self.page.is_none() {
            self.page = Some(SharedMemory::create(PAGE_SIZE)?);
        }
        if let Some((_, page)) = &self.page {
            self.worker = Some(keeper.start_worker(page, &self.names, &self.listeners)?);
            self.started_at = Some(Instant::now());
        }
        Ok(())
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

    /// Replaces the listeners. Returns the replaced listeners, whose sockets the worker closes; requests in progress are
    /// finished.
    pub fn replace_listeners(&mut self, listeners: Listeners) -> Listeners {
        let replaced = std::mem::replace(&mut self.listeners, listeners);
        self.send_listeners();
        replaced
    }

    /// Opens the closed sockets. Calls `report` with each opened listener, and each listener with a new error. Returns true
    /// if all sockets are open.
    pub fn open_listeners(&mut self, mut report: impl FnMut(&Listener)) -> bool {
        let (mut all, mut any) = (true, false);
        for listener in &mut self.listeners {
            if listener.socket().is_some() {
                continue;
            }
            let before = listener.error();
            let opened = listener.open().is_ok();
            if opened || listener.error() != before {
                report(listener);
            }
            all &= opened;
            any |= opened;
        }
        if any {
            self.send_listeners();
        }
        all
    }

    /// Sends all open sockets to the worker.
    fn send_listeners(&mut self) {
        if let Some(worker) = &self.worker
            && worker.listen(&self.listeners).is_err()
        {
            // The worker is dead or hangs; the next worker starts with these sockets.
            self.worker_died();
        }
    }

    /// All listeners, open and closed.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// True while a worker runs.
    pub const fn has_worker(&self) -> bool {
        self.worker.is_some()
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
        // One byte longer than a request, so that a longer message is not taken for a request.
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

    /// Answers the last request received. `render` writes the content to the shared memory; `None` if it fails.
    pub fn answer(&mut self, render: impl FnOnce(&mut [u8]) -> Option<Rendered>) {
        let page = self.page.as_mut();
        let rendered = page.and_then(|(page, _)| render(page.bytes()));
        let word = rendered.and_then(Rendered::word);
        let answer = Answer {
            number: self.number,
            word: word.unwrap_or(FAILED),
        };
        if let Some(worker) = &self.worker {
            // An error means that the worker has died, which `receive` reports.
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
        let sound = |started_at: Instant| started_at.elapsed() >= HEALTHY_AFTER;
        if self.started_at.is_some_and(sound) {
            self.restart.reset();
        }
        self.restart.plan();
        Received::WorkerDied
    }
}
