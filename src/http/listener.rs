//! Listening sockets. The daemon opens them, the worker accepts connections on them.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};

use crate::config::{MAX_PLACES, Place};

/// Connections that may wait in the accept queue. The gate takes them off at once while it has room, and 256 each
/// second if all connections are slow. A full queue refuses no connection: the client's system repeats its
/// SYN after a second, then with growing delay.
const BACKLOG: i32 = 256;
/// Receive buffer of a connection in bytes; the kernel doubles it (socket(7)). A request is shorter.
const RECEIVE_BUFFER: usize = 16 << 10;
/// Send buffer of a connection in bytes; the kernel doubles it. By default the kernel would buffer megabytes for a
/// client that does not read.
const SEND_BUFFER: usize = 64 << 10;

/// Listening sockets, at most one for each place.
pub type Listeners = heapless::Vec<Listener, MAX_PLACES>;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    /// Address and service in the Corefile.
    pub place: Place,
    /// The socket.
    pub socket: OwnedFd,
}

impl Listener {
    /// Listens on the first candidate of the place's address that the system accepts.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`.
    pub fn open(place: Place) -> Result<Self, Errno> {
        let mut last = Errno::EADDRNOTAVAIL;
        for candidate in place.address.candidates().into_iter().flatten() {
            match open(candidate) {
                Ok(socket) => return Ok(Self { place, socket }),
                Err(errno) => last = errno,
            }
        }
        Err(last)
    }

    /// Duplicates the socket for another place with the same address. Both share one accept queue.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn share(&self, place: Place) -> Result<Self, Errno> {
        let socket = self.socket.try_clone().map_err(|_| Errno::EMFILE)?;
        Ok(Self { place, socket })
    }

    /// Local address, with the port that the system chose for port 0.
    pub fn local(&self) -> Option<SocketAddr> {
        let socket = TcpListener::from(self.socket.try_clone().ok()?);
        socket.local_addr().ok()
    }
}

fn open(address: std::net::SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() {
        AddressFamily::Inet6
    } else {
        AddressFamily::Inet
    };
    // Nonblocking: between `poll` and `accept` the client may close its connection, or another worker may accept it.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    // Accepted sockets inherit these options: no delay of small segments, and small buffers.
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(socket)
}
