//! The pid file.
//!
//! The daemon keeps a write lock on its pid file, so another daemon can tell the file of a running daemon from a stale
//! file. A user who may only read the file cannot take a write lock.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::base::files::{self, Identity};

/// Bytes of the longest process id, and a newline.
const MAX_LENGTH: usize = 11;

/// A locked file with the daemon's process id, removed on drop.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    identity: Identity,
    /// Keeps the lock, and the inode of `identity`.
    file: File,
}

impl PidFile {
    /// Creates the file and writes the process id. Replaces the file of a daemon that was killed.
    ///
    /// # Errors
    /// The errors of [`check`], and errors of the system.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        if let Some(stale) = check(path)? {
            stale.remove(path)?;
        }
        // The file is private until it is locked: a read lock of another user would conflict with the write lock.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path)?;
        let metadata = file.metadata().inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        // Created before the write, so that a partly written file is removed.
        let pid_file = Self {
            path: path.to_owned(),
            identity: Identity::of(&metadata),
            file,
        };
        let mut file = &pid_file.file;
        fcntl(file, FcntlArg::F_OFD_SETLK(&lock(libc::F_WRLCK)))?;
        file.write_all(format!("{}\n", process::id()).as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        Ok(pid_file)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // An error means that another process has removed the file.
        let _ = self.identity.remove(&self.path);
    }
}

/// The stale pid file at `path`; `None` if the path does not exist.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] for the file of a running daemon and for any file that is not a pid file, symbolic
/// links included; errors of the system.
pub(super) fn check(path: &Path) -> io::Result<Option<Identity>> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?.file_type(),
    };
    if !found.is_file() {
        let name = files::type_name(found);
        return Err(occupied(format_args!(
            "the path is {name}; remove it, or name another file with --pidfile"
        )));
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path)?;
    let mut text = Vec::new();
    let max = u64::try_from(MAX_LENGTH).unwrap_or(u64::MAX);
    (&file).take(max + 1).read_to_end(&mut text)?;
    let Some(pid) = parse(&text) else {
        return Err(occupied(format_args!(
            "the file does not contain a process id; name another file with --pidfile"
        )));
    };
    // A read lock conflicts only with the write lock of a daemon.
    let mut conflict = lock(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut conflict))?;
    if i32::from(conflict.l_type) != libc::F_UNLCK {
        return Err(occupied(format_args!(
            "the daemon with process id {pid} runs and uses the file; stop that daemon, or name another file with --pidfile"
        )));
    }
    Ok(Some(Identity::of(&file.metadata()?)))
}

/// The process id in a pid file; empty if the daemon was killed before it wrote the id. `None` for other content.
fn parse(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.len() < MAX_LENGTH).then_some(text)
}

/// A lock on the whole file.
fn lock(kind: libc::c_int) -> libc::flock {
    libc::flock {
        // Cannot fail: the lock types are 0, 1 and 2.
        l_type: libc::c_short::try_from(kind).unwrap_or_default(),
        l_whence: 0,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn occupied(message: std::fmt::Arguments<'_>) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, message.to_string())
}
