//! User ids, capabilities, resource limits and Landlock.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;

use corexdp::http::cage::{self, ids, limits};
use corexdp::kernel::capability::{self, CapSet};
use corexdp::kernel::landlock;
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::{Uid, getpid, setuid};

use crate::inside::{Outcome, inside, parent, raw, unrestricted};

/// `PTRACE_SEIZE`.
const SEIZE: i64 = 0x4206;
/// `MCL_FUTURE`.
const FUTURE: i64 = 2;
const EPERM: Outcome = Outcome::Refused(Errno::EPERM);
const EACCES: Outcome = Outcome::Refused(Errno::EACCES);

/// An attempt and its name.
type Attempt<'a> = (&'a str, &'a dyn Fn() -> nix::Result<()>);

/// Fails unless each attempt succeeds without the restriction and has this outcome with the restriction.
fn is_denied(enter: &dyn Fn() -> nix::Result<()>, attempts: &[(Attempt<'_>, Outcome)]) {
    for ((name, attempt), outcome) in attempts {
        assert_eq!(
            inside(unrestricted, attempt),
            Outcome::Done,
            "{name}, outside"
        );
        assert_eq!(inside(enter, attempt), *outcome, "{name}, inside");
    }
}

fn errno(result: std::io::Result<impl Sized>) -> nix::Result<()> {
    let raw = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap());
    result.map(drop).map_err(raw)
}

/// Creates a file of this test that only root can read.
fn secret(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", getpid()));
    fs::write(&path, "secret\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Creates a map of a type that requires `CAP_BPF` even where unprivileged maps are allowed.
fn create_map() -> nix::Result<()> {
    let mut attributes = [0u32; 32];
    // BPF_MAP_TYPE_LRU_HASH, keys and values of 4 bytes, one entry.
    attributes[..4].copy_from_slice(&[9, 4, 4, 1]);
    // SAFETY: BPF_MAP_CREATE reads as many bytes of the attributes as the call says.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), 128) }).map(drop)
}

#[test]
fn nobody_cannot_read_secrets_or_become_root_again() {
    let secret = secret("ids");
    is_denied(
        &ids::become_nobody,
        &[
            (("read root's file", &|| errno(File::open(&secret))), EACCES),
            (("become root", &|| setuid(Uid::from_raw(0))), EPERM),
            (("signal root's process", &|| kill(parent(), None)), EPERM),
        ],
    );
    fs::remove_file(&secret).unwrap();
}

#[test]
fn root_without_capabilities_is_an_ordinary_user() {
    is_denied(
        &|| capability::keep(CapSet::empty()),
        &[
            (
                ("mount namespace", &|| unshare(CloneFlags::CLONE_NEWNS)),
                EPERM,
            ),
            (("a map", &create_map), EPERM),
            (
                ("become another", &|| setuid(Uid::from_raw(ids::NOBODY))),
                EPERM,
            ),
            (
                ("trace root's process", &|| {
                    raw(libc::SYS_ptrace, [SEIZE, parent().as_raw().into(), 0, 0])
                }),
                EPERM,
            ),
        ],
    );
}

/// Runs a program that needs a capability. A program that root runs gets all capabilities of the bounding set, unless
/// `no_new_privs` is set.
fn run_privileged_program() -> nix::Result<()> {
    let ran = Command::new("unshare").args(["--mount", "true"]).output();
    match ran.map(|output| output.status.success()) {
        Ok(true) => Ok(()),
        _ => Err(Errno::EPERM),
    }
}

#[test]
fn exec_does_not_restore_capabilities() {
    let powerless = || capability::keep(CapSet::empty());
    assert_eq!(inside(powerless, run_privileged_program), Outcome::Done);
    let bounded = || {
        capability::bound(CapSet::empty());
        powerless()
    };
    assert_eq!(inside(bounded, run_privileged_program), EPERM);
    let nothing_new = || {
        prctl::set_no_new_privs()?;
        powerless()
    };
    assert_eq!(inside(nothing_new, run_privileged_program), EPERM);
}

/// Opens a `/proc` file of this process from another process of the same user.
fn inspect_from_outside() -> nix::Result<()> {
    let file = format!("/proc/{}/environ", getpid());
    match inside(unrestricted, || errno(File::open(&file))) {
        Outcome::Refused(errno) => Err(errno),
        _ => Ok(()),
    }
}

#[test]
fn undumpable_processes_cannot_be_inspected() {
    for (dumpable, outcome) in [(true, Outcome::Done), (false, EACCES)] {
        let enter = || {
            ids::become_nobody()?;
            prctl::set_dumpable(dumpable)
        };
        assert_eq!(inside(enter, inspect_from_outside), outcome, "{dumpable}");
    }
}

/// Maps this much private writable memory.
pub(crate) fn take(bytes: u64) -> nix::Result<()> {
    let size = usize::try_from(bytes).unwrap().try_into().unwrap();
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: the kernel chooses the address, so no mapping is replaced.
    let memory = unsafe { mmap_anonymous(None, size, access, MapFlags::MAP_PRIVATE) };
    memory.map(drop)
}

fn open_many() -> nix::Result<()> {
    let files = (0..limits::DESCRIPTORS).map(|_| File::open("/dev/null"));
    errno(files.collect::<Result<Vec<_>, _>>())
}

#[test]
fn resource_limits_are_exact() {
    let secret = secret("limits");
    let write = || {
        // The default action of SIGXFSZ ends the process.
        // SAFETY: the signal is ignored, so no handler runs.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
        let mut file = File::create(&secret).map_err(|_| Errno::ENOENT)?;
        errno(file.write_all(b"more"))
    };
    let refused = Outcome::Refused;
    is_denied(
        &limits::lower,
        &[
            (("descriptors", &open_many), refused(Errno::EMFILE)),
            (("memory", &|| take(limits::DATA)), refused(Errno::ENOMEM)),
            (("a file", &write), refused(Errno::EFBIG)),
        ],
    );
    let lock = || {
        ids::become_nobody()?;
        raw(libc::SYS_mlockall, [FUTURE, 0, 0, 0])
    };
    is_denied(&limits::lower, &[(("locked memory", &lock), EPERM)]);
    fs::remove_file(&secret).unwrap();
}

/// Each version of Landlock denies more. Acts that this kernel's version cannot deny must still succeed.
/// Version of Landlock in this kernel; 0 without Landlock.
fn landlock_version() -> i32 {
    let version = inside(unrestricted, || {
        prctl::set_no_new_privs()?;
        let version = landlock::deny_everything()?;
        Err(Errno::from_raw(i32::try_from(version).unwrap()))
    });
    match version {
        Outcome::Refused(version) => version as i32,
        Outcome::Done => 0,
        Outcome::Ended(_) => panic!("{version:?}"),
    }
}

#[test]
fn landlock_denies_what_this_kernel_can_deny() {
    let version = landlock_version();
    let (public, tcp) = (
        PathBuf::from("/etc/passwd"),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let abstract_name = format!("cxt-{}", getpid());
    let name = || SocketAddr::from_abstract_name(&abstract_name);
    let _unix = UnixListener::bind_addr(&name().unwrap()).unwrap();
    let address = tcp.local_addr().unwrap();
    let created = PathBuf::from(format!("/tmp/cxt-landlock-{}", getpid()));
    let attempts: [(Attempt<'_>, i32, Outcome); 6] = [
        (("read a file", &|| errno(File::open(&public))), 1, EACCES),
        (("list a folder", &|| errno(fs::read_dir("/"))), 1, EACCES),
        (
            ("make a file", &|| errno(File::create(&created))),
            1,
            EACCES,
        ),
        (
            ("connect", &|| errno(TcpStream::connect(address))),
            4,
            EACCES,
        ),
        (
            ("a foreign socket", &|| {
                errno(UnixStream::connect_addr(&name().unwrap()))
            }),
            6,
            EPERM,
        ),
        (
            ("signal a foreign process", &|| kill(parent(), None)),
            6,
            EPERM,
        ),
    ];
    let enter = || {
        prctl::set_no_new_privs()?;
        landlock::deny_everything().map(drop)
    };
    for (attempt, since, outcome) in attempts {
        is_denied(
            &enter,
            &[(
                attempt,
                if version >= since {
                    outcome
                } else {
                    Outcome::Done
                },
            )],
        );
    }
    fs::remove_file(&created).unwrap();
}

/// The worker applies all restrictions in this order.
#[test]
fn all_restrictions_hold_together() {
    let cage = cage::give_up;
    let hold = |name: &str, attempt: &dyn Fn() -> nix::Result<()>, outcome: Outcome| {
        assert_eq!(inside(cage, attempt), outcome, "{name}");
    };
    hold("become root", &|| setuid(Uid::from_raw(0)), EPERM);
    hold("a map", &create_map, EPERM);
    hold(
        "memory",
        &|| take(limits::DATA),
        Outcome::Refused(Errno::ENOMEM),
    );
    hold("a program", &run_privileged_program, EPERM);
    hold(
        "no new privileges",
        &|| match prctl::get_no_new_privs() {
            Ok(true) => Err(Errno::EPERM),
            _ => Ok(()),
        },
        EPERM,
    );
    let closed = || {
        cage()?;
        cage::close()
    };
    let getppid = || raw(libc::SYS_getppid, [0; 4]);
    assert_eq!(inside(closed, getppid), Outcome::Ended(Signal::SIGSYS));
}
