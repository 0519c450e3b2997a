//! Sockets that the daemon opens and the worker answers on.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};

use crate::config::{MAX_PLACES, Place};

/// How many connections may wait to be let in. In the worst case, that all clients before are slow, sixteen are let in
/// each second; so the last of these waits for eight, which Prometheus does. Who finds no room is not refused: its system
/// asks again a second later, and then less and less often.
const BACKLOG: i32 = 128;
/// Bytes that may wait to be read, of each connection; the kernel doubles it for its own needs. A request is shorter.
const RECEIVE_BUFFER: usize = 16 << 10;
/// Bytes that may wait to be sent, also doubled. The kernel would take megabytes of answers for a client that reads none.
const SEND_BUFFER: usize = 64 << 10;

/// As many as there can be places.
pub type Listeners = heapless::Vec<Listener, MAX_PLACES>;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    /// Where and for what, as the Corefile has it.
    pub place: Place,
    /// The socket.
    pub socket: OwnedFd,
}

impl Listener {
    /// Listens at a place: the first of its address's candidates that can be had.
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

    /// The same socket once more, for a place at the same address; what waits in its queue waits for both.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn share(&self, place: Place) -> Result<Self, Errno> {
        let socket = self.socket.try_clone().map_err(|_| Errno::EMFILE)?;
        Ok(Self { place, socket })
    }

    /// The address it got, with the port that the system chose where 0 was asked for.
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
    // Not blocking: whoever waited may be gone, or another worker's, when it is accepted.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    // Accepted sockets inherit these: an answer goes out at once, and what others leave unread stays little.
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(socket)
}
