//! The way from the gate to `tiny_http`.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use crate::kernel::random;

/// Where `tiny_http` listens: a Unix socket with an abstract name, so that no file is left of it.
///
/// Whoever is on this machine, in the same network namespace, can find the name in `/proc/net/unix` and connect. That
/// gains nothing that the page's own address does not give, and the limit on open files bounds what it costs.
#[derive(Debug)]
pub(in crate::http) struct Inner(SocketAddr);

impl Inner {
    /// Listens on a name that nobody can have taken before.
    ///
    /// # Errors
    /// When there is no descriptor or no randomness to be had.
    pub(in crate::http) fn listen() -> io::Result<(UnixListener, Self)> {
        let address = SocketAddr::from_abstract_name(random::bytes::<16>()?)?;
        let listener = UnixListener::bind_addr(&address)?;
        Ok((listener, Self(address)))
    }

    /// A new connection.
    ///
    /// # Errors
    /// When there is no descriptor or memory to be had.
    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect_addr(&self.0)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}
