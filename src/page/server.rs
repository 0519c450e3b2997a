//! The daemon's end: starts the worker, answers what it asks.

use std::ffi::{CStr, CString};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::listener::{Listener, Listeners};
use super::{Content, FAILED, FIRST_LISTENER_FD, PAGE_FD, PAGE_SIZE, SOCKET_FD, WORKER};
use crate::capacity::MAX_FILTERS;
use crate::config::Address;
use crate::kernel::shared::SharedPage;

/// Where descriptors wait that are about to become a worker's: above all that it gets, so that none is overwritten.
const ABOVE: i32 = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A worker that has lived so long was not at fault when it died.
const SOUND_AFTER: Duration = Duration::from_mins(1);

/// The page's listening sockets and its worker.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    page: SharedPage,
    page_fd: OwnedFd,
    worker: Option<Worker>,
    pause: Duration,
    restart_at: Option<Instant>,
}

#[derive(Debug)]
struct Worker {
    pid: Pid,
    socket: OwnedFd,
    since: Instant,
}

/// What came of listening to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It asked for this.
    Request(Content),
    /// Nothing that needs an answer.
    Nothing,
    /// It died; it will be started again.
    Death,
}

impl Server {
    /// Starts a worker for these listening sockets.
    ///
    /// # Errors
    /// When the system has no descriptor, memory or process left.
    pub fn start(listeners: Listeners) -> Result<Self, Errno> {
        let (page, page_fd) = SharedPage::create(PAGE_SIZE)?;
        let worker = Some(Worker::spawn(&page_fd, &listeners)?);
        Ok(Self {
            listeners,
            page,
            page_fd,
            worker,
            pause: FIRST_PAUSE,
            restart_at: None,
        })
    }

    /// The addresses listened on, with the port that the system chose where 0 was asked for.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(Listener::local)
    }

    /// The addresses as the Corefile has them.
    pub fn wanted(&self) -> impl Iterator<Item = Address> {
        self.listeners.iter().map(|listener| listener.address)
    }

    /// The socket that listens on this address.
    pub fn listener(&self, address: Address) -> Option<&Listener> {
        let mut listeners = self.listeners.iter();
        listeners.find(|listener| listener.address == address)
    }

    /// What to wait for until there is something to hear.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.worker.as_ref().map(|worker| worker.socket.as_fd())
    }

    /// When [`Server::restart`] wants to be called.
    pub const fn deadline(&self) -> Option<Instant> {
        self.restart_at
    }

    /// Takes what the worker says.
    pub fn hear(&mut self) -> Heard {
        let Some(worker) = &self.worker else {
            return Heard::Nothing;
        };
        let mut byte = [0; 1];
        match recv(worker.socket.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT) {
            Ok(1) => match Content::from_byte(byte[0]) {
                Some(content) => Heard::Request(content),
                None => self.bury(),
            },
            Err(Errno::EAGAIN | Errno::EINTR) => Heard::Nothing,
            _ => self.bury(),
        }
    }

    /// Answers a request: `render` writes the content and says how long it is, `None` when it can't.
    pub fn answer(&mut self, render: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let length = render(self.page.bytes()).and_then(|length| u32::try_from(length).ok());
        let answer = length.unwrap_or(FAILED).to_ne_bytes();
        if let Some(worker) = &self.worker {
            // A worker that is gone is noticed by `hear`.
            let _ = send(
                worker.socket.as_raw_fd(),
                &answer,
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            );
        }
    }

    /// Starts the worker again if its time has come.
    pub fn restart(&mut self) {
        if self.restart_at.is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.restart_at = None;
        match Worker::spawn(&self.page_fd, &self.listeners) {
            Ok(worker) => self.worker = Some(worker),
            Err(_) => self.plan_restart(),
        }
    }

    fn bury(&mut self) -> Heard {
        let Some(worker) = self.worker.take() else {
            return Heard::Nothing;
        };
        if worker.since.elapsed() >= SOUND_AFTER {
            self.pause = FIRST_PAUSE;
        }
        drop(worker);
        self.plan_restart();
        Heard::Death
    }

    fn plan_restart(&mut self) {
        self.restart_at = Instant::now().checked_add(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Worker {
    fn spawn(page: &OwnedFd, listeners: &[Listener]) -> Result<Self, Errno> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        let mut parked = heapless::Vec::<_, { MAX_FILTERS + 2 }>::new();
        let wanted = [(theirs.as_fd(), SOCKET_FD), (page.as_fd(), PAGE_FD)];
        let listeners = listeners
            .iter()
            .zip(FIRST_LISTENER_FD..)
            .map(|(listener, number)| (listener.socket.as_fd(), number));
        let mut actions = PosixSpawnFileActions::init()?;
        let devnull: &CStr = c"/dev/null";
        actions.add_open(0, devnull, OFlag::O_RDWR, Mode::empty())?;
        actions.add_dup2(0, 1)?;
        for (fd, number) in wanted.into_iter().chain(listeners) {
            let above = Parked::park(fd)?;
            actions.add_dup2(above.0, number)?;
            parked.push(above).map_err(|_| Errno::E2BIG)?;
        }
        let arguments = [
            c"corexdp".to_owned(),
            text(WORKER)?,
            text(&(parked.len() - 2).to_string())?,
        ];
        let environment: [CString; 0] = [];
        let pid = posix_spawn(
            c"/proc/self/exe",
            &actions,
            &PosixSpawnAttr::init()?,
            &arguments,
            &environment,
        )?;
        Ok(Self {
            pid,
            socket: ours,
            since: Instant::now(),
        })
    }
}

fn text(text: &str) -> Result<CString, Errno> {
    CString::new(text).map_err(|_| Errno::EINVAL)
}

/// A copy of a descriptor above [`ABOVE`], closed on drop.
struct Parked(i32, #[expect(dead_code, reason = "owns the copy")] OwnedFd);

impl Parked {
    fn park(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let number = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(ABOVE))?;
        let copy = crate::kernel::shared::inherited(number).ok_or(Errno::EBADF)?;
        Ok(Self(number, copy))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        while waitpid(self.pid, None) == Err(Errno::EINTR) {}
    }
}
