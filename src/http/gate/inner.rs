//! Connections from the gate to the responder of the worker.
//!
//! A connection is a socket pair. A socket pair has no address, so no other process can connect. The alternatives are
//! worse: other processes find a socket with an abstract name in `/proc/net/unix`, and a socket in the file system needs a
//! folder that the worker can write to.

use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

/// Opens a nonblocking connection: the gate's end, and the responder's.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub(in crate::http) fn connect() -> Result<(UnixStream, UnixStream), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (gate, responder) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    Ok((gate.into(), responder.into()))
}
