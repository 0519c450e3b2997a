//! The client's end of the control socket.
//!
//! The daemon has one thread, and a reload may take long. So a client waits while the daemon uses CPU time, and gives up
//! when the daemon is stopped or hangs.

mod peer;
pub mod samples;

use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockFlag, UnixAddr, connect, send, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use self::peer::{NoAnswer, Peer};
use super::changes::{Changes, Outcome};
use super::server::seqpacket;
use super::{Answer, PACKET, Payload, Request, Trial};
use crate::base::exit;
use crate::kernel::describe;
use crate::kernel::fd_passing::{self, Descriptors};

/// Seconds after which a client gives up on a daemon that neither answers nor uses CPU time.
const TIMEOUT_SECONDS: u16 = 10;

/// Reason why a request failed.
#[derive(Debug)]
pub enum Error {
    /// No daemon listens on this path.
    NoDaemon(PathBuf),
    /// The user may not connect to this path.
    NotPermitted(PathBuf),
    /// The connection failed before the exit code arrived.
    Broken(PathBuf, Errno),
    /// The daemon neither answers nor uses CPU time.
    Silent(PathBuf),
    /// A signal stopped the daemon; the path, and the daemon's process id.
    Stopped(PathBuf, i32),
    /// The daemon refused the request, and its messages were printed; the exit code.
    Refused(u8),
    /// The daemon is of another version and sent an answer that this version does not know.
    UnknownAnswer,
}

impl Error {
    /// Exit code of the client.
    pub const fn code(&self) -> u8 {
        match self {
            Self::NoDaemon(_) | Self::Silent(_) | Self::Stopped(..) => exit::UNAVAILABLE,
            Self::NotPermitted(_) => exit::NO_PERMISSION,
            Self::Broken(..) | Self::UnknownAnswer => exit::SYSTEM,
            Self::Refused(code) => *code,
        }
    }

    /// True if the daemon's messages already reported the error.
    pub const fn is_reported(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    fn new(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::EBADMSG => Self::UnknownAnswer,
            Errno::ENOENT | Errno::ECONNREFUSED => Self::NoDaemon(path.into()),
            Errno::EACCES | Errno::EPERM => Self::NotPermitted(path.into()),
            // The daemon's queue of clients was full until the timeout.
            Errno::EAGAIN => Self::Silent(path.into()),
            errno => Self::Broken(path.into(), errno),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDaemon(path) => write!(
                f,
                "no daemon listens at {}; start one, or name its socket with --control",
                path.display()
            ),
            Self::NotPermitted(path) => {
                write!(
                    f,
                    "not permitted to connect to the daemon at {}; run as root",
                    path.display()
                )
            }
            Self::Broken(path, errno) => {
                write!(
                    f,
                    "the daemon at {} did not answer: {}",
                    path.display(),
                    describe(*errno)
                )
            }
            Self::Silent(path) => write!(
                f,
                "the daemon at {} has not answered for {TIMEOUT_SECONDS} s; the daemon hangs, and its log may say why",
                path.display()
            ),
            Self::Stopped(path, pid) => write!(
                f,
                "the daemon at {} is stopped; continue it: kill -CONT {pid}",
                path.display()
            ),
            Self::Refused(_) => f.write_str("the daemon refused"),
            Self::UnknownAnswer => f.write_str(
                "this version does not know the daemon's answer; use the binary from which the daemon was started",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Sends a request to the daemon at `path`, prints its messages and passes its descriptors to `receive`. Returns the
/// daemon's exit code.
///
/// # Errors
/// See [`Error`]; errors of `receive` are [`Error::Broken`].
pub fn ask(
    path: &Path,
    request: &Request<'_>,
    receive: &mut dyn FnMut(Payload<'_>, OwnedFd) -> Result<(), Errno>,
) -> Result<u8, Error> {
    let mut connection = Connection::open(path, request)?;
    connection.answers(&mut |answer| match answer {
        Answered::Payload(payload, descriptor) => receive(payload, descriptor),
        Answered::Stage(_) | Answered::Decided(_) | Answered::Trial(_) => Err(Errno::EBADMSG),
    })
}

/// Sends the request [`Request::Confirm`] to the daemon at `path`, and passes a file on trial to `receive`.
///
/// # Errors
/// The errors of [`fetch`].
pub fn confirm(
    path: &Path,
    digest: Option<u64>,
    receive: &mut dyn FnMut(Trial<'_>),
) -> Result<(), Error> {
    let mut connection = Connection::open(path, &Request::Confirm(digest))?;
    let code = connection.answers(&mut |answer| {
        let Answered::Trial(trial) = answer else {
            return Err(Errno::EBADMSG);
        };
        receive(Trial::parse(trial).ok_or(Errno::EBADMSG)?);
        Ok(())
    })?;
    accepted(code)
}

/// Sends changes of decisions to the daemon at `path`, and passes the outcome of each to `receive`.
///
/// # Errors
/// The errors of [`fetch`]; [`Error::UnknownAnswer`] unless each change has an outcome.
pub fn decide(
    path: &Path,
    changes: Changes<'_>,
    receive: &mut dyn FnMut(Outcome),
) -> Result<(), Error> {
    let mut left = changes.clone().count();
    let mut connection = Connection::open(path, &Request::Decide(changes))?;
    let code = connection.answers(&mut |answer| {
        let Answered::Decided(outcomes) = answer else {
            return Err(Errno::EBADMSG);
        };
        let (codes, _) = outcomes.as_chunks();
        for code in codes {
            left = left.checked_sub(1).ok_or(Errno::EBADMSG)?;
            receive(Outcome::of(u16::from_ne_bytes(*code)));
        }
        Ok(())
    })?;
    match (code, left) {
        (exit::DONE, 0) => Ok(()),
        (exit::DONE, _) => Err(Error::UnknownAnswer),
        (code, _) => Err(Error::Refused(code)),
    }
}

/// A connection to a daemon.
#[derive(Debug)]
struct Connection {
    path: PathBuf,
    socket: OwnedFd,
    peer: Peer,
}

/// An answer that the caller handles.
enum Answered<'a> {
    Payload(Payload<'a>, OwnedFd),
    Stage(&'a [u8]),
    Decided(&'a [u8]),
    Trial(&'a [u8]),
}

impl Connection {
    /// Connects to the daemon at `path`, and sends it the request.
    fn open(path: &Path, request: &Request<'_>) -> Result<Self, Error> {
        let failed = |errno| Error::new(path, errno);
        let socket = seqpacket(SockFlag::empty()).map_err(failed)?;
        let timeout = TimeVal::seconds(TIMEOUT_SECONDS.into());
        setsockopt(&socket, sockopt::SendTimeout, &timeout).map_err(failed)?;
        let address = UnixAddr::new(path).map_err(failed)?;
        connect(socket.as_raw_fd(), &address).map_err(failed)?;
        let connection = Self {
            path: path.into(),
            peer: Peer::of(&socket),
            socket,
        };
        connection.send(&request.packet())?;
        Ok(connection)
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::new(&self.path, errno)
    }

    fn send(&self, packet: &[u8]) -> Result<(), Error> {
        let sent = send(self.socket.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL);
        sent.map(drop).map_err(|errno| self.failed(errno))
    }

    /// Waits for a packet of the daemon. Returns its length and its descriptors.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, Descriptors), Error> {
        self.peer
            .wait(&self.socket)
            .map_err(|silence| match silence {
                NoAnswer::Hangs => Error::Silent(self.path.clone()),
                NoAnswer::Stopped(pid) => Error::Stopped(self.path.clone(), pid),
                NoAnswer::Failed(errno) => Error::new(&self.path, errno),
            })?;
        match fd_passing::receive_packet(self.socket.as_fd(), buffer) {
            Ok((0, _)) => Err(self.failed(Errno::ECONNRESET)),
            Ok(packet) => Ok(packet),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Passes the daemon's answers to `handle`, and prints its messages, until the exit code, which is returned.
    fn answers(
        &mut self,
        handle: &mut dyn FnMut(Answered<'_>) -> Result<(), Errno>,
    ) -> Result<u8, Error> {
        let mut buffer = [0; PACKET];
        loop {
            let (length, mut passed) = self.receive(&mut buffer)?;
            let handled = match Answer::parse(buffer.get(..length).unwrap_or_default()) {
                Some(Answer::Error(line)) => {
                    print_error(line);
                    Ok(())
                }
                Some(Answer::Payload(payload)) => match passed.pop() {
                    Some(descriptor) => handle(Answered::Payload(payload, descriptor)),
                    None => Err(Errno::EBADMSG),
                },
                Some(Answer::Stage(stage)) => handle(Answered::Stage(stage)),
                Some(Answer::Decided(outcomes)) => handle(Answered::Decided(outcomes)),
                Some(Answer::Trial(trial)) => handle(Answered::Trial(trial)),
                Some(Answer::End(code)) => return Ok(code),
                Some(Answer::Lost(_)) | None => Err(Errno::EBADMSG),
            };
            handled.map_err(|errno| self.failed(errno))?;
        }
    }
}

/// Prints a message of the daemon. A failure is ignored: the exit code still reports the error.
fn print_error(line: &[u8]) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(line)
        .and_then(|()| stderr.write_all(b"\n"));
}

/// Like [`ask`], for requests of which every exit code but 0 is an error.
///
/// # Errors
/// The errors of [`ask`]; [`Error::Refused`] for another exit code.
pub fn fetch(
    path: &Path,
    request: &Request<'_>,
    receive: &mut dyn FnMut(Payload<'_>, OwnedFd) -> Result<(), Errno>,
) -> Result<(), Error> {
    accepted(ask(path, request, receive)?)
}

/// Fails for each exit code but 0.
const fn accepted(code: u8) -> Result<(), Error> {
    match code {
        exit::DONE => Ok(()),
        code => Err(Error::Refused(code)),
    }
}
