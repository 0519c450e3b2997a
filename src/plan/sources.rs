//! The sources of a plan: each file and folder that the plan depends on, with a digest of its state. As long as no
//! digest changes, a new plan would equal the old one.

use std::cell::Cell;
use std::fs;
use std::hash::Hasher as _;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::unistd::geteuid;

use crate::base::capacity::MAX_VALUE;
use crate::base::digest::{self, Digest};
use crate::base::files;
use crate::corefile::Host;

/// Size of a read in bytes.
const CHUNK: usize = 4096;
/// Size of a file's digested part in bytes. No file that a plan accepts is larger.
const MAX_DIGESTED: u64 = 256 << 20;

/// Size of a secret's file in bytes: digits of the longest value, `0x` and a line break.
const MAX_SECRET: usize = 2 * MAX_VALUE + 3;

/// Seconds after which a change of a file gives the file another time.
const STAMP_AGE: u64 = 2;

/// The dependencies of a plan.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Dependency>);

#[derive(Clone, Debug)]
struct Dependency {
    aspect: Aspect,
    path: PathBuf,
    digest: u64,
    /// True for a list, of megabytes.
    is_large: bool,
    /// Stamp with which a large file's content had the digest, if a change since then gives another stamp.
    stamp: Cell<Option<Stamp>>,
}

/// Properties of a file that change with its content: device, inode, size, and the time of its last change.
type Stamp = [u64; 5];

/// The aspect of a path that a plan depends on.
#[derive(Clone, Copy, Debug)]
enum Aspect {
    /// The content of a file.
    Content,
    /// The names in a folder.
    Names,
    /// Existence, symbolic links not followed.
    Exists,
    /// The content of a file that only its owner may read.
    Secret,
}

impl Sources {
    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// The errors of [`files::read`].
    pub fn content(&mut self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        self.recorded(Aspect::Content, path, files::read(path, limit))
    }

    /// Reads a file of at most [`MAX_SECRET`] bytes that belongs to root or the user of this process, and that nobody else
    /// may read.
    ///
    /// # Errors
    /// The errors of [`files::read`], and [`io::ErrorKind::InvalidData`] for other owners and permissions.
    pub fn secret(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.recorded(Aspect::Secret, path, read_secret(path))
    }

    /// Records and returns the content of a file.
    fn recorded(
        &mut self,
        aspect: Aspect,
        path: &Path,
        content: io::Result<Vec<u8>>,
    ) -> io::Result<Vec<u8>> {
        let digest = match &content {
            Ok(bytes) => digest_of(&mut bytes.as_slice()),
            Err(_) => aspect.digest(path),
        };
        self.record(aspect, path, digest);
        content
    }

    /// Reads a file of at most `limit` bytes piece by piece. Returns the time of its last change.
    ///
    /// # Errors
    /// The errors of [`files::open`] and of reading, and [`io::ErrorKind::FileTooLarge`].
    pub fn stream(
        &mut self,
        path: &Path,
        limit: u64,
        visit: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Option<SystemTime>> {
        let (mut hasher, mut modified) = (Digest::default(), None);
        let read = files::open(path).and_then(|mut file| {
            let metadata = file.metadata()?;
            if metadata.len() > limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            modified = metadata.modified().ok();
            let mut chunk = [0; CHUNK];
            let mut size = 0;
            loop {
                let bytes = read_chunk(&mut file, &mut chunk)?;
                size += bytes.len() as u64;
                match bytes {
                    [] => return Ok(()),
                    _ if size > limit => return Err(io::ErrorKind::FileTooLarge.into()),
                    bytes => {
                        hasher.write(bytes);
                        visit(bytes);
                    }
                }
            }
        });
        let digest = match &read {
            Ok(()) => hasher.finish(),
            Err(_) => Aspect::Content.digest(path),
        };
        self.record(Aspect::Content, path, digest);
        if let Some(last) = self.0.last_mut() {
            last.is_large = true;
        }
        read.map(|()| modified)
    }

    /// Digest of the file that was read first, the Corefile; `None` before the first read.
    pub fn first_digest(&self) -> Option<u64> {
        self.0.first().map(|first| first.digest)
    }

    /// Records that the content of the file that was read first is at `path` now.
    pub fn move_first(&mut self, path: &Path) {
        if let Some(first) = self.0.first_mut() {
            path.clone_into(&mut first.path);
        }
    }

    /// True if any dependency has changed.
    pub fn have_changed(&self) -> bool {
        self.0.iter().any(Dependency::has_changed)
    }

    fn record(&mut self, aspect: Aspect, path: &Path, digest: u64) {
        self.0.push(Dependency {
            aspect,
            path: path.to_owned(),
            digest,
            is_large: false,
            stamp: Cell::new(None),
        });
    }
}

impl Dependency {
    fn has_changed(&self) -> bool {
        if !self.is_large {
            return self.aspect.digest(&self.path) != self.digest;
        }
        // The content is not read again while the file has the same stamp.
        let stamp = stamp_of(&self.path);
        if stamp.is_some() && stamp == self.stamp.get() {
            return false;
        }
        let has_changed = self.aspect.digest(&self.path) != self.digest;
        self.stamp.set(stamp.filter(|_| !has_changed));
        has_changed
    }
}

/// The file system and environment of this process. Environment variables are not recorded: they do not change while
/// the process runs.
impl Host for Sources {
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>> {
        self.content(Path::new(path), limit)
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let names = names(Path::new(dir));
        self.record(Aspect::Names, Path::new(dir), digest_of_names(&names));
        names
    }

    fn exists(&mut self, path: &str) -> bool {
        let path = Path::new(path);
        let exists = exists(path);
        self.record(Aspect::Exists, path, u64::from(exists));
        exists
    }

    fn var(&mut self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

impl Aspect {
    fn digest(self, path: &Path) -> u64 {
        match self {
            Self::Content => match files::open(path) {
                Ok(file) => digest_of(&mut file.take(MAX_DIGESTED)),
                Err(error) => digest_of_error(&error),
            },
            Self::Names => digest_of_names(&names(path)),
            Self::Exists => u64::from(exists(path)),
            Self::Secret => match read_secret(path) {
                Ok(bytes) => digest_of(&mut bytes.as_slice()),
                Err(error) => digest_of_error(&error),
            },
        }
    }
}

/// The stamp of a file; `None` if the file could change without another stamp, because its last change is recent.
fn stamp_of(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let changed = metadata.ctime().cast_unsigned();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    (now.ok()?.as_secs() > changed.saturating_add(STAMP_AGE)).then(|| {
        [
            metadata.dev(),
            metadata.ino(),
            metadata.len(),
            changed,
            metadata.ctime_nsec().cast_unsigned(),
        ]
    })
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn read_secret(path: &Path) -> io::Result<Vec<u8>> {
    let file = files::open(path)?;
    let metadata = file.metadata()?;
    let owner = metadata.uid();
    let is_owned = owner == 0 || owner == geteuid().as_raw();
    if !is_owned || metadata.mode() & 0o077 != 0 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    files::read_all(file, MAX_SECRET)
}

fn digest_of(content: &mut dyn io::Read) -> u64 {
    let mut hasher = Digest::default();
    let mut chunk = [0; CHUNK];
    loop {
        match read_chunk(content, &mut chunk) {
            Ok([]) => return hasher.finish(),
            Ok(bytes) => hasher.write(bytes),
            Err(error) => return digest_of_error(&error),
        }
    }
}

/// Reads a full chunk unless the content ends. Equal contents thus give equal chunks and digests, whatever a single
/// `read` returns.
fn read_chunk<'a>(content: &mut dyn io::Read, chunk: &'a mut [u8; CHUNK]) -> io::Result<&'a [u8]> {
    let mut length = 0;
    while let Some(rest) = chunk.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(chunk.get(..length).unwrap_or_default())
}

fn digest_of_names(names: &io::Result<Vec<String>>) -> u64 {
    let mut names: Vec<&str> = match names {
        Ok(names) => names.iter().map(String::as_str).collect(),
        Err(error) => return digest_of_error(error),
    };
    names.sort_unstable();
    digest::of(&names)
}

fn digest_of_error(error: &io::Error) -> u64 {
    digest::of(&error.kind())
}

#[cfg(test)]
mod tests;
