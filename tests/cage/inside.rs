//! Trying something in a process of its own.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};

/// The exit code of a process that could not even be put where it was to try something.
const NOT_INSIDE: i32 = 255;

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It could be done.
    Done,
    /// The kernel refused.
    Refused(Errno),
    /// It was the end of the process.
    Ended(Signal),
}

/// Makes `attempt` in a process that went through `enter` before.
pub(crate) fn inside(
    enter: impl FnOnce() -> nix::Result<()>,
    attempt: impl FnOnce() -> nix::Result<()>,
) -> Came {
    // SAFETY: of the locks that other threads may hold only the allocator's are asked for, and libcs release those.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = match enter() {
                Ok(()) => attempt().map_or_else(|errno| errno as i32, |()| 0),
                Err(_) => NOT_INSIDE,
            };
            // SAFETY: ends the process without what belongs to the one it was made from.
            unsafe { nix::libc::_exit(code) }
        }
        ForkResult::Parent { child } => match waitpid(child, None).unwrap() {
            WaitStatus::Exited(_, 0) => Came::Done,
            WaitStatus::Exited(_, NOT_INSIDE) => panic!("it could not be put inside"),
            WaitStatus::Exited(_, code) => Came::Refused(Errno::from_raw(code)),
            WaitStatus::Signaled(_, signal, _) => Came::Ended(signal),
            other => panic!("{other:?}"),
        },
    }
}

/// Nothing that would hold anybody.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where parts of the cage stand"
)]
pub(crate) fn free() -> nix::Result<()> {
    Ok(())
}

/// The answer of a raw call.
pub(crate) fn raw<const N: usize>(call: i64, arguments: [i64; N]) -> nix::Result<()> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [first, second, third, fourth, fifth, sixth] = all;
    // SAFETY: callers pass null pointers, which the kernel does not follow, and pointers to memory of theirs that is as
    // long as they say.
    let result = unsafe { nix::libc::syscall(call, first, second, third, fourth, fifth, sixth) };
    Errno::result(result).map(drop)
}

/// The process that made this one, which is inside of nothing.
pub(crate) fn outsider() -> Pid {
    getppid()
}
