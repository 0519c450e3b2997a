//! Listening sockets. The daemon opens them, the worker accepts connections on them.
//!
//! An address may be in use, or may appear later (DHCP, VRRP, a tentative IPv6 address). The daemon filters meanwhile, and
//! retries. `IP_FREEBIND` would open a socket for an address that no interface has, but would hide a mistyped address.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Shutdown, SockFlag, SockType, SockaddrStorage, bind, setsockopt, shutdown,
    socket, sockopt,
};

use crate::config::{MAX_PLACES, Place};
use crate::kernel::listen::listen;

/// Connections that may wait in the accept queue. The gate accepts at once while slots are free, and 256 connections a
/// second if all clients are slow. A full queue refuses no connection: the client's system repeats its SYN after a second,
/// then with growing delays.
const BACKLOG: i32 = 256;
/// Receive buffer of a connection in bytes; the kernel doubles it (socket(7)). A request is shorter.
const RECEIVE_BUFFER: usize = 16 << 10;
/// Send buffer of a connection in bytes; the kernel doubles it. By default the kernel would buffer megabytes for a
/// client that does not read.
const SEND_BUFFER: usize = 64 << 10;

/// One listener for each place of the Corefile.
pub type Listeners = heapless::Vec<Listener, MAX_PLACES>;

/// A place of the Corefile, and its listening socket.
#[derive(Debug)]
pub struct Listener {
    /// Address and service in the Corefile.
    pub place: Place,
    /// The socket, or the error of the last attempt to open it; `None` before the first attempt.
    socket: Result<OwnedFd, Option<Errno>>,
}

impl Listener {
    /// A place without socket.
    pub const fn new(place: Place) -> Self {
        Self {
            place,
            socket: Err(None),
        }
    }

    /// Listens on the first candidate of the place's address that the system accepts, unless the socket is open.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EMFILE`, `ENOBUFS`.
    pub fn open(&mut self) -> Result<(), Errno> {
        if self.socket.is_ok() {
            return Ok(());
        }
        let mut last = Errno::EADDRNOTAVAIL;
        for candidate in self.place.address.candidates().into_iter().flatten() {
            match open(candidate) {
                Ok(socket) => {
                    self.socket = Ok(socket);
                    return Ok(());
                }
                Err(errno) => last = errno,
            }
        }
        self.socket = Err(Some(last));
        Err(last)
    }

    /// Takes over the open socket of a listener with the same address. Both share one accept queue.
    pub fn share(&mut self, other: &Self) {
        if let Ok(socket) = &other.socket {
            self.socket = socket.try_clone().map_err(|_| Some(Errno::EMFILE));
        }
    }

    /// Stops listening at once, even if another process has the socket. The address is then free.
    pub fn close(&self) {
        if let Ok(socket) = &self.socket {
            // Cannot fail for a listening socket.
            let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
        }
    }

    /// The open socket.
    pub fn socket(&self) -> Option<&OwnedFd> {
        self.socket.as_ref().ok()
    }

    /// Reason of the last failure to open the socket.
    pub fn error(&self) -> Option<Errno> {
        self.socket.as_ref().err().copied().flatten()
    }

    /// Remedy for the last failure; empty while the socket is open.
    pub fn remedy(&self) -> &'static str {
        match self.error() {
            None => "",
            Some(Errno::EADDRNOTAVAIL) => "no interface has the address; retrying",
            Some(Errno::EADDRINUSE) => "another process has the address; retrying",
            Some(Errno::EACCES) => {
                "a port below 1024 needs CAP_NET_BIND_SERVICE, which corexdp gives up once it runs: restart it for such a port"
            }
            Some(_) => "retrying",
        }
    }

    /// Local address, with the port that the system chose for port 0; `None` while the socket is not open.
    pub fn local(&self) -> Option<SocketAddr> {
        let socket = TcpListener::from(self.socket()?.try_clone().ok()?);
        socket.local_addr().ok()
    }
}

fn open(address: SocketAddr) -> Result<OwnedFd, Errno> {
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
    listen(socket.as_fd(), BACKLOG)?;
    Ok(socket)
}
