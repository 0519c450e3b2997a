//! The network namespace of this process.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{self, c_int, socklen_t};

use super::errno;

const PATH: &str = "/proc/thread-self/ns/net";
/// Inode number of the initial namespace (`NET_NS_INIT_INO`, 6.18). Older kernels give this number to no namespace.
const INITIAL_INODE: u64 = 0xEFFF_FFF9;
/// A setting that exists only in the initial namespace. Checking its existence needs no privilege.
const INITIAL_SETTING: &str = "/proc/sys/net/core/netdev_max_backlog";
/// Socket option (5.14).
const SO_NETNS_COOKIE: c_int = 71;

/// Identity of the network namespace; `None` for the initial namespace. From 5.14 on, the number is the cookie, unique
/// since boot. Older kernels have only the inode number, which a later namespace may reuse.
///
/// # Errors
/// Errors of the system, such as `ENOENT` without `/proc`.
pub fn network() -> Result<Option<u64>, Errno> {
    let inode = fs::metadata(PATH).map_err(|error| errno(&error))?.ino();
    if inode == INITIAL_INODE || Path::new(INITIAL_SETTING).exists() {
        return Ok(None);
    }
    let socket = UnixDatagram::unbound().map_err(|error| errno(&error))?;
    match cookie(&socket) {
        Err(Errno::ENOPROTOOPT) => Ok(Some(inode)),
        cookie => cookie.map(Some),
    }
}

/// The cookie of the socket's namespace.
fn cookie(socket: &UnixDatagram) -> Result<u64, Errno> {
    let mut cookie = 0u64;
    let mut size = socklen_t::try_from(size_of::<u64>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel writes at most `size` bytes to `cookie`, which has that size; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut size,
        )
    };
    Errno::result(result).map(|_| cookie)
}
