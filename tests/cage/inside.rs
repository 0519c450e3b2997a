//! Runs an attempt in its own process.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};

/// Exit code of a process that could not apply its restrictions.
const NOT_INSIDE: i32 = 255;

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The attempt succeeded.
    Done,
    /// The kernel refused the attempt.
    Refused(Errno),
    /// A signal ended the process.
    Ended(Signal),
}

/// Runs `attempt` in a child process, after `enter` has applied restrictions to the child.
pub(crate) fn inside(
    enter: impl FnOnce() -> nix::Result<()>,
    attempt: impl FnOnce() -> nix::Result<()>,
) -> Outcome {
    // SAFETY: of the locks that other threads may hold, the child takes only the allocator's, which the C library
    // resets in a child.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = match enter() {
                Ok(()) => attempt().map_or_else(|errno| errno as i32, |()| 0),
                Err(_) => NOT_INSIDE,
            };
            // SAFETY: `_exit` runs no destructors and no handlers of the parent.
            unsafe { nix::libc::_exit(code) }
        }
        ForkResult::Parent { child } => match waitpid(child, None).unwrap() {
            WaitStatus::Exited(_, 0) => Outcome::Done,
            WaitStatus::Exited(_, NOT_INSIDE) => panic!("the restrictions could not be applied"),
            WaitStatus::Exited(_, code) => Outcome::Refused(Errno::from_raw(code)),
            WaitStatus::Signaled(_, signal, _) => Outcome::Ended(signal),
            other => panic!("{other:?}"),
        },
    }
}

/// Applies no restriction.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it has the signature of a restriction"
)]
pub(crate) fn unrestricted() -> nix::Result<()> {
    Ok(())
}

/// Makes a raw system call.
pub(crate) fn raw<const N: usize>(call: i64, arguments: [i64; N]) -> nix::Result<()> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [first, second, third, fourth, fifth, sixth] = all;
    // SAFETY: callers pass null pointers, which the kernel does not follow, or pointers to their own memory with its
    // length.
    let result = unsafe { nix::libc::syscall(call, first, second, third, fourth, fifth, sixth) };
    Errno::result(result).map(drop)
}

/// The parent process, which has no restrictions.
pub(crate) fn parent() -> Pid {
    getppid()
}
