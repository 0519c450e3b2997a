//! Reads files up to a size limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for a larger file, [`io::ErrorKind::IsADirectory`], and errors of the system.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    read_into(Vec::with_capacity(size.min(limit)), file, limit)
}

/// Reads a stream of at most `limit` bytes to its end.
///
/// # Errors
/// As [`read`].
pub fn read_all(from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    read_into(Vec::new(), from, limit)
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
