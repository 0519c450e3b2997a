//! Listening sockets.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::libc::{self, c_int};

/// Listens with room for `backlog` connections in the accept queue, at most `net.core.somaxconn`. `nix` refuses more than
/// `SOMAXCONN` of the libc, which is 128 in musl, whatever the kernel takes (4096 since 5.4).
///
/// # Errors
/// `EADDRINUSE`, and errors of the system.
pub fn listen(socket: BorrowedFd<'_>, backlog: c_int) -> Result<(), Errno> {
    // SAFETY: the call takes two integers, and the descriptor is open for the time of the borrow.
    Errno::result(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(drop)
}
