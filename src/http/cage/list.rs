//! The system calls of a worker.
//!
//! Another call ends the whole process: an intruder gets one try, the daemon logs that the worker died, and the keeper
//! makes a clean one. A call that an honest worker makes and that is missing here shows the same way, in the tests.
//!
//! Names are those of the calls, which differ from the C functions, from libc to libc and from machine to machine:
//! aarch64 has no older form of any call that got a newer one.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long};

use crate::kernel::seccomp::{self, FIONBIO, Otherwise, POLL, Rule, any, bits, is, only};

/// How threads are begun: everything is shared, and it is a thread. The kernel refuses new namespaces with that, but
/// such a request does not get so far.
#[cfg(target_env = "musl")]
const THREAD: c_int = THREAD_ALIKE | libc::CLONE_DETACHED;
/// How threads are begun: everything is shared, and it is a thread.
#[cfg(not(target_env = "musl"))]
const THREAD: c_int = THREAD_ALIKE;
const THREAD_ALIKE: c_int = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID;

/// The flags of `mmap` that tell shared from private memory, and files from none.
const KIND: c_int = libc::MAP_TYPE | libc::MAP_ANONYMOUS;

/// What every run takes.
pub const ALWAYS: &[Rule] = &[
    // Where to listen: the only socket by which descriptors can come is the daemon's. And connections from there.
    any(libc::SYS_recvmsg),
    any(POLL),
    any(libc::SYS_accept4),
    any(libc::SYS_recvfrom),
    any(libc::SYS_sendto),
    // A head, and what the gate adds to it.
    any(libc::SYS_writev),
    any(libc::SYS_shutdown),
    any(libc::SYS_close),
    any(libc::SYS_getsockname),
    // The gate's way to tiny_http. No other socket can be made.
    only(libc::SYS_socket, &[is(0, libc::AF_UNIX)]),
    any(libc::SYS_connect),
    only(libc::SYS_ioctl, &[is(1, FIONBIO)]),
    only(
        libc::SYS_getsockopt,
        &[is(1, libc::SOL_SOCKET), is(2, libc::SO_ERROR)],
    ),
    // One descriptor for reading and one for writing.
    only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)]),
    // musl does not trust a kernel to know the call above.
    #[cfg(target_env = "musl")]
    only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)]),
    // std looks whether what it closes is open.
    #[cfg(debug_assertions)]
    only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)]),
    // Memory of its own: none that is shared, so that the limit counts all, and never any that can be executed.
    only(
        libc::SYS_mmap,
        &[
            bits(2, libc::PROT_EXEC, 0),
            bits(3, KIND, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        ],
    ),
    only(libc::SYS_mprotect, &[bits(2, libc::PROT_EXEC, 0)]),
    any(libc::SYS_munmap),
    // Threads, no processes: tiny_http has one for each connection, and begins and ends them as they come.
    only(libc::SYS_clone, &[is(0, THREAD)]),
    any(libc::SYS_futex),
    any(libc::SYS_gettid),
    any(libc::SYS_rt_sigprocmask),
    any(libc::SYS_sigaltstack),
    // What glibc does when a thread begins.
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_rseq),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_rt_sigaction),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_sched_getaffinity),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_set_robust_list),
];

/// What only some runs take, and when.
pub const SELDOM: &[Rule] = &[
    // The end, when the keeper is not quicker.
    any(libc::SYS_exit_group),
    // A thread that finds another in the midst of a channel's operation lets it go first.
    any(libc::SYS_sched_yield),
    // A buffer grows where it is.
    any(libc::SYS_mremap),
    // The main thread's heap grows; with musl, what it keeps of all heaps.
    any(libc::SYS_brk),
    // A thread ends: one of tiny_http's that had nothing to do, or that of a large answer. Its memory is given back.
    any(libc::SYS_exit),
    any(libc::SYS_madvise),
    // Where the machine's clock can't be read without a call.
    any(libc::SYS_clock_gettime),
    // Goes on waiting for what was waited for before the process was stopped and continued.
    any(libc::SYS_restart_syscall),
];

/// What is asked for by honest code, which does well without it.
pub const REFUSED: &[(c_long, Errno)] = &[
    // Its flags stand in memory, where a filter can't see them. Without it libcs begin threads by `clone`.
    (libc::SYS_clone3, Errno::ENOSYS),
    // glibc looks in /sys how many processors there are, to have as many heaps.
    (libc::SYS_openat, Errno::EACCES),
];

/// Leaves only these calls.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    seccomp::allow(&[ALWAYS, SELDOM], REFUSED, Otherwise::Ends)
}
