//! Seccomp rules of the keeper.
//!
//! A worker inherits the rules and adds its own, which are stricter. So the list has the calls of the keeper, and those of
//! a new worker before its own rules apply. A call that is not listed fails and does not kill: the daemon cannot replace a
//! dead keeper.

use nix::errno::Errno;
use nix::libc;

use crate::http::cage::list;
use crate::kernel::seccomp::{self, DefaultAction, Rule, any, bits, is, only};

/// Forks; musl uses `fork(2)` on x86_64.
#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
const FORK: Rule = any(libc::SYS_fork);
/// Forks.
#[cfg(all(target_env = "musl", not(target_arch = "x86_64")))]
const FORK: Rule = only(libc::SYS_clone, &[is(0, libc::SIGCHLD)]);
/// Forks.
#[cfg(not(target_env = "musl"))]
const FORK: Rule = only(
    libc::SYS_clone,
    &[is(
        0,
        libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD,
    )],
);

/// Reads the metadata of a file by its path.
#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
const FILE_STATUS: Rule = any(libc::SYS_stat);
/// Reads the metadata of a file by its path.
#[cfg(all(target_env = "musl", not(target_arch = "x86_64")))]
const FILE_STATUS: Rule = any(libc::SYS_newfstatat);
/// Reads the metadata of a file by its path.
#[cfg(not(target_env = "musl"))]
const FILE_STATUS: Rule = any(libc::SYS_statx);

/// Calls of every keeper and its workers, besides those of the worker's list.
pub const ALWAYS: &[Rule] = &[
    // Answers to the daemon, over the keeper's only socket.
    any(libc::SYS_sendmsg),
    // The number of threads, and forking, killing and reaping a worker.
    FILE_STATUS,
    FORK,
    // musl blocks signals while it forks.
    #[cfg(target_env = "musl")]
    any(libc::SYS_rt_sigprocmask),
    only(libc::SYS_kill, &[is(1, libc::SIGKILL)]),
    any(libc::SYS_wait4),
    // A new worker: name and shared memory.
    only(libc::SYS_prctl, &[is(0, libc::PR_SET_NAME)]),
    only(
        libc::SYS_mmap,
        &[
            bits(2, libc::PROT_WRITE | libc::PROT_EXEC, 0),
            bits(3, libc::MAP_TYPE, libc::MAP_SHARED),
        ],
    ),
    // A new worker: its own rules.
    only(libc::SYS_prctl, &[is(0, libc::PR_SET_NO_NEW_PRIVS)]),
    any(libc::SYS_seccomp),
    // glibc: start of a process.
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_set_robust_list),
];

/// Calls of some runs only. Each comment names the condition.
pub const RARE: &[Rule] = &[
    // The delay after a lack of memory or descriptors.
    any(libc::SYS_nanosleep),
    any(libc::SYS_clock_nanosleep),
    // Metadata, on a kernel without `statx` (4.11).
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_newfstatat),
];

/// Restricts the keeper, and workers that it forks, to the listed calls.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    let lists = [list::ALWAYS, list::RARE, ALWAYS, RARE];
    // A libc handles ENOSYS as on an old kernel.
    seccomp::allow(&lists, DefaultAction::Fail(Errno::ENOSYS))
}
