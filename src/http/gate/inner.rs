//! Connections from the gate to `tiny_http`.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use crate::kernel::random;

/// Address on which `tiny_http` listens: a Unix socket with an abstract name, which leaves no file behind.
///
/// Another process in the same network namespace can find the name in `/proc/net/unix` and connect. It gains no more
/// than a connection to the page's own address gives, and the limit on open files bounds the cost.
#[derive(Debug)]
pub(in crate::http) struct Inner(SocketAddr);

impl Inner {
    /// Listens on a random name, which no other process can have taken.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`; `EINTR` while waiting for randomness.
    pub(in crate::http) fn listen() -> io::Result<(UnixListener, Self)> {
        let address = SocketAddr::from_abstract_name(random::bytes::<16>()?)?;
        let listener = UnixListener::bind_addr(&address)?;
        Ok((listener, Self(address)))
    }

    /// Opens a nonblocking connection.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`; `EAGAIN` when the accept queue is full.
    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect_addr(&self.0)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}
