//! The folder of an interface's pins: its name, its lock and its permissions.
//!
//! A daemon locks the folder while it owns the pins. The lock is a `flock(2)` on the folder itself: the kernel releases
//! the lock when the process ends, even by `SIGKILL`. Only the daemon's user may open the folder, so no other user can
//! hold the lock.
//!
//! Several network namespaces may share one BPF file system and have interfaces of the same name. In the initial
//! namespace a folder has the name of its interface; elsewhere the number of the namespace is appended.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use nix::unistd::geteuid;

use super::owner::lock_owner;
use crate::base::files::{self, Identity};
use crate::base::wait::sleep;
use crate::filter::refusal::PinError;
use crate::kernel::{errno, namespace, process};

/// Mount point of the BPF file system.
const MOUNT: &str = "/sys/fs/bpf";
/// The folder of the folders of all interfaces.
const ROOT: &str = "/sys/fs/bpf/corexdp";
/// Permissions of a folder.
const PRIVATE: u32 = 0o700;
/// Permission bits that allow group and others to write.
const WRITABLE: u32 = 0o022;
/// Time to wait for a lock: its owner may be about to exit.
const LOCK_TIMEOUT: Duration = Duration::from_millis(300);
/// Time to wait for the lock of a process that is exiting.
const EXITING_LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The locked folder of an interface's pins. Dropping this value releases the lock, and removes the folder if it is
/// empty.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Descriptor of the folder, which holds the lock.
    lock: RefCell<File>,
}

impl Folder {
    /// Locks the folder at `path`; `None` if the folder does not exist.
    ///
    /// # Errors
    /// When a running daemon owns the folder, or another user may write to it.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>, PinError> {
        if !check_root()? {
            return Ok(None);
        }
        let lock = lock(&path, LOCK_TIMEOUT)?.map(RefCell::new);
        Ok(lock.map(|lock| Self { path, lock }))
    }

    /// Locks the folder at `path` without waiting; `None` if a running daemon owns the folder.
    pub(super) fn open_stale(path: PathBuf) -> Option<Self> {
        let lock = RefCell::new(lock(&path, Duration::ZERO).ok()??);
        Some(Self { path, lock })
    }

    /// Creates the folder at `path` if it is missing, and locks it.
    ///
    /// # Errors
    /// The errors of [`Folder::open`], and an error when there is no BPF file system.
    pub(super) fn create(path: PathBuf) -> Result<Self, PinError> {
        let lock = RefCell::new(create(&path)?);
        Ok(Self { path, lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder again if it was removed meanwhile.
    pub(super) fn renew(&self) -> Result<(), PinError> {
        if !is_at(&self.lock.borrow(), &self.path)? {
            self.lock.replace(create(&self.path)?);
        }
        Ok(())
    }

    /// Moves the folder with its pins to `path`, which must not exist.
    pub(super) fn rename(&mut self, path: PathBuf) -> Result<(), PinError> {
        let moved = fs::rename(&self.path, &path);
        moved
            .map_err(|error| PinError::new(&self.path, "cannot be renamed", Some(errno(&error))))?;
        self.path = path;
        Ok(())
    }

    /// Moves the folder to a name that belongs to no interface.
    pub(super) fn set_aside(&mut self) -> Result<&Path, PinError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('@').next().unwrap_or_default();
        let inode = self.lock.borrow().metadata().map_or(0, |data| data.ino());
        self.rename(Path::new(ROOT).join(format!("{name}@left-{inode}")))?;
        Ok(&self.path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Removal fails while the folder has pins.
        if !matches!(is_at(self.lock.get_mut(), &self.path), Ok(false)) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Path of the folder of this interface in the network namespace of this process.
pub(super) fn path(interface: &str) -> Result<PathBuf, PinError> {
    let namespace = namespace::network()
        .map_err(|errno| PinError::unknown(Path::new("/proc/thread-self/ns/net"), errno))?;
    Ok(Path::new(ROOT).join(name(interface, namespace)))
}

/// Name of the interface to which the folder at `path` belongs; `None` for a folder of another namespace.
pub(super) fn interface(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.split('@').next()?;
    let name = name.replace("%40", "@").replace("%2E", ".");
    let name = name.replace("%25", "%");
    (self::path(&name).ok()? == path).then_some(name)
}

/// Name of the folder of this interface.
fn name(interface: &str, namespace: Option<u64>) -> String {
    // The BPF file system allows no dot in a name; names of interfaces may contain dots.
    let name = interface.replace('%', "%25").replace('.', "%2E");
    let name = name.replace('@', "%40");
    match namespace {
        Some(number) => format!("{name}@netns-{number}"),
        None => name,
    }
}

/// Paths of the folders of all interfaces.
pub(super) fn all() -> Vec<PathBuf> {
    if !matches!(check_root(), Ok(true)) {
        return Vec::new();
    }
    files::paths_in(Path::new(ROOT)).unwrap_or_default()
}

/// Checks the permissions of the root folder and of the mount point; false if the root folder does not exist.
fn check_root() -> Result<bool, PinError> {
    let path = Path::new(ROOT);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PinError::unknown(path, errno(&error))),
        Ok(found) => check(path, &found)?,
    }
    let mount = Path::new(MOUNT);
    let found = fs::symlink_metadata(mount);
    let found = found.map_err(|error| PinError::unknown(mount, errno(&error)))?;
    // With the sticky bit, only the owner of a folder can move it.
    if found.mode() & WRITABLE != 0 && found.mode() & libc::S_ISVTX == 0 {
        let what =
            "is writable by other users, who could move the pins; `chmod 1777` or `chmod 0700` it";
        return Err(PinError::new(mount, what, None));
    }
    Ok(true)
}

/// Fails unless only the daemon's user or root can write to the folder. Removes the read permission of other users.
fn check(path: &Path, found: &Metadata) -> Result<(), PinError> {
    let refused = |what| Err(PinError::new(path, what, None));
    if !found.is_dir() {
        return refused("is not a folder; move it away");
    }
    if found.uid() != 0 && found.uid() != geteuid().as_raw() {
        return refused(
            "belongs to another user, who may have made pins there; remove it, and mount with `-o mode=0700`",
        );
    }
    if found.mode() & WRITABLE != 0 {
        return refused(
            "is writable by other users, who may have made pins there; look for such pins, then `chmod 0700` it",
        );
    }
    if found.mode() & 0o777 & !PRIVATE != 0 {
        // An earlier version of corexdp, or the operator, created the folder. Failure is ignored, since reading does no
        // harm: the confined daemon may not change permissions.
        let _ = fs::set_permissions(path, Permissions::from_mode(PRIVATE));
    }
    Ok(())
}

/// Creates the folder at `path` if it is missing, and locks it.
fn create(path: &Path) -> Result<File, PinError> {
    check_mounted()?;
    make_folder(Path::new(ROOT))?;
    check_root()?;
    loop {
        make_folder(path)?;
        match lock(path, LOCK_TIMEOUT) {
            Ok(Some(lock)) => return Ok(lock),
            // A daemon that exited removed the folder meanwhile.
            Ok(None) => {}
            Err(error @ PinError::Owned(_)) => return Err(error),
            Err(error) => {
                // Removal fails while the folder has pins.
                let _ = fs::remove_dir(path);
                return Err(error);
            }
        }
    }
}

/// Creates a folder unless it exists.
fn make_folder(path: &Path) -> Result<(), PinError> {
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let errno = errno(&error);
            Err(PinError::new(path, "cannot be created", Some(errno)))
        }
        _ => Ok(()),
    }
}

/// Locks the folder at `path`, and waits for the lock for at most `timeout`, longer if the owner is exiting. `None` if the
/// folder does not exist.
fn lock(path: &Path, timeout: Duration) -> Result<Option<File>, PinError> {
    let start = Instant::now();
    let failed = |error: &io::Error| PinError::new(path, "cannot be opened", Some(errno(error)));
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    loop {
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(flags).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| failed(&error))?,
        };
        let found = file.metadata().map_err(|error| failed(&error))?;
        check(path, &found)?;
        match file.try_lock() {
            // If the open folder is not the one at `path`, the previous owner removed it on exit.
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => {
                let errno = errno(&error);
                return Err(PinError::new(path, "cannot be locked", Some(errno)));
            }
            _ if start.elapsed() < timeout => sleep(RETRY_INTERVAL),
            _ => {
                let owner = lock_owner(&found);
                let exits = owner.is_some_and(process::is_ending);
                if !exits || timeout.is_zero() || start.elapsed() > EXITING_LOCK_TIMEOUT {
                    return Err(PinError::Owned(owner));
                }
                sleep(RETRY_INTERVAL);
            }
        }
    }
}

/// True if the open folder is the folder at `path`.
fn is_at(folder: &File, path: &Path) -> Result<bool, PinError> {
    let failed = |error: io::Error| PinError::unknown(path, errno(&error));
    let open = folder.metadata().map_err(failed)?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => Ok(Identity::of(&open) == Identity::of(&found.map_err(failed)?)),
    }
}

/// Fails unless the BPF file system is mounted.
fn check_mounted() -> Result<(), PinError> {
    let path = Path::new(MOUNT);
    match statfs(path) {
        Ok(found) if found.filesystem_type() == BPF_FS_MAGIC => Ok(()),
        Ok(_) | Err(Errno::ENOENT) => {
            let what = "is not a BPF file system; `mount -t bpf -o mode=0700 bpf /sys/fs/bpf` makes it one";
            Err(PinError::new(path, what, None))
        }
        Err(errno) => Err(PinError::unknown(path, errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_escape_the_interface_and_append_the_namespace() {
        assert_eq!(name("eth0.5", None), "eth0%2E5");
        assert_eq!(name("eth0", Some(17)), "eth0@netns-17");
        assert_eq!(name("eth0@netns-17", None), "eth0%40netns-17");
    }
}
