//! System calls that an intruder could use.

use nix::libc::{self, c_long};

/// `PROT_READ | PROT_EXEC`.
const EXECUTE: i64 = 5;

/// `PROT_READ | PROT_WRITE`.
pub(crate) const WRITE: i64 = 3;

/// `MAP_PRIVATE | MAP_ANONYMOUS`.
const PRIVATE: i64 = 0x22;

/// `MAP_SHARED | MAP_ANONYMOUS`.
pub(crate) const SHARED: i64 = 0x21;

pub(crate) const PAGE: i64 = 4096;

const INET: i64 = libc::AF_INET as i64;
const PACKET: i64 = libc::AF_PACKET as i64;

/// Process id of another process.
const INIT: i64 = 1;

/// Name, number and harmless arguments of each call.
pub(crate) const FORBIDDEN_CALLS: &[(&str, c_long, [i64; 4])] = &[
    ("a socket", libc::SYS_socket, [INET, 1, 0, 0]),
    ("a raw socket", libc::SYS_socket, [PACKET, 3, 0, 0]),
    ("a process", libc::SYS_clone, [17, 0, 0, 0]),
    ("a user namespace", libc::SYS_clone, [0x1000_0011, 0, 0, 0]),
    ("a program", libc::SYS_execve, [0; 4]),
    ("a program by descriptor", libc::SYS_execveat, [0; 4]),
    ("tracing", libc::SYS_ptrace, [0x4206, INIT, 0, 0]),
    (
        "another's memory",
        libc::SYS_process_vm_readv,
        [INIT, 0, 0, 0],
    ),
    (
        "writing another's memory",
        libc::SYS_process_vm_writev,
        [INIT, 0, 0, 0],
    ),
    (
        "another's descriptors",
        libc::SYS_pidfd_getfd,
        [-1, 0, 0, 0],
    ),
    ("another's pidfd", libc::SYS_pidfd_open, [INIT, 0, 0, 0]),
    ("a signal", libc::SYS_kill, [INIT, 0, 0, 0]),
    (
        "a signal by pidfd",
        libc::SYS_pidfd_send_signal,
        [-1, 0, 0, 0],
    ),
    ("a thread's signal", libc::SYS_tgkill, [INIT, INIT, 0, 0]),
    ("becoming root", libc::SYS_setuid, [0; 4]),
    ("joining a group", libc::SYS_setgroups, [0; 4]),
    ("capabilities", libc::SYS_capset, [0; 4]),
    ("a mount", libc::SYS_mount, [0; 4]),
    ("another root", libc::SYS_chroot, [0; 4]),
    ("a namespace", libc::SYS_unshare, [0; 4]),
    ("another namespace", libc::SYS_setns, [-1, 0, 0, 0]),
    ("a tracepoint", libc::SYS_bpf, [17, 0, 0, 0]),
    ("another's map", libc::SYS_bpf, [14, 0, 0, 0]),
    ("counters", libc::SYS_perf_event_open, [0, 0, -1, -1]),
    ("an io_uring", libc::SYS_io_uring_setup, [1, 0, 0, 0]),
    (
        "an io_uring of another",
        libc::SYS_io_uring_enter,
        [-1, 0, 0, 0],
    ),
    ("a request of libaio", libc::SYS_io_submit, [0; 4]),
    ("keys", libc::SYS_keyctl, [0; 4]),
    ("a module", libc::SYS_finit_module, [-1, 0, 0, 0]),
    ("handling page faults", libc::SYS_userfaultfd, [0; 4]),
    (
        "executable memory",
        libc::SYS_mmap,
        [0, PAGE, EXECUTE, PRIVATE],
    ),
    (
        "making memory executable",
        libc::SYS_mprotect,
        [0, 0, EXECUTE, 0],
    ),
    ("another execution domain", libc::SYS_personality, [0; 4]),
    ("writing a file", libc::SYS_openat, [-100, 0, 1, 0]),
    ("creating a file", libc::SYS_openat, [-100, 0, 0o100, 0]),
    ("a file by another call", libc::SYS_openat2, [-100, 0, 0, 0]),
    (
        "a file by its handle",
        libc::SYS_open_by_handle_at,
        [-100, 0, 0, 0],
    ),
    ("another thread's list", libc::SYS_seccomp, [1, 1, 0, 0]),
];
