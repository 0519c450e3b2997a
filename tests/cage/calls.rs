//! The lists of system calls.

use std::fs::{self, File};
use std::thread;

use corexdp::daemon::syscalls as daemons;
use corexdp::http::PAGE_SIZE;
use corexdp::http::cage::list as workers;
use corexdp::http::keeper::syscalls as keepers;
use corexdp::kernel::seccomp::{self, DefaultAction};
use corexdp::kernel::shared_memory::SharedMemory;
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

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
        (
            "writing another's memory",
            libc::SYS_process_vm_writev,
            [to, 0, 0, 0],
        ),
        (
            "another's descriptors",
            libc::SYS_pidfd_getfd,
            [-1, 0, 0, 0],
        ),
        ("another's handle", libc::SYS_pidfd_open, [to, 0, 0, 0]),
        ("a signal", libc::SYS_kill, [to, 0, 0, 0]),
        (
            "a signal by handle",
            libc::SYS_pidfd_send_signal,
            [-1, 0, 0, 0],
        ),
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
        ("a ring of another", libc::SYS_io_uring_enter, [-1, 0, 0, 0]),
        ("a request of libaio", libc::SYS_io_submit, [0; 4]),
        ("keys", libc::SYS_keyctl, [0; 4]),
        ("a module", libc::SYS_finit_module, [-1, 0, 0, 0]),
        ("page faults", libc::SYS_userfaultfd, [0; 4]),
        ("code", libc::SYS_mmap, [0, PAGE, EXECUTE, PRIVATE]),
        ("memory as code", libc::SYS_mprotect, [0, 0, EXECUTE, 0]),
        ("a way to do it all", libc::SYS_personality, [0; 4]),
        ("writing a file", libc::SYS_openat, [-100, 0, 1, 0]),
        ("making a file", libc::SYS_openat, [-100, 0, 0o100, 0]),
        ("a file by another call", libc::SYS_openat2, [-100, 0, 0, 0]),
        (
            "a file by its handle",
            libc::SYS_open_by_handle_at,
            [-100, 0, 0, 0],
        ),
        ("another thread's list", libc::SYS_seccomp, [1, 1, 0, 0]),
    ]
}

fn as_worker() -> nix::Result<()> {
    workers::close()
}

fn as_keeper() -> nix::Result<()> {
    keepers::close()
}

/// A worker, whose keeper has a list too.
fn as_kept_worker() -> nix::Result<()> {
    as_keeper()?;
    as_worker()
}

fn as_daemon() -> nix::Result<()> {
    let lists = [daemons::ALWAYS, daemons::SELDOM];
    seccomp::allow(&lists, &[], DefaultAction::Fail(Errno::ENOSYS))
}

#[test]
fn worker_is_killed_by_other_calls() {
    for (name, call, arguments) in wishes() {
        let refused = workers::REFUSED.iter().find(|refused| refused.0 == call);
        let expected = refused.map_or(SIGSYS, |refused| Came::Refused(refused.1));
        let came = inside(as_worker, || raw(call, arguments));
        assert_eq!(came, expected, "{name}");
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

/// A thread, as a libc starts one.
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
        // SAFETY: as above.
        ForkResult::Child => unsafe { libc::_exit(0) },
        ForkResult::Parent { child } => waitpid(child, None).map(drop),
    }
}

#[test]
fn worker_makes_no_thread_and_no_process() {
    for (name, attempt) in [
        ("a thread", &thread as &dyn Fn() -> nix::Result<()>),
        ("a process", &process),
        ("by the newer call", &|| raw(libc::SYS_clone3, [0; 4])),
    ] {
        assert_eq!(inside(as_worker, attempt), SIGSYS, "{name}");
        assert_eq!(inside(as_kept_worker, attempt), SIGSYS, "{name}, kept");
    }
    assert_eq!(inside(free, thread), Came::Done);
}

#[test]
fn worker_calls_are_allowed() {
    assert_eq!(inside(as_worker, || take(4096)), Came::Done);
    let pair = || {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        socketpair(AddressFamily::Unix, SockType::Stream, None, flags).map(drop)
    };
    assert_eq!(inside(as_kept_worker, pair), Came::Done);
}

/// The daemon reads nothing back from the page, but writes there while it renders.
#[test]
fn worker_cannot_write_to_the_shared_page() {
    let (written, fd) = SharedMemory::create(PAGE_SIZE).unwrap();
    let read = SharedMemory::open(&fd, PAGE_SIZE).unwrap();
    drop(fd);
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut lines = maps.lines().filter(|line| line.contains("corexdp-page"));
    let line = lines.find(|line| line.contains(" r--s ")).unwrap();
    let address = i64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
    let size = i64::try_from(PAGE_SIZE).unwrap();
    let writable = || raw(libc::SYS_mprotect, [address, size, WRITE]);
    // The seal is of Linux 5.1.
    let eacces = Came::Refused(Errno::EACCES);
    assert_eq!(inside(as_worker, writable), eacces);
    let elsewhere = [address, size, size, i64::from(libc::MREMAP_FIXED), PAGE];
    let moved = || raw(libc::SYS_mremap, elsewhere);
    assert_eq!(inside(as_worker, moved), SIGSYS);
    drop((written, read));
}

/// The keeper forks workers, which start a thread each, and kills them.
#[test]
fn keeper_only_starts_and_kills_processes() {
    for (name, call, arguments) in wishes() {
        let expected = match name {
            // Its workers install their own lists.
            "another thread's list" => Came::Refused(Errno::EFAULT),
            _ => Came::Refused(Errno::ENOSYS),
        };
        let came = inside(as_keeper, || raw(call, arguments));
        assert_eq!(came, expected, "{name}");
    }
    let enosys = Came::Refused(Errno::ENOSYS);
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
    assert_eq!(inside(as_keeper, thread), Came::Done);
    assert_eq!(inside(as_keeper, process), Came::Done);
    let gone = Pid::from_raw(i32::MAX);
    let end = || kill(gone, Signal::SIGKILL);
    assert_eq!(inside(as_keeper, end), Came::Refused(Errno::ESRCH));
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
    let odd = || seccomp::allow(&[daemons::ALWAYS], &[], DefaultAction::Fail(Errno::EXDEV));
    assert_eq!(
        inside(odd, || raw(libc::SYS_getppid, [0; 4])),
        Came::Refused(Errno::EXDEV)
    );
}
