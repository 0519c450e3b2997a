//! Seccomp rules of the running daemon, reloads included.
//!
//! The daemon keeps the `bpf(2)` commands for maps, XDP programs and their attachment, and loses the commands for tracing.
//! It can open files for reading only. It can remove files, such as its pid file, its socket and pins. It cannot start a
//! process or a thread.

use nix::libc::{self, c_int, c_long};
#[cfg(target_arch = "x86_64")]
use nix::libc::{
    SYS_mkdir as MAKE_FOLDER, SYS_readlink as READ_LINK, SYS_rename as RENAME,
    SYS_rmdir as REMOVE_FOLDER, SYS_unlink as UNLINK,
};
#[cfg(not(target_arch = "x86_64"))]
use nix::libc::{
    SYS_mkdirat as MAKE_FOLDER, SYS_readlinkat as READ_LINK, SYS_renameat as RENAME,
    SYS_unlinkat as REMOVE_FOLDER, SYS_unlinkat as UNLINK,
};

use crate::kernel::bpf_call::{
    BPF_BTF_LOAD, BPF_LINK_CREATE, BPF_LINK_DETACH, BPF_LINK_UPDATE, BPF_MAP_CREATE,
    BPF_MAP_DELETE_ELEM, BPF_MAP_FREEZE, BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_BATCH,
    BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_BATCH, BPF_MAP_UPDATE_ELEM, BPF_OBJ_GET,
    BPF_OBJ_GET_INFO_BY_FD, BPF_OBJ_PIN, BPF_PROG_GET_FD_BY_ID, BPF_PROG_LOAD,
};
use crate::kernel::membarrier::MEMBARRIER_CMD_GLOBAL;
use crate::kernel::seccomp::{FIONBIO, POLL, Rule, any, bits, command, is, only};

/// Flags of `open` that allow writing, creating or truncating.
const WRITES: c_int = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;

/// Opens a file for reading; musl uses `open(2)` on x86_64.
#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
const OPEN: Rule = only(libc::SYS_open, &[bits(1, WRITES, 0)]);
/// Opens a file for reading.
#[cfg(not(all(target_env = "musl", target_arch = "x86_64")))]
const OPEN: Rule = only(libc::SYS_openat, &[bits(2, WRITES, 0)]);

/// Reads the metadata of an open file.
#[cfg(target_env = "musl")]
const FILE_STATUS: c_long = libc::SYS_fstat;
/// Reads the metadata of an open file.
#[cfg(not(target_env = "musl"))]
const FILE_STATUS: c_long = libc::SYS_statx;

/// Permissions of the control socket: read and write for its owner only.
const CONTROL_MODE: c_int = 0o600;

/// System calls of every run with a reload.
pub const ALWAYS: &[Rule] = &[
    // Event loop, log, signals.
    any(POLL),
    any(libc::SYS_read),
    any(libc::SYS_write),
    any(libc::SYS_close),
    // Maps, programs and links.
    only(libc::SYS_bpf, &[command(BPF_MAP_CREATE)]),
    only(libc::SYS_bpf, &[command(BPF_MAP_LOOKUP_ELEM)]),
    only(libc::SYS_bpf, &[command(BPF_PROG_LOAD)]),
    only(libc::SYS_bpf, &[command(BPF_OBJ_GET_INFO_BY_FD)]),
    only(libc::SYS_bpf, &[command(BPF_BTF_LOAD)]),
    only(libc::SYS_bpf, &[command(BPF_MAP_LOOKUP_BATCH)]),
    only(libc::SYS_bpf, &[command(BPF_MAP_UPDATE_BATCH)]),
    only(libc::SYS_bpf, &[command(BPF_LINK_CREATE)]),
    only(libc::SYS_bpf, &[command(BPF_LINK_UPDATE)]),
    only(libc::SYS_bpf, &[command(BPF_LINK_DETACH)]),
    // The kernel version, which libbpf reads, and the host name, by which the page may be requested.
    any(libc::SYS_uname),
    // Netlink requests about interfaces; messages to worker and keeper; the page's listeners after a reload.
    only(libc::SYS_socket, &[is(0, libc::AF_NETLINK)]),
    only(libc::SYS_socket, &[is(0, libc::AF_INET)]),
    only(libc::SYS_socketpair, &[is(0, libc::AF_UNIX)]),
    any(libc::SYS_bind),
    any(libc::SYS_listen),
    any(libc::SYS_setsockopt),
    any(libc::SYS_getsockname),
    any(libc::SYS_sendto),
    any(libc::SYS_sendmsg),
    any(libc::SYS_recvfrom),
    any(libc::SYS_shutdown),
    any(libc::SYS_wait4),
    // Pending signals that stop the daemon, checked while filters are loaded.
    any(libc::SYS_rt_sigpending),
    // SIGCONT for a keeper that was stopped.
    only(libc::SYS_kill, &[is(1, libc::SIGCONT)]),
    // Shared memory of the page, with a sealed size.
    any(libc::SYS_memfd_create),
    any(libc::SYS_ftruncate),
    only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)]),
    only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)]),
    // Close-on-exec, which musl sets with a second call.
    #[cfg(target_env = "musl")]
    only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)]),
    #[cfg(debug_assertions)]
    only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)]),
    // Files: the Corefile, objects, `/proc/self`.
    OPEN,
    any(FILE_STATUS),
    any(libc::SYS_getdents64),
    any(libc::SYS_getcwd),
    // CPU time; wall-clock time where the vDSO cannot read the clock.
    any(libc::SYS_clock_gettime),
    // Memory that is not executable.
    only(libc::SYS_mmap, &[bits(2, libc::PROT_EXEC, 0)]),
    any(libc::SYS_munmap),
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_brk),
    // Exit.
    any(UNLINK),
    any(libc::SYS_sigaltstack),
    any(libc::SYS_exit_group),
];

/// System calls of some runs only. Each comment names the condition.
pub const RARE: &[Rule] = &[
    // Maps without batch operations, and entries that a reload changes.
    only(libc::SYS_bpf, &[command(BPF_MAP_UPDATE_ELEM)]),
    only(libc::SYS_bpf, &[command(BPF_MAP_DELETE_ELEM)]),
    only(libc::SYS_bpf, &[command(BPF_MAP_GET_NEXT_KEY)]),
    // The name of another owner's program, if the daemon keeps CAP_SYS_ADMIN.
    only(libc::SYS_bpf, &[command(BPF_PROG_GET_FD_BY_ID)]),
    // Maps of constants.
    only(libc::SYS_bpf, &[command(BPF_MAP_FREEZE)]),
    // A compiled table whose lines are reused.
    only(libc::SYS_membarrier, &[is(0, MEMBARRIER_CMD_GLOBAL)]),
    // The secrets of a new name table.
    any(libc::SYS_getrandom),
    // Permissions of a control socket that could not be created at the start.
    only(libc::SYS_fchmod, &[is(1, CONTROL_MODE)]),
    // Clients of the control socket, and their credentials.
    any(libc::SYS_accept4),
    any(libc::SYS_getsockopt),
    // `exit hold`: pins, their folders with a lock on each, and the type of each pin.
    only(libc::SYS_bpf, &[command(BPF_OBJ_PIN)]),
    only(libc::SYS_bpf, &[command(BPF_OBJ_GET)]),
    any(MAKE_FOLDER),
    any(RENAME),
    any(REMOVE_FOLDER),
    any(READ_LINK),
    any(libc::SYS_statfs),
    any(libc::SYS_flock),
    // A page on an IPv6 address.
    only(libc::SYS_socket, &[is(0, libc::AF_INET6)]),
    // Syslog, and the name of an interface on kernels without BPF links for XDP.
    only(libc::SYS_socket, &[is(0, libc::AF_UNIX)]),
    any(libc::SYS_connect),
    only(libc::SYS_ioctl, &[is(1, FIONBIO)]),
    only(libc::SYS_ioctl, &[is(1, SIOCGIFNAME)]),
    // Counters of a driver. The ethtool command is in memory, which seccomp cannot read.
    only(libc::SYS_ioctl, &[is(1, SIOCETHTOOL)]),
    // The limit of locked memory, before kernel 5.11.
    any(libc::SYS_prlimit64),
    // A secret in a file, whose owner is root or the daemon's user.
    any(libc::SYS_geteuid),
    // The timer that tells when the wall clock is set, armed again. The flags are TFD_TIMER_ABSTIME and
    // TFD_TIMER_CANCEL_ON_SET.
    only(libc::SYS_timerfd_settime, &[is(1, 3)]),
    // Metadata by path: imports by a pattern, `exit hold`, the type of a file before it is opened, and the identity of
    // the control socket and the pid file before they are removed.
    #[cfg(all(target_env = "musl", target_arch = "x86_64"))]
    any(libc::SYS_stat),
    #[cfg(all(target_env = "musl", target_arch = "x86_64"))]
    any(libc::SYS_lstat),
    any(libc::SYS_newfstatat),
    // glibc on a kernel without statx (4.11), and the time zone of syslog.
    #[cfg(not(target_env = "musl"))]
    any(libc::SYS_fstat),
    any(libc::SYS_lseek),
    // Large allocations that grow or are freed; with musl also the heap.
    any(libc::SYS_mremap),
    any(libc::SYS_madvise),
    only(libc::SYS_mprotect, &[bits(2, libc::PROT_EXEC, 0)]),
    #[cfg(target_env = "musl")]
    any(libc::SYS_brk),
    // Resumes a wait after the process was stopped and continued.
    any(libc::SYS_restart_syscall),
];

/// Settings and counters of a driver (`linux/sockios.h`).
const SIOCETHTOOL: c_int = 0x8946;
/// Reads the name of an interface (`linux/sockios.h`).
const SIOCGIFNAME: c_int = 0x8910;
