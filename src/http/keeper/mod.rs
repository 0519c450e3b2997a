//! The keeper: makes workers and ends them, for a daemon that can do neither any more.
//!
//! To start a process as nobody takes root's capabilities, and to end one takes them again; the daemon gives them up.
//! So the keeper becomes nobody at the beginning ([`process`]) and is the workers' parent, with their ids. It hears only
//! the daemon and does nothing unasked: a message with descriptors is a worker to be, its number the message's word; one
//! without descriptors ends the worker of that number, and is answered with it when that is done. When the daemon closes its end, however it ended, the keeper ends
//! the workers and itself.

pub mod process;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recv, setsockopt, shutdown, socketpair,
    sockopt,
};
use nix::sys::stat::Mode;
use nix::sys::time::{TimeVal, TimeValLike};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::listener::Listener;
use crate::config::{MAX_PLACES, Service};
use crate::kernel::{fd_passing, retry, shared_memory};

/// The word that makes the binary a keeper.
pub const KEEPER: &str = "page-keeper";

/// The keeper's end of the socket pair; it is born with this and `/dev/null`.
const SOCKET_FD: i32 = 3;
/// Where its end waits until it is moved there.
const ABOVE: i32 = 64;
/// How long the keeper may take to end a worker, on a machine that has much else to do.
const PATIENCE_SECONDS: i64 = 5;
/// Bytes of each thread's stack in a worker. Its memory is limited, and two megabytes, which is usual, are a lot of it.
const STACK: &CStr = c"RUST_MIN_STACK=262144";

/// The daemon's hold on its keeper. Dropping it ends the keeper and all workers, and waits for that.
#[derive(Debug)]
pub struct Keeper {
    pid: Pid,
    socket: Rc<OwnedFd>,
    /// How many workers there have been.
    made: u32,
}

/// The daemon's hold on a worker; dropping it ends the worker.
#[derive(Debug)]
pub(super) struct Worker {
    /// The daemon's end of the pair by which the worker asks. It reads as closed when the worker has died.
    pub(super) socket: OwnedFd,
    /// The daemon's end of the pair by which the worker is told where to listen.
    orders: OwnedFd,
    number: u32,
    keeper: Rc<OwnedFd>,
}

impl Keeper {
    /// Starts the keeper and waits until it has become nobody. Signals that are blocked now stay so in workers, and
    /// should be: what a terminal sends to all is for the daemon to act on.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SETUID` and `CAP_SETGID` though root, `EAGAIN`, `ENOMEM`; or that it ended without a word.
    pub fn start() -> io::Result<Self> {
        let (ours, theirs) = pair()?;
        let patience = TimeVal::seconds(PATIENCE_SECONDS);
        setsockopt(&ours, sockopt::ReceiveTimeout, &patience)?;
        let pid = spawn(theirs)?;
        let keeper = Self {
            pid,
            socket: Rc::new(ours),
            made: 0,
        };
        let mut answer = [0; 4];
        let fd = keeper.socket.as_raw_fd();
        match retry(|| recv(fd, &mut answer, MsgFlags::empty()))? {
            4 if answer == [0; 4] => Ok(keeper),
            4 => Err(Errno::from_raw(i32::from_ne_bytes(answer)).into()),
            _ => Err(io::Error::other("it ended before it was ready")),
        }
    }

    /// Readable when the keeper has died, or says something late.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether the keeper is still there; takes what it said late.
    pub fn lives(&self) -> bool {
        loop {
            match recv(self.socket.as_raw_fd(), &mut [0; 4], MsgFlags::MSG_DONTWAIT) {
                Ok(1..) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true,
                _ => return false,
            }
        }
    }

    /// Has a worker made.
    ///
    /// # Errors
    /// `EPIPE` when the keeper is dead; `EMFILE`.
    pub(super) fn start_worker(
        &mut self,
        page: &OwnedFd,
        listeners: &[Listener],
    ) -> Result<Worker, Errno> {
        let (ours, theirs) = pair()?;
        let (orders, ordered) = pair()?;
        self.made = self.made.wrapping_add(1);
        let worker = Worker {
            socket: ours,
            orders,
            number: self.made,
            keeper: Rc::clone(&self.socket),
        };
        // They wait in the pair until the worker looks.
        worker.listen(listeners)?;
        let descriptors = [&theirs, &ordered, page].map(OwnedFd::as_fd);
        fd_passing::send(self.socket.as_fd(), self.made, &descriptors)?;
        Ok(worker)
    }
}

impl Worker {
    /// Tells it where to listen from now on, and nowhere else.
    ///
    /// # Errors
    /// `EPIPE` when it is dead.
    pub(super) fn listen(&self, listeners: &[Listener]) -> Result<(), Errno> {
        for service in Service::ALL {
            let of_it = listeners
                .iter()
                .filter(|listener| listener.place.service == service);
            let mut descriptors = heapless::Vec::<_, MAX_PLACES>::new();
            for listener in of_it {
                let socket = listener.socket.as_fd();
                descriptors.push(socket).map_err(|_| Errno::E2BIG)?;
            }
            fd_passing::send(self.orders.as_fd(), service.number(), &descriptors)?;
        }
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A worker that still is held has a copy of the descriptor, so closing it would not be heard.
        let told = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
        if matches!(told, Ok(()) | Err(Errno::ENOTCONN)) {
            let _ = retry(|| waitpid(self.pid, None));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // If there is no keeper any more, the worker ends by itself when its pair is closed.
        if fd_passing::send(self.keeper.as_fd(), self.number, &[]).is_err() {
            return;
        }
        // Its addresses are free only then. Answers to what was given up waiting for may come first.
        let mut answer = [0; 4];
        let fd = self.keeper.as_raw_fd();
        while let Ok(4) = retry(|| recv(fd, &mut answer, MsgFlags::empty()))
            && u32::from_ne_bytes(answer) != self.number
        {}
    }
}

fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let kind = SockType::SeqPacket;
    socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
}

/// Runs this binary again with `socket` as [`SOCKET_FD`].
fn spawn(socket: OwnedFd) -> Result<Pid, Errno> {
    // If it already were that number, moving it there would leave it to be closed.
    let number = fcntl(&socket, FcntlArg::F_DUPFD_CLOEXEC(ABOVE))?;
    let _above = shared_memory::inherited(number)?;
    drop(socket);
    let mut actions = PosixSpawnFileActions::init()?;
    let devnull: &CStr = c"/dev/null";
    actions.add_open(0, devnull, OFlag::O_RDWR, Mode::empty())?;
    actions.add_dup2(0, 1)?;
    actions.add_dup2(0, 2)?;
    actions.add_dup2(number, SOCKET_FD)?;
    let word = CString::new(KEEPER).map_err(|_| Errno::EINVAL)?;
    posix_spawn(
        c"/proc/self/exe",
        &actions,
        &PosixSpawnAttr::init()?,
        &[c"corexdp", word.as_c_str()],
        &[STACK],
    )
}
