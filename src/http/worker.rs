//! The worker: serves HTTP with content that the daemon renders.
//!
//! One event loop runs the [`gate`], and the *responder* ([`responder`]), which answers the requests that the gate
//! forwards. `tiny_http` parses header lines and prints responses. Its server is not used: it needs a listening socket, to
//! which any local process could connect past the gate, and starts a thread for each connection.

mod connection;
mod daemon;
mod request;
mod responder;
mod response;

use std::sync::PoisonError;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::PollFd;
use nix::sys::prctl;

use super::gate::{self, Events, Gate};
use super::{PAGE_SIZE, WorkerDescriptors, cage};
use crate::kernel::fd_passing::Descriptors;
use crate::kernel::shared_memory::SharedMemory;
use daemon::Daemon;
use responder::{Ready, Responder};

/// Maximum number of descriptors that a worker polls.
const DESCRIPTORS: usize = responder::DESCRIPTORS + gate::DESCRIPTORS;

/// Serves HTTP in the cage until the daemon closes its sockets. The descriptors are the socket for requests to the
/// daemon, the socket from which listening sockets arrive, and the shared memory.
///
/// # Errors
/// `EBADF` without these descriptors, errors of the cage, `EMFILE`, `ENOMEM`; `ETIMEDOUT` when the responder hangs.
pub fn run(descriptors: Descriptors) -> Result<(), Errno> {
    prctl::set_name(c"corexdp-page")?;
    let WorkerDescriptors {
        requests,
        listen,
        page,
    } = WorkerDescriptors::from_message(descriptors).ok_or(Errno::EBADF)?;
    let memory = SharedMemory::open(&page, PAGE_SIZE)?;
    // The mapping remains after the descriptor is closed.
    drop(page);
    let mut buffers = gate::MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let gate = Gate::new(&listen, &mut buffers, Instant::now());
    cage::close()?;
    serve(gate, Responder::new(Daemon::new(requests, memory)))
}

/// Sleeps until there are events of either part, or the earliest deadline has passed.
fn wait(gate: &Gate<'_>, responder: &Responder) -> Result<(Events, Ready), Errno> {
    let mut fds = heapless::Vec::<PollFd<'_>, DESCRIPTORS>::new();
    let deadline = responder.watch(&mut fds);
    let events = gate.wait(&mut fds, deadline)?;
    Ok((events, responder.ready(&fds)))
}

fn serve(mut gate: Gate<'_>, mut responder: Responder) -> Result<(), Errno> {
    loop {
        let (events, ready) = wait(&gate, &responder)?;
        let now = Instant::now();
        if events.settings {
            if !gate.change_settings(now)? {
                return Ok(());
            }
            // A reload sends several messages, which take effect before the next request.
            continue;
        }
        if let Some(stream) = gate.turn(&events, now)? {
            responder.take(stream, now);
        }
        responder.turn(&ready, now);
    }
}
