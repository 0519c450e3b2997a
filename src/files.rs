//! The files and variables that a Corefile may name.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::corefile::Host;

/// This machine, as [`crate::corefile`] asks of it.
#[derive(Debug, Default)]
pub struct Machine;

impl Host for Machine {
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>> {
        read(Path::new(path), limit)
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let names =
            fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn exists(&mut self, path: &str) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    fn var(&mut self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

/// The content of a file of at most `limit` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for more, and what the system says.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    read_into(Vec::with_capacity(size.min(limit)), file, limit)
}

/// Everything there is to read, at most `limit` bytes.
///
/// # Errors
/// As [`read`].
pub fn read_all(from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    read_into(Vec::new(), from, limit)
}

fn read_into(mut bytes: Vec<u8>, from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        Err(io::ErrorKind::FileTooLarge.into())
    } else {
        Ok(bytes)
    }
}
