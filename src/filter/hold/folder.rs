//! The folder of an interface's pins: its name, its lock, and who may write there.
//!
//! A daemon locks the folder as long as it owns the pins. The lock is of the kernel (`flock`): it ends with the process,
//! however that ends, and needs no file. Only the daemon's user may open the folder, so nobody else can hold the lock.
//!
//! A file system may be shared by several network namespaces, in which interfaces have the same names. The folders of the
//! initial namespace have the names of the interfaces; others have the number of the namespace as well.

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

use super::owner::holder;
use crate::base::files::Identity;
use crate::base::wait::sleep;
use crate::filter::refusal::PinError;
use crate::kernel::{errno, namespace, process};

/// The BPF file system.
const MOUNT: &str = "/sys/fs/bpf";
/// The folder of all pins.
const ROOT: &str = "/sys/fs/bpf/corexdp";
/// Mode of a folder.
const PRIVATE: u32 = 0o700;
/// Bits of a mode by which others than the owner may write.
const WRITABLE: u32 = 0o022;
/// Time for which a lock is awaited: its daemon may be about to end.
const PATIENCE: Duration = Duration::from_millis(300);
/// Time for which the lock of a daemon that is known to end is awaited.
const LONG_PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// The locked folder of an interface's pins. Dropping it ends the lock, and removes a folder without pins.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The folder itself, whose open description has the lock.
    lock: RefCell<File>,
}

impl Folder {
    /// Locks the folder at `path`; `None` if there is none.
    ///
    /// # Errors
    /// When a living daemon owns the folder, or another user may write there.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>, PinError> {
        if !root()? {
            return Ok(None);
        }
        let lock = lock(&path, PATIENCE)?.map(RefCell::new);
        Ok(lock.map(|lock| Self { path, lock }))
    }

    /// Locks the folder at `path` if no living daemon owns it; `None` if one does.
    pub(super) fn open_stale(path: PathBuf) -> Option<Self> {
        let lock = RefCell::new(lock(&path, Duration::ZERO).ok()??);
        Some(Self { path, lock })
    }

    /// Locks the folder at `path`, which is created if it is missing.
    ///
    /// # Errors
    /// As [`Folder::open`], and when there is no BPF file system.
    pub(super) fn create(path: PathBuf) -> Result<Self, PinError> {
        let lock = RefCell::new(create(&path)?);
        Ok(Self { path, lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder again if somebody removed it.
    pub(super) fn renew(&self) -> Result<(), PinError> {
        if !is_at(&self.lock.borrow(), &self.path)? {
            self.lock.replace(create(&self.path)?);
        }
        Ok(())
    }

    /// Moves the folder with its pins to `path`, where nothing may be.
    pub(super) fn rename(&mut self, path: PathBuf) -> Result<(), PinError> {
        let moved = fs::rename(&self.path, &path);
        moved
            .map_err(|error| PinError::new(&self.path, "cannot be renamed", Some(errno(&error))))?;
        self.path = path;
        Ok(())
    }

    /// Moves the folder out of the way of its interface, and ends the lock.
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
        // Fails while there are pins.
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

/// The interface to which the folder at `path` belongs; `None` for a folder of another namespace.
pub(super) fn interface(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.split('@').next()?;
    let name = name.replace("%40", "@").replace("%2E", ".");
    let name = name.replace("%25", "%");
    (self::path(&name).ok()? == path).then_some(name)
}

/// Name of the folder of this interface.
fn name(interface: &str, namespace: Option<u64>) -> String {
    // The file system allows no dot in a name; an interface may have one.
    let name = interface.replace('%', "%25").replace('.', "%2E");
    let name = name.replace('@', "%40");
    match namespace {
        Some(number) => format!("{name}@netns-{number}"),
        None => name,
    }
}

/// Paths of all folders.
pub(super) fn all() -> Vec<PathBuf> {
    if !matches!(root(), Ok(true)) {
        return Vec::new();
    }
    let names = fs::read_dir(ROOT).into_iter().flatten().flatten();
    names.map(|folder| folder.path()).collect()
}

/// Examines the folder of all pins; false if there is none.
fn root() -> Result<bool, PinError> {
    let path = Path::new(ROOT);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PinError::unknown(path, errno(&error))),
        Ok(found) => check(path, &found)?,
    }
    let mount = Path::new(MOUNT);
    let found = fs::symlink_metadata(mount);
    let found = found.map_err(|error| PinError::unknown(mount, errno(&error)))?;
    // With the sticky bit only its owner moves a folder.
    if found.mode() & WRITABLE != 0 && found.mode() & libc::S_ISVTX == 0 {
        let what =
            "is writable by other users, who could move the pins; `chmod 1777` or `chmod 0700` it";
        return Err(PinError::new(mount, what, None));
    }
    Ok(true)
}

/// Fails unless the daemon's user, or root, alone can write to the folder. Closes it to the eyes of others.
fn check(path: &Path, found: &Metadata) -> Result<(), PinError> {
    let refused = |what| Err(PinError::new(path, what, None));
    if !found.is_dir() {
        return refused("is no folder; move it away");
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
        // Made by an earlier version, or by hand. The confined daemon may not do this, and a reader does no harm.
        let _ = fs::set_permissions(path, Permissions::from_mode(PRIVATE));
    }
    Ok(())
}

/// Creates the folder at `path` if it is missing, and locks it.
fn create(path: &Path) -> Result<File, PinError> {
    is_mounted()?;
    make(Path::new(ROOT))?;
    root()?;
    loop {
        make(path)?;
        // A daemon that ends may just have removed it.
        match lock(path, PATIENCE) {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) => {}
            Err(error @ PinError::Owned(_)) => return Err(error),
            Err(error) => {
                // Fails while there are pins.
                let _ = fs::remove_dir(path);
                return Err(error);
            }
        }
    }
}

/// Makes a folder, unless it is there.
fn make(path: &Path) -> Result<(), PinError> {
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let errno = errno(&error);
            Err(PinError::new(path, "cannot be created", Some(errno)))
        }
        _ => Ok(()),
    }
}

/// Locks the folder at `path`; `None` if there is none.
fn lock(path: &Path, patience: Duration) -> Result<Option<File>, PinError> {
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
            // Else the owner removed the folder when it ended.
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => {
                let errno = errno(&error);
                return Err(PinError::new(path, "cannot be locked", Some(errno)));
            }
            _ if start.elapsed() < patience => sleep(PAUSE),
            _ => {
                let holder = holder(&found);
                let ends = holder.is_some_and(process::is_ending);
                if !ends || patience.is_zero() || start.elapsed() > LONG_PATIENCE {
                    return Err(PinError::Owned(holder));
                }
                sleep(PAUSE);
            }
        }
    }
}

/// True if the open folder is the one at `path`.
fn is_at(folder: &File, path: &Path) -> Result<bool, PinError> {
    let failed = |error: io::Error| PinError::unknown(path, errno(&error));
    let open = folder.metadata().map_err(failed)?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        there => Ok(Identity::of(&open) == Identity::of(&there.map_err(failed)?)),
    }
}

/// Fails unless the BPF file system is mounted.
fn is_mounted() -> Result<(), PinError> {
    let path = Path::new(MOUNT);
    match statfs(path) {
        Ok(there) if there.filesystem_type() == BPF_FS_MAGIC => Ok(()),
        Ok(_) | Err(Errno::ENOENT) => {
            let what =
                "is no BPF file system; `mount -t bpf -o mode=0700 bpf /sys/fs/bpf` makes it one";
            Err(PinError::new(path, what, None))
        }
        Err(errno) => Err(PinError::unknown(path, errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_initial_namespace_have_the_names_of_interfaces() {
        assert_eq!(name("eth0.5", None), "eth0%2E5");
        assert_eq!(name("eth0", Some(17)), "eth0@netns-17");
        assert_eq!(name("eth0@netns-17", None), "eth0%40netns-17");
    }
}
