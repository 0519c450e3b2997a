//! The *keeper*: parent process of the workers, which forks and kills them for the daemon.
//!
//! Starting and killing a process of nobody needs capabilities, which the running daemon does not have. So the keeper
//! becomes nobody at the start ([`process`]) and forks workers with its own ids. The keeper acts only on messages of the
//! daemon. A message with descriptors forks a worker with these descriptors; the message's word is the worker's number. A
//! message without descriptors kills the worker with this number. The keeper answers each message with the number, once
//! the worker is forked or has exited. When the daemon closes its end or dies, the keeper kills all workers and exits.
//!
//! Any process of nobody can stop the keeper (SIGSTOP), and the daemon has no capability to kill it. But a process may
//! continue (SIGCONT) every process of its session, so the daemon sends SIGCONT with each message. The daemon does not
//! wait for answers; [`Keeper::resume_if_late`] checks their deadline.

mod connection;
pub mod process;
pub mod syscalls;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, close};

pub use self::connection::ANSWER_TIMEOUT;
use self::connection::Connection;
use super::WorkerDescriptors;
use super::host::Names;
use super::listener::Listener;
use crate::config::{MAX_PLACES, Service};
use crate::kernel::{fd_passing, shared_memory};

/// Argument that makes the binary a keeper.
pub const KEEPER: &str = "page-keeper";

/// Descriptor of the keeper's end of the socket pair. The keeper inherits only this descriptor and `/dev/null`.
const SOCKET_FD: i32 = 3;
/// Lowest number of the keeper's end in the daemon, above [`SOCKET_FD`].
const SPARE_FD: i32 = SOCKET_FD + 1;
/// Time to wait for the exit of a worker, after which its addresses are free.
const WORKER_EXIT_TIMEOUT: Duration = Duration::from_millis(500);
/// Time to wait for the exit of the keeper, which kills all workers before.
const KEEPER_EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The daemon's handle of its keeper. Dropping it ends the keeper and all workers, and waits up to two seconds for the
/// exit.
#[derive(Debug)]
pub struct Keeper {
    connection: Rc<Connection>,
    /// Number of the last worker.
    last_number: u32,
}

/// The daemon's handle of a worker. Dropping it kills the worker.
#[derive(Debug)]
pub(super) struct Worker {
    /// The daemon's end of the socket pair for requests; at end of file after the worker's death.
    pub(super) socket: OwnedFd,
    /// The daemon's end of the socket pair for listening sockets.
    listen_socket: OwnedFd,
    number: u32,
    keeper: Rc<Connection>,
}

impl Keeper {
    /// Starts the keeper and waits until it has become nobody. Keeper and workers inherit the mask of blocked signals, so
    /// that only the daemon acts on signals of the terminal.
    ///
    /// # Errors
    /// `EPERM` for root without `CAP_SETUID` and `CAP_SETGID`, `EAGAIN`, `ENOMEM`; or that the keeper has exited.
    pub fn start() -> io::Result<Self> {
        let (ours, theirs) = pair()?;
        let keeper = Self {
            connection: Rc::new(Connection::new(ours, spawn(theirs)?)),
            last_number: 0,
        };
        match keeper.connection.first_answer()? {
            Some(0) => Ok(keeper),
            Some(errno) => Err(Errno::from_raw(errno).into()),
            None => Err(io::Error::other("the keeper ended before it was ready")),
        }
    }

    /// Descriptor that becomes readable when the keeper answers or dies.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.connection.socket.as_fd()
    }

    /// Receives the answers of the keeper. True while the keeper runs.
    pub fn is_alive(&self) -> bool {
        self.connection.is_alive()
    }

    /// Time at which [`Keeper::resume_if_late`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.connection.deadline()
    }

    /// Continues a keeper that has not answered in time. Returns true if the answer is late. After two late answers in
    /// succession, the keeper counts as dead.
    pub fn resume_if_late(&self) -> bool {
        self.connection.resume_if_late()
    }

    /// Starts a worker.
    ///
    /// # Errors
    /// `EPIPE` when the keeper is dead; `EMFILE`.
    pub(super) fn start_worker(
        &mut self,
        page: &OwnedFd,
        names: &Names,
        listeners: &[Listener],
    ) -> Result<Worker, Errno> {
        let (socket, worker_socket) = pair()?;
        let (listen_socket, worker_listen_socket) = pair()?;
        self.last_number = self.last_number.wrapping_add(1);
        let worker = Worker {
            socket,
            listen_socket,
            number: self.last_number,
            keeper: Rc::clone(&self.connection),
        };
        // The socket pair keeps names and sockets until the worker receives them. The names come first, so that the
        // worker knows them before the first request.
        worker.set_names(names)?;
        worker.listen(listeners)?;
        let descriptors = WorkerDescriptors {
            requests: worker_socket.as_fd(),
            listen: worker_listen_socket.as_fd(),
            page: page.as_fd(),
        };
        let descriptors = descriptors.into_array();
        self.connection.send(self.last_number, &descriptors)?;
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
        // Cannot fail: the buffer has room for the word and all names.
        let _ = message.extend_from_slice(&Names::WORD.to_ne_bytes());
        let _ = message.extend_from_slice(names.as_bytes());
        fd_passing::send_packet(self.listen_socket.as_fd(), &message, &[])
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let connection = &self.connection;
        // Closing the socket is not enough: a `Worker` may still own the connection.
        let shut = shutdown(connection.socket.as_raw_fd(), Shutdown::Both);
        if !matches!(shut, Ok(()) | Err(Errno::ENOTCONN)) {
            return;
        }
        connection.wait_for_exit(KEEPER_EXIT_TIMEOUT);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without a keeper, the worker exits when its socket pairs are closed.
        if self.keeper.send(self.number, &[]).is_ok() {
            self.keeper.wait_for(self.number, WORKER_EXIT_TIMEOUT);
        }
    }
}

fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let kind = SockType::SeqPacket;
    socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
}

/// Runs this binary again with `socket` as [`SOCKET_FD`].
fn spawn(socket: OwnedFd) -> Result<Pid, Errno> {
    // `dup2` from `SOCKET_FD` to itself would keep close-on-exec, so the descriptor gets another number first.
    let number = fcntl(&socket, FcntlArg::F_DUPFD_CLOEXEC(SPARE_FD))?;
    let _spare = shared_memory::inherited(number).inspect_err(|_| {
        // The daemon runs on without a keeper, and must not leak the descriptor.
        let _ = close(number);
    })?;
    drop(socket);
    let mut actions = PosixSpawnFileActions::init()?;
    let devnull: &CStr = c"/dev/null";
    actions.add_open(0, devnull, OFlag::O_RDWR, Mode::empty())?;
    actions.add_dup2(0, 1)?;
    actions.add_dup2(0, 2)?;
    actions.add_dup2(number, SOCKET_FD)?;
    let environment: [&CStr; 0] = [];
    let argument = CString::new(KEEPER).map_err(|_| Errno::EINVAL)?;
    posix_spawn(
        c"/proc/self/exe",
        &actions,
        &PosixSpawnAttr::init()?,
        &[c"corexdp", argument.as_c_str()],
        &environment,
    )
}
