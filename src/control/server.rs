//! The daemon's end of the control socket.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, getsockopt,
    listen, recv, send, socket, sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use super::{Answer, LOST, PACKET, Payload, Request, Trial};
use crate::base::files::{self, Identity};
use crate::kernel::fd_passing;

/// Maximum number of concurrent clients. A further client replaces the oldest.
pub const CLIENTS: usize = 4;

/// The listening socket and its clients.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// Identity of the socket's file. The open listener keeps the inode number from being reused.
    identity: Identity,
    clients: heapless::Vec<OwnedFd, CLIENTS>,
}

/// The process that listens on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A corexdp; its process id, or 0 for a process of another PID namespace or with a full queue of clients.
    Corexdp(i32),
    /// A process whose socket is of another type.
    Other,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corexdp(0) => f.write_str("another corexdp listens on it"),
            Self::Corexdp(pid) => write!(f, "another corexdp, process {pid}, listens on it"),
            Self::Other => f.write_str("another process listens on it"),
        }
    }
}

/// A client whose request is being answered.
#[derive(Debug)]
pub struct Client(OwnedFd);

/// A further packet of a client that samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// No packet.
    Nothing,
    /// The client asks for the number of lost samples.
    Lost,
    /// The client is gone, or sent an unknown packet.
    End,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Control {
    /// Listens on `path`, for root and the daemon's own user only. Replaces the file of a daemon that was killed.
    ///
    /// # Errors
    /// `AddrInUse` when a process listens on `path`; `AlreadyExists` for any file that is not a socket, symbolic links
    /// included; errors of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let listener = seqpacket(SockFlag::SOCK_NONBLOCK)?;
        // `bind` copies the permissions of the socket to the file, so the file never has other permissions.
        fchmod(&listener, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let address = UnixAddr::new(path)?;
        if let Err(errno) = bind(listener.as_raw_fd(), &address) {
            if errno != Errno::EADDRINUSE {
                return Err(errno.into());
            }
            remove_stale(path, &address)?;
            bind(listener.as_raw_fd(), &address)?;
        }
        let metadata = fs::symlink_metadata(path).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        // From here on, dropping `control` removes the file.
        let control = Self {
            // `UnixListener` accepts on a socket of any type.
            listener: listener.into(),
            path: path.to_owned(),
            identity: Identity::of(&metadata),
            clients: heapless::Vec::new(),
        };
        listen(&control.listener, Backlog::new(4)?)?;
        Ok(control)
    }

    /// The process that listens on `path`; `None` if no process does, or the check fails.
    pub fn owner(path: &Path) -> Option<Owner> {
        let address = UnixAddr::new(path).ok()?;
        owner(&address).ok()?
    }

    /// Descriptors to poll: the listening socket and the clients.
    pub fn fds(&self) -> (BorrowedFd<'_>, [Option<BorrowedFd<'_>>; CLIENTS]) {
        let mut clients = self.clients.iter().map(AsFd::as_fd);
        let clients = std::array::from_fn(|_| clients.next());
        (self.listener.as_fd(), clients)
    }

    /// Accepts a client of root or the daemon's own user.
    pub fn accept(&mut self) {
        let Ok((client, _)) = self.listener.accept() else {
            return;
        };
        let credentials = getsockopt(&client, sockopt::PeerCredentials);
        if !credentials.is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw()) {
            return;
        }
        if self.clients.is_full() {
            self.clients.remove(0);
        }
        // Cannot fail: a full list has lost its oldest client.
        let _ = self.clients.push(client.into());
    }

    /// Receives the request of client `index`, whose descriptor is ready. Removes the client from the list; dropping the
    /// client closes its connection. An unknown request is answered here. The packet is received into
    /// `buffer`.
    pub fn receive<'b>(
        &mut self,
        index: usize,
        buffer: &'b mut [u8; PACKET],
    ) -> Option<(Client, Request<'b>)> {
        if index >= self.clients.len() {
            return None;
        }
        let client = self.clients.remove(index);
        let length = recv(client.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT).ok()?;
        // A packet that fills the buffer may be cut.
        let packet = buffer.get(..length).filter(|packet| packet.len() < PACKET);
        let request = Request::parse(packet.unwrap_or_default());
        let client = Client(client);
        if request.is_none() {
            client.error(format_args!("this daemon does not know the request; use the binary from which the daemon was started"));
            client.end(crate::base::exit::USAGE);
        }
        request.map(|request| (client, request))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // An error means that the file was removed already, or replaced by another daemon.
        let _ = self.identity.remove(&self.path);
    }
}

impl Client {
    /// Sends a line, which the client prints to standard error. A longer line is cut.
    pub fn error(&self, text: fmt::Arguments<'_>) {
        let mut buffer = [0; PACKET - 1];
        self.send(Answer::Error(format_into(&mut buffer, text)));
    }

    /// Passes a descriptor.
    ///
    /// # Errors
    /// `EPIPE` when the client is gone, `EAGAIN` when it does not read, `EMFILE`.
    pub fn pass(&self, payload: Payload<'_>, descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut buffer = [0; PACKET];
        let packet = Answer::Payload(payload).packet(&mut buffer);
        fd_passing::send_packet(self.0.as_fd(), packet, &[descriptor])
    }

    /// Names a stage whose packets are sampled. A longer text is cut.
    ///
    /// # Errors
    /// The errors of [`Client::pass`].
    pub fn stage(&self, stage: fmt::Arguments<'_>) -> Result<(), Errno> {
        let (mut text, mut buffer) = ([0; PACKET - 1], [0; PACKET]);
        let packet = Answer::Stage(format_into(&mut text, stage)).packet(&mut buffer);
        fd_passing::send_packet(self.0.as_fd(), packet, &[])
    }

    /// Sends the number of lost samples.
    pub fn lost(&self, samples: u64) {
        self.send(Answer::Lost(samples.to_ne_bytes()));
    }

    /// Sends the outcome of each change, as a number of 2 bytes in native byte order.
    pub fn decided(&self, outcomes: &[u8]) {
        self.send(Answer::Decided(outcomes));
    }

    /// Names the file on trial.
    ///
    /// # Errors
    /// `ENAMETOOLONG` when the paths do not fit into a packet.
    pub fn trial(&self, trial: &Trial<'_>) -> Result<(), Errno> {
        let text = trial.text().ok_or(Errno::ENAMETOOLONG)?;
        self.send(Answer::Trial(&text));
        Ok(())
    }

    /// Process id; 0 for a process of another PID namespace.
    pub fn pid(&self) -> i32 {
        let credentials = getsockopt(&self.0, sockopt::PeerCredentials);
        credentials.map_or(0, |peer| peer.pid())
    }

    /// Receives a further packet of a client that stays connected.
    pub fn receive(&self) -> Further {
        let mut packet = [0; LOST.len() + 1];
        match recv(self.0.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT) {
            Ok(length) if packet.get(..length) == Some(LOST) => Further::Lost,
            Err(Errno::EAGAIN | Errno::EINTR) => Further::Nothing,
            _ => Further::End,
        }
    }

    /// Sends the exit code, which ends the answer.
    pub fn end(&self, code: u8) {
        self.send(Answer::End(code));
    }

    fn send(&self, answer: Answer<'_>) {
        let mut buffer = [0; PACKET];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // Errors are ignored: a client that does not read loses the packet.
        let _ = send(self.0.as_raw_fd(), answer.packet(&mut buffer), flags);
    }
}

/// Formats `text` into `buffer`. Text that does not fit is cut.
fn format_into<'a>(buffer: &'a mut [u8; PACKET - 1], text: fmt::Arguments<'_>) -> &'a [u8] {
    let mut unused = &mut buffer[..];
    let _ = unused.write_fmt(text);
    let length = PACKET - 1 - unused.len();
    buffer.get(..length).unwrap_or_default()
}

/// Removes the socket file of a daemon that was killed.
///
/// # Errors
/// The errors of [`Control::open`].
fn remove_stale(path: &Path, address: &UnixAddr) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        let name = files::type_name(found.file_type());
        let message = format!("the path is {name}, not a socket");
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    if owner(address)?.is_some() {
        return Err(Errno::EADDRINUSE.into());
    }
    Identity::of(&found).remove(path)
}

/// The process that listens on `address`; `None` if no process does.
fn owner(address: &UnixAddr) -> Result<Option<Owner>, Errno> {
    let socket = seqpacket(SockFlag::SOCK_NONBLOCK)?;
    Ok(match connect(socket.as_raw_fd(), address) {
        Err(Errno::ECONNREFUSED) => None,
        Ok(()) => {
            let credentials = getsockopt(&socket, sockopt::PeerCredentials);
            Some(Owner::Corexdp(credentials.map_or(0, |peer| peer.pid())))
        }
        // The daemon's queue of clients is full.
        Err(Errno::EAGAIN) => Some(Owner::Corexdp(0)),
        Err(_) => Some(Owner::Other),
    })
}

/// A Unix socket of type `SOCK_SEQPACKET`, with `SOCK_CLOEXEC` and the given flags.
pub(super) fn seqpacket(flags: SockFlag) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | flags;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)
}
