//! The file with the daemon's process id.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

/// A file with the daemon's process id, removed on drop.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        // From here on it is ours, and one that is not whole is removed.
        let written = Self(path.to_owned());
        file.write_all(format!("{}\n", process::id()).as_bytes())?;
        Ok(written)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Someone else may have removed it; that is what was wanted.
        let _ = fs::remove_file(&self.0);
    }
}
