//! Seccomp rules of a worker.
//!
//! Any other call kills the process. An intruder gets one try: the daemon logs the death of the worker, and the keeper
//! starts a new one. A call that a correct worker makes and that is missing here shows in the tests in the same way.
//!
//! Names are those of system calls. They differ from the C functions, between libcs and between architectures: aarch64
//! has only the newest form of each call.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long};

use crate::kernel::seccomp::{self, FIONBIO, Otherwise, POLL, Rule, any, bits, is, only};

/// Flags of `clone` for a thread: everything is shared, and no namespace is new.
#[cfg(target_env = "musl")]
const THREAD: c_int = COMMON_THREAD | libc::CLONE_DETACHED;
/// Flags of `clone` for a thread.
#[cfg(not(target_env = "musl"))]
const THREAD: c_int = COMMON_THREAD;
const COMMON_THREAD: c_int = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID;

/// Flags of `mmap` that distinguish shared from private and file-backed from anonymous memory.
const MAPPING: c_int = libc::MAP_TYPE | libc::MAP_ANONYMOUS;

/// System calls of every run.
pub const ALWAYS: &[Rule] = &[
    // Receives the listeners: descriptors arrive only over the daemon's socket. Then accepts connections.
    any(libc::SYS_recvmsg),
    any(POLL),
    any(libc::SYS_accept4),
    any(libc::SYS_recvfrom),
    any(libc::SYS_sendto),
    // A request head and the headers that the gate adds.
    any(libc::SYS_writev),
    any(libc::SYS_shutdown),
    any(libc::SYS_close),
    any(libc::SYS_getsockname),
    // The gate's connection to tiny_http. No other socket can be created.
    only(libc::SYS_socket, &[is(0, libc::AF_UNIX)]),
    any(libc::SYS_connect),
    only(libc::SYS_ioctl, &[is(1, FIONBIO)]),
    only(
        libc::SYS_getsockopt,
        &[is(1, libc::SOL_SOCKET), is(2, libc::SO_ERROR)],
    ),
    // Duplicates a connection's descriptor: one for reading, one for writing.
    only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)]),
    // musl sets the flag again, for kernels that lack the call above.
    #[cfg(target_env = "musl")]
    only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)]),
    // std checks that a closed descriptor was open.
    #[cfg(debug_assertions)]
    only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)]),
    // Private memory only, so that the resource limit counts all of it; never executable.
    only(
        libc::SYS_mmap,
        &[
            bits(2, libc::PROT_EXEC, 0),
            bits(3, MAPPING, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        ],
    ),
    only(libc::SYS_mprotect, &[bits(2, libc::PROT_EXEC, 0)]),
    any(libc::SYS_munmap),
    // Threads, no processes: tiny_http has one for each connection.
    only(libc::SYS_clone, &[is(0, THREAD)]),
    any(libc::SYS_futex),
    any(libc::SYS_gettid),
    any(libc::SYS_rt_sigprocmask),
    any(libc::SYS_sigaltstack),
    // glibc starts a thread.
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_rseq),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_rt_sigaction),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_sched_getaffinity),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_set_robust_list),
];

/// System calls of some runs, each with its occasion.
pub const SELDOM: &[Rule] = &[
    // Exit, unless the keeper kills the worker first.
    any(libc::SYS_exit_group),
    // A thread waits for another in the middle of a channel operation.
    any(libc::SYS_sched_yield),
    // A buffer grows in place.
    any(libc::SYS_mremap),
    // The main thread's heap grows; with musl, every heap.
    any(libc::SYS_brk),
    // A thread ends and its memory is freed: an idle one of tiny_http, or one that sent a large response.
    any(libc::SYS_exit),
    any(libc::SYS_madvise),
    // Machines whose vDSO cannot read the clock.
    any(libc::SYS_clock_gettime),
    // Resumes a wait after the process was stopped and continued.
    any(libc::SYS_restart_syscall),
];

/// Calls that correct code tries and works without; they fail with this errno.
pub const REFUSED: &[(c_long, Errno)] = &[
    // A seccomp filter cannot read the flags, which are in memory. libcs fall back to `clone`.
    (libc::SYS_clone3, Errno::ENOSYS),
    // glibc counts CPUs in /sys to size its set of heaps.
    (libc::SYS_openat, Errno::EACCES),
];

/// Restricts the process to these calls.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    seccomp::allow(&[ALWAYS, SELDOM], REFUSED, Otherwise::Ends)
}
