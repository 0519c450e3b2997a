//! The seccomp lists.

use std::fs::{self, File};
use std::thread;

use corexdp::daemon::syscalls as daemons;
use corexdp::http::PAGE_SIZE;
use corexdp::http::cage::list as workers;
use corexdp::http::keeper::syscalls as keepers;
use corexdp::kernel::seccomp::{self, DefaultAction};
use corexdp::kernel::shared_memory::SharedMemory;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use crate::forbidden::{FORBIDDEN_CALLS, PAGE, SHARED, WRITE};
use crate::inside::{Outcome, inside, raw, unrestricted};
use crate::parts::take;

const SIGSYS: Outcome = Outcome::Ended(Signal::SIGSYS);

fn as_worker() -> nix::Result<()> {
    workers::close()
}

fn as_keeper() -> nix::Result<()> {
    keepers::close()
}

/// A worker under its own list and its keeper's.
fn as_kept_worker() -> nix::Result<()> {
    as_keeper()?;
    as_worker()
}

fn as_daemon() -> nix::Result<()> {
    let lists = [daemons::ALWAYS, daemons::RARE];
    seccomp::allow(&lists, DefaultAction::Fail(Errno::ENOSYS))
}

#[test]
fn worker_is_killed_by_other_calls() {
    for &(name, call, arguments) in FORBIDDEN_CALLS {
        assert_eq!(inside(as_worker, || raw(call, arguments)), SIGSYS, "{name}");
    }
    let stream = i64::from(libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    let fcntl = |command: i32| [0, i64::from(command), 0, 0];
    for (name, call, arguments) in [
        ("any bpf", libc::SYS_bpf, [0; 4]),
        ("a pair of datagrams", libc::SYS_socketpair, [1, 2, 0, 0]),
        (
            "a pair of another family",
            libc::SYS_socketpair,
            [40, stream, 0, 0],
        ),
        ("a pipe", libc::SYS_pipe2, [0; 4]),
        ("a Unix socket", libc::SYS_socket, [1, 1, 0, 0]),
        ("a netlink socket", libc::SYS_socket, [16, 3, 0, 0]),
        ("connecting", libc::SYS_connect, [-1, 0, 0, 0]),
        ("an address", libc::SYS_bind, [-1, 0, 0, 0]),
        ("listening", libc::SYS_listen, [-1, 0, 0, 0]),
        ("an option", libc::SYS_setsockopt, [-1, 0, 0, 0]),
        ("passing descriptors", libc::SYS_sendmsg, [-1, 0, 0, 0]),
        ("passing more", libc::SYS_sendmmsg, [-1, 0, 0, 0]),
        ("moving bytes", libc::SYS_splice, [-1, 0, 0, 0]),
        ("another flag", libc::SYS_fcntl, fcntl(libc::F_SETFL)),
        ("another owner", libc::SYS_fcntl, fcntl(libc::F_SETOWN)),
        ("a seal", libc::SYS_fcntl, fcntl(libc::F_ADD_SEALS)),
        ("another descriptor", libc::SYS_dup, [0; 4]),
        ("shared memory", libc::SYS_mmap, [0, PAGE, WRITE, SHARED]),
        ("a file in memory", libc::SYS_memfd_create, [0; 4]),
        ("controls", libc::SYS_ioctl, [0; 4]),
        ("input of a terminal", libc::SYS_ioctl, [0, 0x5412, 0, 0]),
        ("other limits", libc::SYS_prlimit64, [0; 4]),
        ("another process's limits", libc::SYS_prctl, [4, 1, 0, 0]),
        ("another list", libc::SYS_seccomp, [1, 0, 0, 0]),
        ("a signal to itself", libc::SYS_rt_sigqueueinfo, [0; 4]),
        ("a handler", libc::SYS_rt_sigaction, [10, 0, 0, 8]),
        ("more of the CPU", libc::SYS_setpriority, [0, 0, -20, 0]),
        ("a file's data", libc::SYS_read, [-1, 0, 0, 0]),
    ] {
        assert_eq!(inside(as_worker, || raw(call, arguments)), SIGSYS, "{name}");
    }
}

/// Starts a thread through the C library.
fn thread() -> nix::Result<()> {
    let thread = thread::Builder::new()
        .spawn(|| 7)
        .map_err(|_| Errno::EAGAIN)?;
    (thread.join().ok() == Some(7))
        .then_some(())
        .ok_or(Errno::ECHILD)
}

fn process() -> nix::Result<()> {
    // SAFETY: the child only ends itself.
    match unsafe { fork() }? {
        // SAFETY: `_exit` runs no code of the parent.
        ForkResult::Child => unsafe { libc::_exit(0) },
        ForkResult::Parent { child } => waitpid(child, None).map(drop),
    }
}

#[test]
fn worker_starts_no_thread_and_no_process() {
    for (name, attempt) in [
        ("a thread", &thread as &dyn Fn() -> nix::Result<()>),
        ("a process", &process),
        ("by the newer call", &|| raw(libc::SYS_clone3, [0; 4])),
    ] {
        assert_eq!(inside(as_worker, attempt), SIGSYS, "{name}");
        assert_eq!(inside(as_kept_worker, attempt), SIGSYS, "{name}, kept");
    }
    assert_eq!(inside(unrestricted, thread), Outcome::Done);
}

#[test]
fn worker_calls_are_allowed() {
    assert_eq!(inside(as_worker, || take(4096)), Outcome::Done);
    let pair = || {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        socketpair(AddressFamily::Unix, SockType::Stream, None, flags).map(drop)
    };
    assert_eq!(inside(as_kept_worker, pair), Outcome::Done);
}

/// The daemon writes to the page while it renders, and reads nothing back.
#[test]
fn worker_cannot_write_to_the_shared_memory() {
    let (written, fd) = SharedMemory::create(PAGE_SIZE).unwrap();
    let read = SharedMemory::open(&fd, PAGE_SIZE).unwrap();
    drop(fd);
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut lines = maps.lines().filter(|line| line.contains("corexdp-page"));
    let line = lines.find(|line| line.contains(" r--s ")).unwrap();
    let address = i64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
    let size = i64::try_from(PAGE_SIZE).unwrap();
    let writable = || raw(libc::SYS_mprotect, [address, size, WRITE]);
    // `F_SEAL_FUTURE_WRITE` exists since Linux 5.1.
    let eacces = Outcome::Refused(Errno::EACCES);
    assert_eq!(inside(as_worker, writable), eacces);
    let elsewhere = [address, size, size, i64::from(libc::MREMAP_FIXED), PAGE];
    let moved = || raw(libc::SYS_mremap, elsewhere);
    assert_eq!(inside(as_worker, moved), SIGSYS);
    drop((written, read));
}

/// The keeper forks workers and kills them.
#[test]
fn keeper_only_starts_and_kills_processes() {
    for &(name, call, arguments) in FORBIDDEN_CALLS {
        let expected = match name {
            // The keeper's workers install their own lists.
            "another thread's list" => Outcome::Refused(Errno::EFAULT),
            _ => Outcome::Refused(Errno::ENOSYS),
        };
        let outcome = inside(as_keeper, || raw(call, arguments));
        assert_eq!(outcome, expected, "{name}");
    }
    let enosys = Outcome::Refused(Errno::ENOSYS);
    for (name, call, arguments) in [
        ("a Unix socket", libc::SYS_socket, [1, 1, 0, 0]),
        ("connecting", libc::SYS_connect, [-1, 0, 0, 0]),
        ("a signal", libc::SYS_kill, [0, 15, 0, 0]),
        ("a new name for core dumps", libc::SYS_prctl, [4, 1, 0, 0]),
        ("shared memory", libc::SYS_mmap, [0, PAGE, WRITE, SHARED]),
        ("other limits", libc::SYS_prlimit64, [0; 4]),
        ("a file in memory", libc::SYS_memfd_create, [0; 4]),
        ("any bpf", libc::SYS_bpf, [0; 4]),
    ] {
        assert_eq!(inside(as_keeper, || raw(call, arguments)), enosys, "{name}");
    }
    // The C library reports a failed `clone` as a lack of resources.
    assert_eq!(inside(as_keeper, thread), Outcome::Refused(Errno::EAGAIN));
    assert_eq!(inside(as_keeper, process), Outcome::Done);
    let gone = Pid::from_raw(i32::MAX);
    let end = || kill(gone, Signal::SIGKILL);
    assert_eq!(inside(as_keeper, end), Outcome::Refused(Errno::ESRCH));
}

#[test]
fn compromised_daemon_gains_nothing() {
    for &(name, call, arguments) in FORBIDDEN_CALLS {
        let outcome = inside(as_daemon, || raw(call, arguments));
        let socket = name == "a socket";
        let expected = if socket {
            Outcome::Done
        } else {
            Outcome::Refused(Errno::ENOSYS)
        };
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn daemon_may_read_but_not_write() {
    let read = || {
        File::open("/etc/passwd")
            .map(drop)
            .map_err(|_| Errno::EACCES)
    };
    let write = || {
        let opened = File::options().append(true).open("/dev/null");
        opened
            .map(drop)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap()))
    };
    assert_eq!(inside(as_daemon, read), Outcome::Done);
    assert_eq!(inside(unrestricted, write), Outcome::Done);
    assert_eq!(inside(as_daemon, write), Outcome::Refused(Errno::ENOSYS));
}

/// A call fails with the errno that a kernel without the feature returns, so that the caller can detect it.
#[test]
fn refused_calls_fail_with_the_listed_errno() {
    let odd = || seccomp::allow(&[daemons::ALWAYS], DefaultAction::Fail(Errno::EXDEV));
    assert_eq!(
        inside(odd, || raw(libc::SYS_getppid, [0; 4])),
        Outcome::Refused(Errno::EXDEV)
    );
}
