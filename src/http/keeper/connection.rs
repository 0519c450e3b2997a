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

/// Time within which the keeper must answer a message; long enough for a busy machine.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Period of `SIGCONT` to a keeper that is starting.
const RESUME_PERIOD: Duration = Duration::from_millis(200);
/// Longest delay between two checks whether the keeper has exited.
const MAX_CHECK_DELAY: Duration = Duration::from_millis(50);

/// The connection of the daemon to its keeper.
#[derive(Debug)]
pub(super) struct Connection {
    pid: Pid,
    pub(super) socket: OwnedFd,
    /// Number of messages without answer.
    unanswered: Cell<u32>,
    /// Time by which the keeper must answer; `None` if every message is answered.
    deadline: Cell<Option<Instant>>,
    health: Cell<Health>,
}

/// State of the keeper, judged by its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// The keeper answers in time.
    Responsive,
    /// One deadline has passed.
    Late,
    /// Two deadlines have passed in succession.
    Dead,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, pid: Pid) -> Self {
        Self {
            pid,
            socket,
            unanswered: Cell::new(0),
            deadline: Cell::new(None),
            health: Cell::new(Health::Responsive),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.get()
    }

    /// Receives the answers of the keeper. True while the keeper runs.
    pub(super) fn is_alive(&self) -> bool {
        loop {
            match self.answer() {
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return self.health.get() != Health::Dead,
                _ => return false,
            }
        }
    }

    /// Sends a message that the keeper answers. Never blocks.
    pub(super) fn send(&self, word: u32, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        fd_passing::send(self.socket.as_fd(), word, descriptors)?;
        self.unanswered.set(self.unanswered.get().saturating_add(1));
        if self.deadline.get().is_none() {
            self.deadline
                .set(Instant::now().checked_add(ANSWER_TIMEOUT));
        }
        self.resume();
        Ok(())
    }

    /// Continues a keeper that was stopped. A running keeper ignores the signal.
    fn resume(&self) {
        // The signal reaches no other process: a dead keeper keeps its process id until the daemon reaps it.
        let _ = kill(self.pid, Signal::SIGCONT);
    }

    /// Receives an answer, without blocking; `None` when the keeper is dead.
    fn answer(&self) -> Result<Option<u32>, Errno> {
        let mut answer = [0; 4];
        let fd = self.socket.as_raw_fd();
        let length = recv(fd, &mut answer, MsgFlags::MSG_DONTWAIT)?;
        let unanswered = self.unanswered.get().saturating_sub(1);
        self.unanswered.set(unanswered);
        self.health.set(Health::Responsive);
        let next = Instant::now().checked_add(ANSWER_TIMEOUT);
        self.deadline.set(next.filter(|_| unanswered > 0));
        Ok((length > 0).then_some(u32::from_ne_bytes(answer)))
    }

    /// Waits for the first answer, which tells that the keeper has become nobody: 0, or the errno of its failure; `None`
    /// when the keeper has exited. A signal that stops the daemon ends the wait.
    pub(super) fn first_answer(&self) -> Result<Option<i32>, Errno> {
        let begin = Instant::now();
        while begin.elapsed() < ANSWER_TIMEOUT && !stop_is_pending() {
            wait(
                [Some(self.socket.as_fd())],
                Instant::now().checked_add(RESUME_PERIOD),
            )?;
            match self.answer() {
                Ok(answer) => return Ok(answer.map(u32::cast_signed)),
                Err(Errno::EAGAIN | Errno::EINTR) => self.resume(),
                Err(errno) => return Err(errno),
            }
        }
        self.health.set(Health::Dead);
        Err(Errno::ETIMEDOUT)
    }

    /// Waits for the answer with this number, for at most `timeout`.
    pub(super) fn wait_for(&self, number: u32, timeout: Duration) {
        let until = Instant::now().checked_add(timeout);
        while let Ok([true]) = wait([Some(self.socket.as_fd())], until) {
            // Answers to earlier messages may arrive first.
            if !matches!(self.answer(), Ok(Some(other)) if other != number) {
                return;
            }
        }
    }

    /// See [`Keeper::resume_if_late`](super::Keeper::resume_if_late).
    pub(super) fn resume_if_late(&self) -> bool {
        let now = Instant::now();
        if self.deadline.get().is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.health.set(match self.health.get() {
            Health::Responsive => Health::Late,
            Health::Late | Health::Dead => Health::Dead,
        });
        self.deadline.set(now.checked_add(ANSWER_TIMEOUT));
        self.resume();
        true
    }

    /// Waits at most `timeout` for the exit of the keeper. Does not wait for a keeper that does not answer.
    pub(super) fn wait_for_exit(&self, timeout: Duration) {
        let begin = Instant::now();
        let mut delay = Duration::from_millis(1);
        loop {
            // Another process of nobody may stop the keeper again.
            self.resume();
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG));
            let lives = matches!(status, Ok(WaitStatus::StillAlive) | Err(Errno::EINTR));
            let waits = self.health.get() != Health::Dead && begin.elapsed() < timeout;
            if !(lives && waits) {
                return;
            }
            sleep(delay);
            delay = (2 * delay).min(MAX_CHECK_DELAY);
        }
    }
}
