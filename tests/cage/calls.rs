//! The lists of system calls.

use std::fs::File;
use std::thread;

use corexdp::daemon::syscalls as daemons;
use corexdp::http::cage::list as workers;
use corexdp::kernel::seccomp::{self, Otherwise};
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::signal::Signal;

use crate::inside::{Came, free, inside, raw};
use crate::parts::take;

const SIGSYS: Came = Came::Ended(Signal::SIGSYS);
/// `PROT_READ | PROT_EXEC` and `PROT_READ | PROT_WRITE`.
const EXECUTE: i64 = 5;
const WRITE: i64 = 3;
/// `MAP_PRIVATE | MAP_ANONYMOUS` and `MAP_SHARED | MAP_ANONYMOUS`.
const PRIVATE: i64 = 0x22;
const SHARED: i64 = 0x21;
const PAGE: i64 = 4096;

/// Calls that an intruder would like, with arguments that do no harm.
fn wishes() -> Vec<(&'static str, c_long, [i64; 4])> {
    let to = 1;
    let inet = i64::from(libc::AF_INET);
    vec![
        ("a socket", libc::SYS_socket, [inet, 1, 0, 0]),
        (
            "a raw socket",
            libc::SYS_socket,
            [i64::from(libc::AF_PACKET), 3, 0, 0],
        ),
        ("a process", libc::SYS_clone, [17, 0, 0, 0]),
        ("a user namespace", libc::SYS_clone, [0x1000_0011, 0, 0, 0]),
        ("a program", libc::SYS_execve, [0; 4]),
        ("a program by descriptor", libc::SYS_execveat, [0; 4]),
        ("tracing", libc::SYS_ptrace, [0x4206, to, 0, 0]),
        (
            "another's memory",
            libc::SYS_process_vm_readv,
            [to, 0, 0, 0],
        ),
        ("a signal", libc::SYS_kill, [to, 0, 0, 0]),
        ("a thread's signal", libc::SYS_tgkill, [to, to, 0, 0]),
        ("being root", libc::SYS_setuid, [0; 4]),
        ("being in a group", libc::SYS_setgroups, [0; 4]),
        ("capabilities", libc::SYS_capset, [0; 4]),
        ("a mount", libc::SYS_mount, [0; 4]),
        ("another root", libc::SYS_chroot, [0; 4]),
        ("a namespace", libc::SYS_unshare, [0; 4]),
        ("another namespace", libc::SYS_setns, [-1, 0, 0, 0]),
        ("a tracepoint", libc::SYS_bpf, [17, 0, 0, 0]),
        ("another's map", libc::SYS_bpf, [14, 0, 0, 0]),
        ("counters", libc::SYS_perf_event_open, [0, 0, -1, -1]),
        ("rings", libc::SYS_io_uring_setup, [1, 0, 0, 0]),
        ("keys", libc::SYS_keyctl, [0; 4]),
        ("a module", libc::SYS_finit_module, [-1, 0, 0, 0]),
        ("page faults", libc::SYS_userfaultfd, [0; 4]),
        ("code", libc::SYS_mmap, [0, PAGE, EXECUTE, PRIVATE]),
        ("memory as code", libc::SYS_mprotect, [0, 0, EXECUTE, 0]),
        ("a way to do it all", libc::SYS_personality, [0; 4]),
        ("writing a file", libc::SYS_openat, [-100, 0, 1, 0]),
        ("making a file", libc::SYS_openat, [-100, 0, 0o100, 0]),
    ]
}

fn as_worker() -> nix::Result<()> {
    workers::close()
}

fn as_daemon() -> nix::Result<()> {
    let lists = [daemons::ALWAYS, daemons::SELDOM];
    seccomp::allow(&lists, &[], Otherwise::Fails(Errno::ENOSYS))
}

#[test]
fn worker_is_killed_by_other_calls() {
    for (name, call, arguments) in wishes() {
        let came = if call == libc::SYS_openat {
            Came::Refused(Errno::EACCES)
        } else {
            SIGSYS
        };
        assert_eq!(inside(as_worker, || raw(call, arguments)), came, "{name}");
    }
    for (name, call, arguments) in [
        ("any bpf", libc::SYS_bpf, [0; 4]),
        ("a pair", libc::SYS_socketpair, [1, 1, 0, 0]),
        ("a pipe", libc::SYS_pipe2, [0; 4]),
        ("listening", libc::SYS_listen, [-1, 0, 0, 0]),
        ("a socket of the network", libc::SYS_socket, [2, 1, 0, 0]),
        ("shared memory", libc::SYS_mmap, [0, PAGE, WRITE, SHARED]),
        ("a file in memory", libc::SYS_memfd_create, [0; 4]),
        ("controls", libc::SYS_ioctl, [0; 4]),
        ("passing descriptors", libc::SYS_sendmsg, [-1, 0, 0, 0]),
        ("other limits", libc::SYS_prlimit64, [0; 4]),
        ("another process's limits", libc::SYS_prctl, [4, 1, 0, 0]),
        ("another list", libc::SYS_seccomp, [1, 0, 0, 0]),
    ] {
        assert_eq!(inside(as_worker, || raw(call, arguments)), SIGSYS, "{name}");
    }
}

#[test]
fn worker_calls_are_allowed() {
    assert_eq!(inside(as_worker, || take(4096)), Came::Done);
    // The first call of libcs for a new thread is refused, and their second is not.
    let modern = || raw(libc::SYS_clone3, [0; 4]);
    assert_eq!(inside(as_worker, modern), Came::Refused(Errno::ENOSYS));
    let threads = || {
        let thread = thread::Builder::new()
            .spawn(|| 7)
            .map_err(|_| Errno::EAGAIN)?;
        (thread.join().ok() == Some(7))
            .then_some(())
            .ok_or(Errno::ECHILD)
    };
    assert_eq!(inside(as_worker, threads), Came::Done);
}

#[test]
fn compromised_daemon_gains_nothing() {
    for (name, call, arguments) in wishes() {
        let came = inside(as_daemon, || raw(call, arguments));
        let socket = name == "a socket";
        let expected = if socket {
            Came::Done
        } else {
            Came::Refused(Errno::ENOSYS)
        };
        assert_eq!(came, expected, "{name}");
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
    assert_eq!(inside(as_daemon, read), Came::Done);
    assert_eq!(inside(free, write), Came::Done);
    assert_eq!(inside(as_daemon, write), Came::Refused(Errno::ENOSYS));
}

/// As on a kernel that was built without the feature: the program must be able to tell.
#[test]
fn refused_calls_fail_with_the_listed_errno() {
    let odd = || seccomp::allow(&[daemons::ALWAYS], &[], Otherwise::Fails(Errno::EXDEV));
    assert_eq!(
        inside(odd, || raw(libc::SYS_getppid, [0; 4])),
        Came::Refused(Errno::EXDEV)
    );
}
