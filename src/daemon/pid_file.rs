//! The pid file.
//!
//! The daemon holds a write lock on its pid file, so another daemon can tell a living daemon's file from a stale one.
//! A user who can only read the file cannot take such a lock.

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
    /// As [`check`], and errors of the system.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        if let Some(stale) = check(path)? {
            stale.remove(path)?;
        }
        // Private until it is locked: a reader's lock would refuse the daemon's.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path)?;
        let metadata = file.metadata().inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        // Owned before the write, so that a partly written file is removed.
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
        // An error means that another process removed the file already.
        let _ = self.identity.remove(&self.path);
    }
}

/// The stale pid file at `path`, if one is there.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] for the file of a living daemon and for any file that is no pid file, symbolic links
/// included; errors of the system.
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
            "the file holds no process id; name another file with --pidfile"
        )));
    };
    // A read lock conflicts with the lock of a daemon only.
    let mut holder = lock(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut holder))?;
    if i32::from(holder.l_type) != libc::F_UNLCK {
        return Err(occupied(format_args!(
            "the daemon with process id {pid} runs and uses the file; stop that daemon, or name another file with --pidfile"
        )));
    }
    Ok(Some(Identity::of(&file.metadata()?)))
}

/// The process id in a pid file; empty for a daemon that was killed before it wrote the id.
fn parse(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.len() < MAX_LENGTH).then_some(text)
}

/// A lock on the whole file.
fn lock(kind: libc::c_int) -> libc::flock {
    libc::flock {
        // The kernel's three types are 0, 1 and 2.
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
