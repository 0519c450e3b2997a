//! The operator's end.

use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockFlag, UnixAddr, connect, send};

use super::server::seqpacket;
use super::{Answer, PACKET, Passed, Request};
use crate::base::exit;
use crate::kernel::fd_passing;

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// No daemon listens there.
    Nobody(PathBuf),
    /// Only the superuser may ask.
    NotPermitted(PathBuf),
    /// The connection broke before the answer was whole.
    Broken(PathBuf, Errno),
    /// The daemon refused, has said why, and named this exit code.
    Refused(u8),
    /// The answer is none that this version knows.
    Garbled,
}

impl Error {
    /// What to end with.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Nobody(_) => exit::UNAVAILABLE,
            Self::NotPermitted(_) => exit::NO_PERMISSION,
            Self::Broken(..) | Self::Garbled => exit::SYSTEM,
            Self::Refused(code) => *code,
        }
    }

    /// Whether it has been said already.
    pub const fn is_told(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    fn new(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::EBADMSG => Self::Garbled,
            Errno::ENOENT | Errno::ECONNREFUSED => Self::Nobody(path.into()),
            Errno::EACCES | Errno::EPERM => Self::NotPermitted(path.into()),
            errno => Self::Broken(path.into(), errno),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(path) => write!(
                f,
                "no daemon listens at {}; start one, or name its socket with --control",
                path.display()
            ),
            Self::NotPermitted(path) => {
                write!(
                    f,
                    "not permitted to ask the daemon at {}; be root",
                    path.display()
                )
            }
            Self::Broken(path, errno) => {
                write!(
                    f,
                    "the daemon at {} did not answer: {}",
                    path.display(),
                    errno.desc()
                )
            }
            Self::Refused(_) => f.write_str("the daemon refused"),
            Self::Garbled => f.write_str(
                "the daemon answered what this version does not know; ask it with the binary that it was started from",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Asks the daemon that listens at `path`, prints what it says, gives to `take` what it passes, and gives the exit code
/// that it names.
///
/// # Errors
/// When there is none, or it ends before it has answered, or what it passes can't be taken.
pub fn ask(
    path: &Path,
    request: Request,
    take: &mut dyn FnMut(Passed<'_>, OwnedFd) -> Result<(), Errno>,
) -> Result<u8, Error> {
    let failed = |errno| Error::new(path, errno);
    let socket = seqpacket(SockFlag::empty()).map_err(failed)?;
    let address = UnixAddr::new(path).map_err(failed)?;
    connect(socket.as_raw_fd(), &address).map_err(failed)?;
    let packet = request.text();
    send(
        socket.as_raw_fd(),
        packet.as_bytes(),
        MsgFlags::MSG_NOSIGNAL,
    )
    .map_err(failed)?;
    let mut room = [0; PACKET];
    loop {
        let (length, mut passed) =
            fd_passing::receive_packet(socket.as_fd(), &mut room).map_err(failed)?;
        if length == 0 {
            return Err(failed(Errno::ECONNRESET));
        }
        // What can't be printed is lost; the exit code is not.
        match Answer::parse(room.get(..length).unwrap_or_default()) {
            Some(Answer::Error(line)) => {
                let mut stderr = io::stderr().lock();
                let _ = stderr
                    .write_all(line)
                    .and_then(|()| stderr.write_all(b"\n"));
            }
            Some(Answer::Passed(what)) => {
                let descriptor = passed.pop().ok_or_else(|| failed(Errno::EBADMSG))?;
                take(what, descriptor).map_err(failed)?;
            }
            Some(Answer::End(code)) => return Ok(code),
            None => return Err(failed(Errno::EBADMSG)),
        }
    }
}

/// As [`ask`], for what the daemon only refuses when something is wrong.
///
/// # Errors
/// As [`ask`], and when it refused.
pub fn fetch(
    path: &Path,
    request: Request,
    take: &mut dyn FnMut(Passed<'_>, OwnedFd) -> Result<(), Errno>,
) -> Result<(), Error> {
    match ask(path, request, take)? {
        exit::DONE => Ok(()),
        code => Err(Error::Refused(code)),
    }
}
