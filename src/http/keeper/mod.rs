//! The *keeper*: parent process of the workers, which forks and kills them for the daemon.
//!
//! Starting a process as nobody needs capabilities, and so does killing it; the daemon gives its capabilities up. So
//! the keeper becomes nobody at the start ([`process`]) and forks workers with its own ids. The keeper acts only on
//! messages of the daemon. A message with descriptors forks a worker with these descriptors; the message's word is the
//! worker's number. A message without descriptors kills the worker with this number; the keeper answers with the number
//! when the worker has ended. When the daemon closes its end, or dies, the keeper kills all workers and ends.

pub mod process;
pub mod syscalls;

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
use nix::unistd::{Pid, close};

use super::WorkerDescriptors;
use super::host::Names;
use super::listener::Listener;
use crate::config::{MAX_PLACES, Service};
use crate::kernel::{fd_passing, retry, shared_memory};

/// Argument that makes the binary a keeper.
pub const KEEPER: &str = "page-keeper";

/// The keeper's end of the socket pair, its only inherited descriptor but `/dev/null`.
const SOCKET_FD: i32 = 3;
/// Lowest descriptor for the keeper's end in the daemon, above [`SOCKET_FD`].
const SPARE_FD: i32 = 64;
/// Time in which the keeper must answer, generous for a busy machine.
const KEEPER_TIMEOUT_SECONDS: i64 = 5;
/// Stack of each thread in a worker, in bytes. The default, 2 MiB, is an eighth of the worker's memory limit.
const STACK: &CStr = c"RUST_MIN_STACK=262144";

/// The daemon's handle of its keeper. Dropping it ends the keeper and all workers, and waits for their end.
#[derive(Debug)]
pub struct Keeper {
    pid: Pid,
    socket: Rc<OwnedFd>,
    /// Number of the last worker.
    last_number: u32,
}

/// The daemon's handle of a worker. Dropping it kills the worker.
#[derive(Debug)]
pub(super) struct Worker {
    /// The daemon's end of the pair for requests. It reads as closed after the worker's death.
    pub(super) socket: OwnedFd,
    /// The daemon's end of the pair for listening sockets.
    listen_socket: OwnedFd,
    number: u32,
    keeper: Rc<OwnedFd>,
}

impl Keeper {
    /// Starts the keeper and waits until it is nobody. Workers inherit the mask of blocked signals, so that only the
    /// daemon acts on a signal of the terminal.
    ///
    /// # Errors
    /// `EPERM` for root without `CAP_SETUID` and `CAP_SETGID`, `EAGAIN`, `ENOMEM`; or the early end of the keeper.
    pub fn start() -> io::Result<Self> {
        let (ours, theirs) = pair()?;
        let timeout = TimeVal::seconds(KEEPER_TIMEOUT_SECONDS);
        setsockopt(&ours, sockopt::ReceiveTimeout, &timeout)?;
        let pid = spawn(theirs)?;
        let keeper = Self {
            pid,
            socket: Rc::new(ours),
            last_number: 0,
        };
        let mut answer = [0; 4];
        let fd = keeper.socket.as_raw_fd();
        match retry(|| recv(fd, &mut answer, MsgFlags::empty()))? {
            4 if answer == [0; 4] => Ok(keeper),
            4 => Err(Errno::from_raw(i32::from_ne_bytes(answer)).into()),
            _ => Err(io::Error::other("the keeper ended before it was ready")),
        }
    }

    /// Descriptor that becomes readable when the keeper dies, or answers after its timeout.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// True while the keeper runs. Discards late answers.
    pub fn is_alive(&self) -> bool {
        loop {
            match recv(self.socket.as_raw_fd(), &mut [0; 4], MsgFlags::MSG_DONTWAIT) {
                Ok(1..) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true,
                _ => return false,
            }
        }
    }

    /// Starts a worker.
    ///
    /// # Errors
    /// `EPIPE` when the keeper is dead; `EMFILE`.
    pub(super) fn start_worker(
        &mut self,
        page: &OwnedFd,
        listeners: &[Listener],
    ) -> Result<Worker, Errno> {
        let (socket, worker_socket) = pair()?;
        let (listen_socket, worker_listen_socket) = pair()?;
        self.last_number = self.last_number.wrapping_add(1);
        let worker = Worker {
            socket,
            listen_socket,
            number: self.last_number,
            keeper: Rc::clone(&self.socket),
        };
        // The sockets wait in the pair until the worker receives them.
        worker.listen(listeners)?;
        let descriptors = WorkerDescriptors {
            requests: worker_socket.as_fd(),
            listen: worker_listen_socket.as_fd(),
            page: page.as_fd(),
        };
        let descriptors = descriptors.into_array();
        fd_passing::send(self.socket.as_fd(), self.last_number, &descriptors)?;
        Ok(worker)
    }
}

impl Worker {
    /// Replaces all listening sockets of the worker, with one message for each service.
    ///
    /// # Errors
    /// `EPIPE` when the worker is dead.
    pub(super) fn listen(&self, listeners: &[Listener]) -> Result<(), Errno> {
        for service in Service::ALL {
            let of_service = listeners
                .iter()
                .filter(|listener| listener.place.service == service);
            let mut descriptors = heapless::Vec::<_, MAX_PLACES>::new();
            for socket in of_service.filter_map(Listener::socket) {
                descriptors.push(socket.as_fd()).map_err(|_| Errno::E2BIG)?;
            }
            fd_passing::send(self.listen_socket.as_fd(), service.number(), &descriptors)?;
        }
        Ok(())
    }

    /// Replaces the names that the worker vouches for.
    ///
    /// # Errors
    /// `EPIPE` when the worker is dead.
    pub(super) fn set_names(&self, names: &Names) -> Result<(), Errno> {
        let mut message = heapless::Vec::<u8, { size_of::<u32>() + Names::MAX }>::new();
        // There is room for the word and all names.
        let _ = message.extend_from_slice(&Names::WORD.to_ne_bytes());
        let _ = message.extend_from_slice(names.as_bytes());
        fd_passing::send_packet(self.listen_socket.as_fd(), &message, &[])
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Shutdown rather than close: a `Worker` may still own a copy of the descriptor.
        let shut = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
        if matches!(shut, Ok(()) | Err(Errno::ENOTCONN)) {
            let _ = retry(|| waitpid(self.pid, None));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without a keeper the worker ends when its pairs are closed.
        if fd_passing::send(self.keeper.as_fd(), self.number, &[]).is_err() {
            return;
        }
        // The worker's addresses are free only after its end. Late answers of earlier workers may arrive first.
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
    // `dup2` of `SOCKET_FD` to itself would keep close-on-exec, so the descriptor first gets another number.
    let number = fcntl(&socket, FcntlArg::F_DUPFD_CLOEXEC(SPARE_FD))?;
    let _spare = shared_memory::inherited(number).inspect_err(|_| {
        // The daemon goes on without this keeper, and must not keep its descriptor.
        let _ = close(number);
    })?;
    drop(socket);
    let mut actions = PosixSpawnFileActions::init()?;
    let devnull: &CStr = c"/dev/null";
    actions.add_open(0, devnull, OFlag::O_RDWR, Mode::empty())?;
    actions.add_dup2(0, 1)?;
    actions.add_dup2(0, 2)?;
    actions.add_dup2(number, SOCKET_FD)?;
    let argument = CString::new(KEEPER).map_err(|_| Errno::EINVAL)?;
    posix_spawn(
        c"/proc/self/exe",
        &actions,
        &PosixSpawnAttr::init()?,
        &[c"corexdp", argument.as_c_str()],
        &[STACK],
    )
}
