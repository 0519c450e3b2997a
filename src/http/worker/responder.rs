//! The *responder*: the thread that answers requests which passed the gate.
//!
//! The daemon renders one page at a time, so the responder asks for one content at a time, in the order of requests.
//! Meanwhile it writes the other responses.

use std::convert::Infallible;
use std::os::fd::AsFd as _;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::connection::Connection;
use super::daemon::Daemon;
use crate::base::wait::timeout;
use crate::http::gate::{Incoming, SLOTS};

/// Most connections: those of the gate, and as many that the gate has closed a moment ago.
const MAX_CONNECTIONS: usize = 2 * SLOTS;

/// The responder's connections, and its connection to the daemon.
pub(super) struct Responder {
    incoming: Incoming,
    daemon: Daemon,
    connections: heapless::Vec<Connection, MAX_CONNECTIONS>,
}

/// Descriptors with an event.
struct Ready {
    incoming: bool,
    connections: heapless::Vec<bool, MAX_CONNECTIONS>,
}

impl Responder {
    pub(super) const fn new(incoming: Incoming, daemon: Daemon) -> Self {
        Self {
            incoming,
            daemon,
            connections: heapless::Vec::new(),
        }
    }

    /// Answers requests until the process ends.
    ///
    /// # Errors
    /// Errors of `poll`.
    pub(super) fn run(&mut self) -> Result<Infallible, Errno> {
        loop {
            let ready = self.wait()?;
            let now = Instant::now();
            for (connection, ready) in self.connections.iter_mut().zip(ready.connections) {
                if ready {
                    connection.step(now);
                }
            }
            if let Some(answer) = self.daemon.receive(now)
                && let Some(asked) = self.connections.iter_mut().find(|one| one.is_asked())
            {
                asked.answer(&self.daemon, answer);
            }
            self.drop_closed();
            if ready.incoming {
                self.take(now);
            }
            self.ask(now);
            self.drop_closed();
        }
    }

    /// Sleeps until a descriptor is ready or the time of the daemon is over.
    fn wait(&self) -> Result<Ready, Errno> {
        let mut fds = heapless::Vec::<PollFd<'_>, { 2 + MAX_CONNECTIONS }>::new();
        // There is room for all of them.
        let _ = fds.push(PollFd::new(self.incoming.as_fd(), PollFlags::POLLIN));
        for (fd, events) in self.connections.iter().map(Connection::poll_events) {
            let _ = fds.push(PollFd::new(fd, events));
        }
        let deadline = self.daemon.deadline();
        if deadline.is_some() {
            let _ = fds.push(PollFd::new(self.daemon.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout(deadline)) {
            // After an interruption no descriptor is marked ready.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
        Ok(Ready {
            incoming: ready.next().unwrap_or(false),
            connections: ready.take(self.connections.len()).collect(),
        })
    }

    /// Closes connections that are over, which the gate waits for.
    fn drop_closed(&mut self) {
        self.connections
            .retain(|connection| !connection.is_closed());
    }

    /// Takes new connections, and reads their requests if they are there. A connection without room is closed.
    fn take(&mut self, now: Instant) {
        self.incoming.clear();
        while let Some(stream) = self.incoming.take() {
            let mut connection = Connection::new(stream);
            connection.step(now);
            let _ = self.connections.push(connection);
        }
    }

    /// Asks the daemon for the content of the next request, unless it still has one.
    fn ask(&mut self, now: Instant) {
        while self.daemon.deadline().is_none() {
            let queued = self
                .connections
                .iter_mut()
                .filter_map(|connection| Some((connection.queued()?, connection)));
            let Some((_, next)) = queued.min_by_key(|(since, _)| *since) else {
                return;
            };
            next.ask(&mut self.daemon, now);
        }
    }
}
