//! The system calls of a worker.
//!
//! Another call ends the whole process: an intruder gets one try, the daemon logs that the worker died, and the keeper
//! makes a clean one. A call that an honest worker makes and that is missing here shows the same way, in the tests.
//!
//! Names are those of the calls, which differ from the C functions: both libcs wait by `poll` on `x86_64` and by `ppoll`
//! on aarch64, which has no older form of any call that got a newer one.

use nix::errno::Errno;
use nix::libc::{self, c_int};

use crate::kernel::calls::{self, Otherwise, Rule, any, bits, is, only};

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

/// What every run takes.
pub const ALWAYS: &[Rule] = &[
];

/// What only some runs take, and when.
pub const SELDOM: &[Rule] = &[
    any(libc::SYS_restart_syscall),
];

/// Leaves only these calls.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn close() -> Result<(), Errno> {
    // Its flags stand in memory, where a filter can't see them; without it, libcs begin threads by `clone`.
    calls::refuse(libc::SYS_clone3, Errno::ENOSYS)?;
    calls::allow(&[ALWAYS, SELDOM], Otherwise::Ends)
}
