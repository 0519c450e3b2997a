//! Reads files up to a size limit, replaces files in one step, and identifies files by device and inode.

use std::ffi::OsString;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::libc;
use nix::unistd::geteuid;

/// A file's device and inode number. The numbers are unique while a descriptor keeps the inode in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The identity of the file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Removes the file at `path` if the file has this identity.
    ///
    /// # Errors
    /// Errors of `lstat` and `unlink`. Another file, or no file, at `path` is not an error.
    pub fn remove(self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(found) if Self::of(&found) == self => fs::remove_file(path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Standard output, written in pieces of 32 KiB. The buffer of std would search each text for line breaks.
///
/// # Errors
/// `EMFILE`.
pub fn stdout() -> io::Result<BufWriter<File>> {
    let fd = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(BufWriter::with_capacity(32 << 10, fd.into()))
}

/// The paths of all files in `folder`.
///
/// # Errors
/// The errors of `open` and `getdents`.
pub fn paths_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    Ok(paths)
}

/// Opens a regular file, or a symbolic link to one, for reading. Neither the call nor a read from the file blocks.
///
/// # Errors
/// [`io::ErrorKind::IsADirectory`], [`io::ErrorKind::InvalidInput`] for any other file that is not regular, and errors
/// of the system.
pub fn open(path: &Path) -> io::Result<File> {
    // Checked before opening: to open a device can have side effects, such as starting a watchdog.
    check_regular(fs::metadata(path)?.file_type())?;
    // Another file may have replaced the checked one. Some regular files block too, such as /proc/kmsg.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    check_regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// Fails unless only root and the user of this process can write to the folder at `path`.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`], and errors of the system.
pub fn check_folder(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    let is_trusted = found.uid() == 0 || found.uid() == geteuid().as_raw();
    if is_trusted && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let message = "other users may write to the folder; `chown` it to root, and `chmod go-w` it";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for a larger file, [`io::ErrorKind::InvalidInput`] for a read that would block, and
/// the errors of [`open`].
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    // The size is only the initial capacity: files of /proc and /sys have a size of 0 or of one page.
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    read_into(Vec::with_capacity(size.min(limit)), file, limit).map_err(|error| {
        match error.kind() {
            io::ErrorKind::WouldBlock => not_regular(&format!(
                "a file of the kernel that blocks its readers: {error}"
            )),
            _ => error,
        }
    })
}

/// Reads a stream of at most `limit` bytes to its end.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for a longer stream, and errors of the system.
pub fn read_all(from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    read_into(Vec::new(), from, limit)
}

/// Creates a file with permissions for its owner only. Replaces a file of a killed process; no link is followed.
///
/// # Errors
/// Errors of `unlink` and `open`.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Replaces the content of the file at `path` in one step, which a power cut does not undo. Mode, owner and a symbolic link
/// to the file stay; the file gets the time of change `modified`.
///
/// # Errors
/// Errors of the system; the file is unchanged, unless the error says otherwise.
pub fn replace(path: &Path, content: &[u8], modified: SystemTime) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let old = fs::metadata(&path)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // In the same folder, since a rename does not cross file systems.
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    let new = folder.join(hidden);
    let written = create(&new).and_then(|mut file| {
        file.write_all(content)?;
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
        file.set_permissions(old.permissions())?;
        file.set_modified(modified)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&new, &path)) {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        // Some file systems cannot sync folders.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(io::Error::other(
            format!("the file is replaced, but a power cut may undo that: {error}"),
        )),
        _ => Ok(()),
    }
}

/// The type of a file, with its article.
pub fn type_name(file: FileType) -> &'static str {
    if file.is_file() {
        "a regular file"
    } else if file.is_dir() {
        "a folder"
    } else if file.is_symlink() {
        "a symbolic link"
    } else if file.is_fifo() {
        "a FIFO"
    } else if file.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn check_regular(file: FileType) -> io::Result<()> {
    if file.is_file() {
        return Ok(());
    }
    if file.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Err(not_regular(type_name(file)))
}

fn not_regular(name: &str) -> io::Error {
    let message = format!("the path is {name}; name a regular file");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn read_into(mut bytes: Vec<u8>, from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let max = u64::try_from(limit).unwrap_or(u64::MAX);
    from.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        Err(io::ErrorKind::FileTooLarge.into())
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn replaced_file_keeps_mode_and_link_and_a_failure_leaves_no_file() {
        let name = format!("corexdp-replace-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (file, link, left) = (
            folder.join("file"),
            folder.join("link"),
            folder.join(".file.new"),
        );
        let modified = SystemTime::UNIX_EPOCH;
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        // A killed process left the file.
        fs::write(&left, "half").unwrap();
        replace(&link, b"new", modified).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o640);
        assert_eq!(metadata.modified().unwrap(), modified);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(!left.exists());

        // The file cannot be replaced by a file.
        let kind = replace(&folder, b"", modified).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::IsADirectory);
        let parent = folder.parent().unwrap();
        let names = paths_in(parent).unwrap();
        assert!(
            names
                .iter()
                .all(|path| !path.ends_with(".corexdp-replace.new"))
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn only_regular_files_are_read_and_only_the_same_file_is_removed() {
        let name = format!("corexdp-files-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (fifo, file, link) = (
            folder.join("fifo"),
            folder.join("file"),
            folder.join("link"),
        );
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let kind = |path: &Path| read(path, 4).unwrap_err().kind();
        assert_eq!(kind(&fifo), io::ErrorKind::InvalidInput);
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::InvalidInput);
        assert_eq!(kind(&folder), io::ErrorKind::IsADirectory);
        assert_eq!(kind(&folder.join("none")), io::ErrorKind::NotFound);
        assert_eq!(read(&link, 4).unwrap(), b"text");
        assert_eq!(
            read(&file, 3).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        let identity = Identity::of(&fs::metadata(&file).unwrap());
        for other in [&fifo, &link, &folder.join("none")] {
            identity.remove(other).unwrap();
        }
        assert!(fs::symlink_metadata(&link).is_ok() && fs::symlink_metadata(&fifo).is_ok());
        identity.remove(&file).unwrap();
        assert!(!file.exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
