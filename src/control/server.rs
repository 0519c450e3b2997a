//! The daemon's end.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, getsockopt,
    listen, recv, send, socket, sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use super::{Answer, PACKET, Passed, Request};
use crate::kernel::fd_passing;

/// Clients at a time; one more, and the first is let go.
pub const CLIENTS: usize = 4;

/// The socket, its name in the file system, and who is connected.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    clients: heapless::Vec<OwnedFd, CLIENTS>,
}

/// A client whose request is being answered.
#[derive(Debug)]
pub struct Client(OwnedFd);

impl Control {
    /// Listens at `path`, for the superuser and the daemon's own user alone. What a daemon that was killed left there
    /// is removed.
    ///
    /// # Errors
    /// `AddrInUse` when a daemon listens there already; else what the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let listener = seqpacket(SockFlag::SOCK_NONBLOCK)?;
        // A socket's file gets the mode of the socket, so there is no moment with another one.
        fchmod(&listener, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let address = UnixAddr::new(path)?;
        if let Err(errno) = bind(listener.as_raw_fd(), &address) {
            if errno != Errno::EADDRINUSE || lives(&address)? {
                return Err(errno.into());
            }
            fs::remove_file(path)?;
            bind(listener.as_raw_fd(), &address)?;
        }
        // From here on there is the file, which is removed when this is dropped.
        let control = Self {
            // The type does not matter: it accepts whatever connects.
            listener: listener.into(),
            path: path.to_owned(),
            clients: heapless::Vec::new(),
        };
        listen(&control.listener, Backlog::new(4)?)?;
        Ok(control)
    }

    /// What to wait for: the listening socket, then the clients.
    pub fn fds(&self) -> (BorrowedFd<'_>, [Option<BorrowedFd<'_>>; CLIENTS]) {
        let mut clients = self.clients.iter().map(AsFd::as_fd);
        let clients = std::array::from_fn(|_| clients.next());
        (self.listener.as_fd(), clients)
    }

    /// Takes a new client.
    pub fn accept(&mut self) {
        let Ok((client, _)) = self.listener.accept() else {
            return;
        };
        let known = getsockopt(&client, sockopt::PeerCredentials);
        if !known.is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw()) {
            return;
        }
        if self.clients.is_full() {
            self.clients.remove(0);
        }
        // There is room now.
        let _ = self.clients.push(client.into());
    }

    /// Takes the request of client `index`, whose descriptor is ready. The client leaves the list and gets one answer.
    pub fn receive(&mut self, index: usize) -> Option<(Client, Request)> {
        if index >= self.clients.len() {
            return None;
        }
        let client = self.clients.remove(index);
        let mut packet = [0; 64];
        let length = recv(client.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT).ok()?;
        let request = Request::parse(packet.get(..length)?);
        let client = Client(client);
        if request.is_none() {
            client.error(format_args!("this daemon does not know that request"));
            client.end(crate::base::exit::USAGE);
        }
        request.map(|request| (client, request))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Someone else may have removed it; that is what was wanted.
        let _ = fs::remove_file(&self.path);
    }
}

impl Client {
    /// A line for its standard error.
    pub fn error(&self, text: fmt::Arguments<'_>) {
        let mut room = [0; PACKET - 1];
        self.send(Answer::Error(written(&mut room, text)));
    }

    /// A descriptor, and what that is.
    ///
    /// # Errors
    /// When it can't be passed, or the client does not listen.
    pub fn pass(&self, what: Passed<'_>, descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut room = [0; PACKET];
        let packet = Answer::Passed(what).packet(&mut room);
        fd_passing::send_packet(self.0.as_fd(), packet, &[descriptor])
    }

    /// Its exit code, which ends the answer.
    pub fn end(&self, code: u8) {
        self.send(Answer::End(code));
    }

    fn send(&self, answer: Answer<'_>) {
        let mut room = [0; PACKET];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // A client that does not listen misses it.
        let _ = send(self.0.as_raw_fd(), answer.packet(&mut room), flags);
    }
}

/// The text in `room`; what is too long is cut.
fn written<'a>(room: &'a mut [u8; PACKET - 1], text: fmt::Arguments<'_>) -> &'a [u8] {
    let mut rest = &mut room[..];
    let _ = rest.write_fmt(text);
    let length = PACKET - 1 - rest.len();
    room.get(..length).unwrap_or_default()
}

/// Whether somebody listens there.
fn lives(address: &UnixAddr) -> Result<bool, Errno> {
    let socket = seqpacket(SockFlag::SOCK_NONBLOCK)?;
    match connect(socket.as_raw_fd(), address) {
        Err(Errno::ECONNREFUSED) => Ok(false),
        _ => Ok(true),
    }
}

pub(super) fn seqpacket(more: SockFlag) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | more;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)
}
