//! Seccomp rules of a worker.
//!
//! A call that is not listed kills the worker. An attacker thus has one attempt: the daemon logs the death of the worker,
//! and the keeper starts another worker. The tests find calls of a correct worker that are missing here in the same way.
//!
//! No call that creates a thread, a process, or a socket with an address is listed. An attacker has the clients'
//! connections, the listening sockets and the sockets to the daemon, but can neither connect them to another peer nor
//! close them for the daemon.
//!
//! The names are names of system calls. They differ from the C functions, between libcs and between architectures:
//! aarch64 has only the newest form of each call.

use nix::errno::Errno;
use nix::libc::{self, c_int};

use crate::kernel::seccomp::{self, DefaultAction, FIONBIO, POLL, Rule, any, bits, is, null, only};

/// Flags of `mmap` that distinguish shared from private and file-backed from anonymous memory.
const MAPPING: c_int = libc::MAP_TYPE | libc::MAP_ANONYMOUS;

/// Flags of `send` that a worker uses. `MSG_FASTOPEN` would connect a TCP socket (tcp(7)).
const SEND_FLAGS: c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// Type of the gate's connections to the responder.
const STREAM: c_int = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;

/// System calls of every run.
pub const ALWAYS: &[Rule] = &[
    // Receives listening sockets: descriptors arrive only over the daemon's socket.
    any(libc::SYS_recvmsg),
    any(POLL),
    any(libc::SYS_accept4),
    any(libc::SYS_recvfrom),
    // Allowed only without an address. `sendmsg` is not listed, since seccomp cannot read the address in its message.
    only(
        libc::SYS_sendto,
        &[bits(3, !SEND_FLAGS, 0), null(4), is(5, 0)],
    ),
    // A head together with the header that the gate adds.
    any(libc::SYS_writev),
    // Allowed only for writing. A shutdown for reading would close a listening socket, which the daemon shares, and its
    // unconnected socket could then connect.
    only(libc::SYS_shutdown, &[is(1, libc::SHUT_WR)]),
    any(libc::SYS_close),
    // The gate's connection to the responder. No other socket can be created.
    only(
        libc::SYS_socketpair,
        &[is(0, libc::AF_UNIX), is(1, STREAM), is(2, 0)],
    ),
    only(libc::SYS_ioctl, &[is(1, FIONBIO)]),
    only(
        libc::SYS_getsockopt,
        &[is(1, libc::SOL_SOCKET), is(2, libc::SO_ERROR)],
    ),
    // A debug build of std checks that a closed descriptor was open.
    #[cfg(debug_assertions)]
    only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)]),
];

/// System calls of some runs only. Each comment names the condition.
pub const RARE: &[Rule] = &[
    // Exit, unless the keeper kills the worker first.
    any(libc::SYS_exit_group),
    any(libc::SYS_sigaltstack),
    // Memory: private, so that the resource limit counts it, and not executable.
    only(
        libc::SYS_mmap,
        &[
            bits(2, libc::PROT_EXEC, 0),
            bits(3, MAPPING, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        ],
    ),
    only(libc::SYS_mprotect, &[bits(2, libc::PROT_EXEC, 0)]),
    any(libc::SYS_munmap),
    only(libc::SYS_mremap, &[is(3, libc::MREMAP_MAYMOVE)]),
    any(libc::SYS_madvise),
    any(libc::SYS_brk),
    // Machines whose vDSO cannot read the clock.
    any(libc::SYS_clock_gettime),
    // Resumes a wait after the process was stopped and continued.
    any(libc::SYS_restart_syscall),
];

/// Restricts this process to the listed calls.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    seccomp::allow(&[ALWAYS, RARE], DefaultAction::Kill)
}
