//! The pid file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

/// A file with the daemon's process id, removed on drop.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Creates the file and writes the process id.
    ///
    /// # Errors
    /// The error of the system call.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        // Owned before the write, so that a partly written file is removed.
        let pid_file = Self(path.to_owned());
        file.write_all(format!("{}\n", process::id()).as_bytes())?;
        Ok(pid_file)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // An error means that another process removed the file already.
        let _ = fs::remove_file(&self.0);
    }
}
