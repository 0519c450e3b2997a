//! The worker: serves HTTP with content that the daemon renders.
//!
//! The worker has two threads: the [`gate`], and the *responder* ([`responder`]), which answers the requests that the gate
//! forwards. Both threads exist before the cage closes, so that the cage can forbid calls that create threads and named
//! sockets. `tiny_http` parses header lines and prints responses. Its server is not used: it needs a listening socket, to
//! which any local process could connect past the gate, and starts a thread for each connection.

mod connection;
mod daemon;
mod request;
mod responder;
mod response;

use std::sync::{Arc, Barrier};
use std::thread;

use nix::errno::Errno;
use nix::sys::prctl;

use super::{PAGE_SIZE, WorkerDescriptors, cage, gate};
use crate::kernel::errno;
use crate::kernel::fd_passing::Descriptors;
use crate::kernel::shared_memory::SharedMemory;
use daemon::Daemon;
use responder::Responder;

/// Stack of the responder, in bytes.
const STACK_SIZE: usize = 128 << 10;

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
    let (inner, incoming) = gate::queue().map_err(|error| errno(&error))?;
    start(Responder::new(incoming, Daemon::new(requests, memory)))?;
    gate::run(&listen, inner)
}

/// Starts the responder. Seccomp restricts only the calling thread, so both threads close the cage, and each waits for the
/// other.
fn start(mut responder: Responder) -> Result<(), Errno> {
    let closed = Arc::new(Barrier::new(2));
    let both_closed = Arc::clone(&closed);
    let respond = move || {
        if cage::close().is_ok() {
            both_closed.wait();
            let _ = responder.run();
        }
        // The daemon replaces a worker that exits.
        std::process::exit(1);
    };
    thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(respond)
        .map_err(|error| errno(&error))?;
    cage::close()?;
    closed.wait();
    Ok(())
}
