//! The daemon's connection to its keeper: messages, answers and their deadline.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::base::wait::{sleep, wait};
use crate::kernel::fd_passing;
use crate::kernel::process::stop_is_pending;

/// Time in which the keeper must answer, generous for a busy machine.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Delay before a keeper that starts is continued once more.
const RESUME_EVERY: Duration = Duration::from_millis(200);
/// Longest delay between two looks whether the keeper has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The connection of the daemon to its keeper.
#[derive(Debug)]
pub(super) struct Connection {
    pid: Pid,
    pub(super) socket: OwnedFd,
    /// Messages without answer.
    unanswered: Cell<u32>,
    /// Time by which the keeper must answer; `None` if no message waits for an answer.
    deadline: Cell<Option<Instant>>,
    patience: Cell<Patience>,
}

/// The daemon's patience with the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// The keeper answers in time.
    Full,
    /// One deadline has passed.
    Last,
    /// Two deadlines have passed in succession.
    Gone,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, pid: Pid) -> Self {
        Self {
            pid,
            socket,
            unanswered: Cell::new(0),
            deadline: Cell::new(None),
            patience: Cell::new(Patience::Full),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.get()
    }

    /// True while the keeper runs. Takes its answers.
    pub(super) fn is_alive(&self) -> bool {
        loop {
            match self.answer() {
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return self.patience.get() != Patience::Gone,
                _ => return false,
            }
        }
    }

    /// Sends a message, which the keeper will answer. Never blocks.
    pub(super) fn send(&self, word: u32, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        fd_passing::send(self.socket.as_fd(), word, descriptors)?;
        self.unanswered.set(self.unanswered.get().saturating_add(1));
        if self.deadline.get().is_none() {
            self.deadline
                .set(Instant::now().checked_add(ANSWERS_WITHIN));
        }
        self.resume();
        Ok(())
    }

    /// Continues a keeper that was stopped; no other keeper notices the signal.
    fn resume(&self) {
        // A dead keeper keeps its id until the daemon reaps it.
        let _ = kill(self.pid, Signal::SIGCONT);
    }

    /// Takes an answer, without blocking; `None` when the keeper is dead.
    fn answer(&self) -> Result<Option<u32>, Errno> {
        let mut answer = [0; 4];
        let fd = self.socket.as_raw_fd();
        let length = recv(fd, &mut answer, MsgFlags::MSG_DONTWAIT)?;
        let unanswered = self.unanswered.get().saturating_sub(1);
        self.unanswered.set(unanswered);
        self.patience.set(Patience::Full);
        let next = Instant::now().checked_add(ANSWERS_WITHIN);
        self.deadline.set(next.filter(|_| unanswered > 0));
        Ok((length > 0).then_some(u32::from_ne_bytes(answer)))
    }

    /// Waits for the message that the keeper is nobody: 0, or the errno; `None` when the keeper ended. A signal to stop
    /// ends the wait.
    pub(super) fn first_answer(&self) -> Result<Option<i32>, Errno> {
        let begin = Instant::now();
        while begin.elapsed() < ANSWERS_WITHIN && !stop_is_pending() {
            wait(
                [Some(self.socket.as_fd())],
                Instant::now().checked_add(RESUME_EVERY),
            )?;
            match self.answer() {
                Ok(answer) => return Ok(answer.map(u32::cast_signed)),
                Err(Errno::EAGAIN | Errno::EINTR) => self.resume(),
                Err(errno) => return Err(errno),
            }
        }
        self.patience.set(Patience::Gone);
        Err(Errno::ETIMEDOUT)
    }

    /// Waits for the answer with this number, but not for long.
    pub(super) fn wait_for(&self, number: u32, within: Duration) {
        let until = Instant::now().checked_add(within);
        while let Ok([true]) = wait([Some(self.socket.as_fd())], until) {
            // Late answers to earlier messages may arrive first.
            if !matches!(self.answer(), Ok(Some(other)) if other != number) {
                return;
            }
        }
    }

    pub(super) fn resume_if_late(&self) -> bool {
        let now = Instant::now();
        if self.deadline.get().is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.patience.set(match self.patience.get() {
            Patience::Full => Patience::Last,
            _ => Patience::Gone,
        });
        self.deadline.set(now.checked_add(ANSWERS_WITHIN));
        self.resume();
        true
    }

    /// Waits for the end of the keeper, but not for long.
    pub(super) fn wait_for_end(&self, within: Duration) {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        // Continued in each round: nobody's processes can stop the keeper again. No wait for a keeper that hangs: it
        // ends once it goes on.
        loop {
            self.resume();
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG));
            let lives = matches!(status, Ok(WaitStatus::StillAlive) | Err(Errno::EINTR));
            let waits = self.patience.get() != Patience::Gone && begin.elapsed() < within;
            if !(lives && waits) {
                return;
            }
            sleep(pause);
            pause = (2 * pause).min(LOOK_EVERY);
        }
    }
}
