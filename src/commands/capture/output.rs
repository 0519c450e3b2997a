//! The destination of a capture: standard output or a file. A reader that stops does not keep the capture from ending.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::base::wait::wait;
use crate::kernel::retry;

/// Bytes that a pipe takes without blocking once it is writable (`PIPE_BUF`).
const PIECE: usize = 4096;

/// Result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All bytes are written.
    All,
    /// The reader has closed its end, or a signal to stop arrived first.
    Stopped,
}

/// An open destination.
pub(super) struct Output {
    file: File,
    is_pipe: bool,
    /// Length of a regular file up to its last whole block.
    length: Option<u64>,
}

impl Output {
    /// Standard output.
    pub(super) fn stdout() -> io::Result<Self> {
        Self::new(io::stdout().as_fd().try_clone_to_owned()?.into(), false)
    }

    /// A file of mode 0600, or an existing file without its content. A symbolic link is refused, so that nobody who may
    /// write to the folder can choose another file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            // Opening a named pipe must not wait for its reader.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(path)?;
        Self::new(file, true)
    }

    fn new(file: File, is_own: bool) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        Ok(Self {
            is_pipe: kind.is_fifo(),
            length: (is_own && kind.is_file()).then_some(0),
            file,
        })
    }

    /// True if the output is a pipe whose reader has closed its end.
    pub(super) fn is_closed(&self) -> bool {
        let pipe = self.is_pipe.then(|| self.file.as_fd());
        wait([pipe], Some(Instant::now())).is_ok_and(|[is_closed]| is_closed)
    }

    /// Writes whole blocks, and empties `bytes`. Ends early when `stop` is readable. After an error, a regular file is
    /// truncated to the blocks before.
    pub(super) fn write(
        &mut self,
        bytes: &mut Vec<u8>,
        stop: BorrowedFd<'_>,
    ) -> io::Result<Written> {
        let written = self.write_all(bytes, stop);
        match (&written, &mut self.length) {
            (Ok(Written::All), Some(length)) => *length += bytes.len() as u64,
            (Err(_), Some(length)) => {
                // The error of the write is the one to report.
                let _ = self.file.set_len(*length);
            }
            _ => {}
        }
        bytes.clear();
        written
    }

    fn write_all(&self, mut bytes: &[u8], stop: BorrowedFd<'_>) -> io::Result<Written> {
        while !bytes.is_empty() {
            let mut fds = [
                PollFd::new(stop, PollFlags::POLLIN),
                PollFd::new(self.file.as_fd(), PollFlags::POLLOUT),
            ];
            retry(|| poll(&mut fds, PollTimeout::NONE))?;
            let [is_stopped, is_ready] = fds.map(|fd| fd.any().unwrap_or(false));
            if !is_ready {
                if is_stopped {
                    return Ok(Written::Stopped);
                }
                continue;
            }
            let piece = bytes.get(..PIECE).unwrap_or(bytes);
            match (&self.file).write(piece) {
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Written::Stopped);
                }
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Written::All)
    }
}

/// True for an interrupted write, and for one that would block: another process may have filled the pipe.
fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixStream;

    use nix::unistd::pipe;

    use super::*;

    /// A descriptor that is never ready, and one that is ready.
    fn signals() -> (UnixStream, UnixStream, UnixStream) {
        let (quiet, ready) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        (&ready.1).write_all(b"x").unwrap();
        (quiet.0, quiet.1, ready.0)
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("corexdp-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn file_is_private_and_empty_at_first() {
        let (folder, (quiet, _other, _)) = (folder("capture-file"), signals());
        let path = folder.join("new");
        for content in ["first content", "second"] {
            let mut output = Output::create(&path).unwrap();
            let mut bytes = content.as_bytes().to_vec();
            let written = output.write(&mut bytes, quiet.as_fd()).unwrap();
            assert_eq!((written, bytes.len()), (Written::All, 0));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        symlink(&path, folder.join("link")).unwrap();
        let refused = Output::create(&folder.join("link")).err().unwrap();
        assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn full_disk_is_an_error() {
        let (quiet, _other, _) = signals();
        let mut output = Output::create(Path::new("/dev/full")).unwrap();
        let error = output.write(&mut vec![1], quiet.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn reader_that_has_gone_ends_the_output() {
        let (quiet, _other, _) = signals();
        let (reader, writer) = pipe().unwrap();
        let mut output = Output::new(writer.into(), false).unwrap();
        assert!(!output.is_closed());
        drop(reader);
        assert!(output.is_closed());
        let written = output.write(&mut vec![1], quiet.as_fd()).unwrap();
        assert_eq!(written, Written::Stopped);
    }

    #[test]
    fn signal_ends_a_write_that_blocks_and_no_other() {
        let (_quiet, _other, ready) = signals();
        let (reader, writer) = pipe().unwrap();
        let mut output = Output::new(writer.into(), false).unwrap();
        let written = output.write(&mut vec![1; 100], ready.as_fd()).unwrap();
        assert_eq!(written, Written::All);
        let written = output.write(&mut vec![1; 1 << 20], ready.as_fd()).unwrap();
        assert_eq!(written, Written::Stopped);
        drop(output);
        let mut received = Vec::new();
        File::from(reader).read_to_end(&mut received).unwrap();
        assert!(received.len() > 100 && received.len() < 1 << 20);
    }
}
