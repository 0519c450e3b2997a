//! Ids, capabilities, limits, Landlock.

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

use crate::inside::{Came, free, inside, outsider, raw};

/// `PTRACE_SEIZE`.
const SEIZE: i64 = 0x4206;
/// `MCL_FUTURE`.
const FUTURE: i64 = 2;
const EPERM: Came = Came::Refused(Errno::EPERM);
const EACCES: Came = Came::Refused(Errno::EACCES);

/// An attempt by name.
type Attempt<'a> = (&'a str, &'a dyn Fn() -> nix::Result<()>);

/// Each attempt succeeds outside and comes to `then` inside.
fn bites(enter: &dyn Fn() -> nix::Result<()>, attempts: &[(Attempt<'_>, Came)]) {
    for ((name, attempt), then) in attempts {
        assert_eq!(inside(free, attempt), Came::Done, "{name}, outside");
        assert_eq!(inside(enter, attempt), *then, "{name}, inside");
    }
}

fn errno(result: std::io::Result<impl Sized>) -> nix::Result<()> {
    let raw = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap());
    result.map(drop).map_err(raw)
}

/// A file of this test's own, for root only.
fn secret(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, "secret\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Makes a map of a kind that needs `CAP_BPF` even where unprivileged maps are allowed.
fn make_map() -> nix::Result<()> {
    let mut attributes = [0u32; 32];
    // BPF_MAP_TYPE_LRU_HASH, keys and values of 4 bytes, one entry.
    attributes[..4].copy_from_slice(&[9, 4, 4, 1]);
    // SAFETY: BPF_MAP_CREATE reads as many bytes as are said.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), 128) }).map(drop)
}

#[test]
fn nobody_cannot_read_secrets_or_become_root_again() {
    let secret = secret("ids");
    bites(
        &ids::become_nobody,
        &[
            (("read root's file", &|| errno(File::open(&secret))), EACCES),
            (("become root", &|| setuid(Uid::from_raw(0))), EPERM),
            (("signal root's process", &|| kill(outsider(), None)), EPERM),
        ],
    );
    fs::remove_file(&secret).unwrap();
}

#[test]
fn root_without_capabilities_is_an_ordinary_user() {
    bites(
        &|| capability::keep(CapSet::empty()),
        &[
            (
                ("mount namespace", &|| unshare(CloneFlags::CLONE_NEWNS)),
                EPERM,
            ),
            (("a map", &make_map), EPERM),
            (
                ("become another", &|| setuid(Uid::from_raw(ids::NOBODY))),
                EPERM,
            ),
            (
                ("trace root's process", &|| {
                    raw(libc::SYS_ptrace, [SEIZE, outsider().as_raw().into(), 0, 0])
                }),
                EPERM,
            ),
        ],
    );
}

/// A program that root runs gets all capabilities of the bounding set, unless `no_new_privs` is set.
fn run_something_mighty() -> nix::Result<()> {
    let ran = Command::new("unshare").args(["--mount", "true"]).output();
    match ran.map(|output| output.status.success()) {
        Ok(true) => Ok(()),
        _ => Err(Errno::EPERM),
    }
}

#[test]
fn exec_does_not_restore_capabilities() {
    let powerless = || capability::keep(CapSet::empty());
    assert_eq!(inside(powerless, run_something_mighty), Came::Done);
    let bounded = || {
        capability::bound(CapSet::empty());
        powerless()
    };
    assert_eq!(inside(bounded, run_something_mighty), EPERM);
    let nothing_new = || {
        prctl::set_no_new_privs()?;
        powerless()
    };
    assert_eq!(inside(nothing_new, run_something_mighty), EPERM);
}

/// Lets another process of the same user read the memory of this one.
fn look_into() -> nix::Result<()> {
    let file = format!("/proc/{}/environ", getpid());
    match inside(free, || errno(File::open(&file))) {
        Came::Refused(errno) => Err(errno),
        _ => Ok(()),
    }
}

#[test]
fn undumpable_processes_cannot_be_inspected() {
    for (dumpable, came) in [(true, Came::Done), (false, EACCES)] {
        let enter = || {
            ids::become_nobody()?;
            prctl::set_dumpable(dumpable)
        };
        assert_eq!(inside(enter, look_into), came, "{dumpable}");
    }
}

/// As much private memory as this, for writing.
pub(crate) fn take(bytes: u64) -> nix::Result<()> {
    let size = usize::try_from(bytes).unwrap().try_into().unwrap();
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: no address is asked for, so nothing that is mapped is replaced.
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
        // Its default is to end the process.
        // SAFETY: no handler of ours runs.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
        let mut file = File::create(&secret).map_err(|_| Errno::ENOENT)?;
        errno(file.write_all(b"more"))
    };
    let refused = Came::Refused;
    bites(
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
    bites(&limits::lower, &[(("locked memory", &lock), EPERM)]);
    fs::remove_file(&secret).unwrap();
}

/// Each version of Landlock denies more; what this kernel's does not know must still be possible.
#[test]
fn landlock_denies_what_this_kernel_can_deny() {
    let version = inside(free, || {
        prctl::set_no_new_privs()?;
        let version = landlock::deny_everything()?;
        Err(Errno::from_raw(i32::try_from(version).unwrap()))
    });
    let version = match version {
        Came::Refused(version) => version as i32,
        Came::Done => 0,
        Came::Ended(_) => panic!("{version:?}"),
    };
    let (public, tcp) = (
        PathBuf::from("/etc/passwd"),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let abstract_name = format!("cxt-{}", getpid());
    let name = || SocketAddr::from_abstract_name(&abstract_name);
    let _unix = UnixListener::bind_addr(&name().unwrap()).unwrap();
    let address = tcp.local_addr().unwrap();
    let attempts: [(Attempt<'_>, i32, Came); 6] = [
        (("read a file", &|| errno(File::open(&public))), 1, EACCES),
        (("list a folder", &|| errno(fs::read_dir("/"))), 1, EACCES),
        (
            ("make a file", &|| errno(File::create("/tmp/cxt-landlock"))),
            1,
            EACCES,
        ),
        (
            ("connect", &|| errno(TcpStream::connect(address))),
            4,
            EACCES,
        ),
        (
            ("a stranger's socket", &|| {
                errno(UnixStream::connect_addr(&name().unwrap()))
            }),
            6,
            EPERM,
        ),
        (("signal a stranger", &|| kill(outsider(), None)), 6, EPERM),
    ];
    let enter = || {
        prctl::set_no_new_privs()?;
        landlock::deny_everything().map(drop)
    };
    for (attempt, since, came) in attempts {
        bites(
            &enter,
            &[(attempt, if version >= since { came } else { Came::Done })],
        );
    }
    fs::remove_file("/tmp/cxt-landlock").unwrap();
}

/// The worker goes through all of it, in this order.
#[test]
fn all_restrictions_hold_together() {
    let cage = cage::give_up;
    let hold = |name: &str, attempt: &dyn Fn() -> nix::Result<()>, came: Came| {
        assert_eq!(inside(cage, attempt), came, "{name}");
    };
    hold("become root", &|| setuid(Uid::from_raw(0)), EPERM);
    hold("a map", &make_map, EPERM);
    hold(
        "memory",
        &|| take(limits::DATA),
        Came::Refused(Errno::ENOMEM),
    );
    hold("a program", &run_something_mighty, EPERM);
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
    assert_eq!(inside(closed, getppid), Came::Ended(Signal::SIGSYS));
}
