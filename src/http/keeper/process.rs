//! The process of the keeper.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, setpgid};

use super::{SOCKET_FD, syscalls};
use crate::http::{cage, worker};
use crate::kernel::fd_passing::{Descriptors, Message};
use crate::kernel::process::Title;
use crate::kernel::shared_memory::inherited;
use crate::kernel::{fd_passing, process, retry};

/// Delay before receiving again after an error.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// Maximum number of workers in the list: the current worker, its successor during a reload, and dead workers that are
/// not reaped.
const MAX_WORKERS: usize = 4;

/// Runs the keeper until the daemon ends. In the child after a fork, runs the worker.
///
/// # Errors
/// `EBADF` when a process other than the daemon started the keeper, `EPERM` when it may not become nobody; in a worker,
/// the errors of [`worker::run`].
pub fn run() -> Result<(), Errno> {
    // Without a name, `ps` would show `exe`, from `/proc/self/exe`, and the keeper's arguments for every worker. Failure
    // is harmless.
    let _ = prctl::set_name(c"corexdp-keeper");
    let title = Title::find();
    set_title(title, "corexdp: keeper");
    process::close_from(SOCKET_FD + 1);
    let socket = inherited(SOCKET_FD)?;
    let confined = confine();
    let answer = confined.err().map_or(0, |errno| errno as i32).to_ne_bytes();
    retry(|| send(socket.as_raw_fd(), &answer, MsgFlags::MSG_NOSIGNAL))?;
    confined?;
    let descriptors = supervise(&socket)?;
    drop(socket);
    let Some(descriptors) = descriptors else {
        return Ok(());
    };
    set_title(title, "corexdp: page");
    worker::run(descriptors)
}

fn set_title(title: Option<Title>, text: &str) {
    if let Some(title) = title {
        title.set(text);
    }
}

/// Gives up all privileges that keeper and workers do not need.
fn confine() -> Result<(), Errno> {
    // In its own process group, the keeper gets no signals of the daemon's terminal. In the daemon's session, the daemon
    // may send it SIGCONT. When the daemon dies, the kernel continues the orphaned group (setpgid(2)).
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    // The daemon's working directory may be on a file system that is to be unmounted.
    chdir("/")?;
    cage::give_up()?;
    syscalls::close()
}

/// Forks and kills workers until the daemon ends. In a worker, returns its descriptors.
fn supervise(socket: &OwnedFd) -> Result<Option<Descriptors>, Errno> {
    let mut workers = Workers::default();
    let end = loop {
        let Message { word, descriptors } = match fd_passing::receive(socket.as_fd()) {
            Ok(Some(message)) => message,
            Ok(None) => break Ok(None),
            Err(errno) if is_final(errno) => break Err(errno),
            Err(_) => {
                sleep(RETRY_DELAY);
                continue;
            }
        };
        if descriptors.is_empty() {
            workers.kill(word);
        } else {
            match process::fork() {
                Ok(None) => return Ok(Some(descriptors)),
                Ok(Some(pid)) => workers.add(word, pid),
                // The descriptors are closed, which the daemon notices as the worker's death.
                Err(_) => {}
            }
        }
        // An error means that the daemon has died, which the next `receive` reports.
        let _ = fd_passing::send(socket.as_fd(), word, &[]);
    };
    workers.kill_all();
    end
}

/// True for an error that persists. A lack of memory or descriptors may pass, so it is retried.
const fn is_final(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EBADF | Errno::EBADMSG | Errno::ECONNRESET | Errno::ENOTCONN | Errno::ENOTSOCK
    )
}

/// Workers that are not reaped: number and process id. A dead worker stays in the list until the daemon's message, or
/// until the list is full: as a zombie it keeps its process id, so that the keeper cannot kill another process.
#[derive(Default)]
struct Workers(heapless::Vec<(u32, Pid), MAX_WORKERS>);

impl Workers {
    fn add(&mut self, number: u32, pid: Pid) {
        // A full list has dead workers if messages of the daemon were lost.
        if self.0.is_full() {
            let alive =
                |pid| waitpid(pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
            self.0.retain(|(_, pid)| alive(*pid));
        }
        if self.0.push((number, pid)).is_err() {
            kill_and_reap(pid);
        }
    }

    fn kill(&mut self, number: u32) {
        if let Some(index) = self.0.iter().position(|(other, _)| *other == number) {
            kill_and_reap(self.0.swap_remove(index).1);
        }
    }

    /// Kills all workers. `Drop` does not do this: a forked worker drops its copy of the list, and must not kill others.
    fn kill_all(&self) {
        self.0.iter().for_each(|(_, pid)| kill_and_reap(*pid));
    }
}

fn kill_and_reap(pid: Pid) {
    // A worker that cannot be killed is not waited for. Such a worker exits when the daemon closes its socket pairs.
    if kill(pid, Signal::SIGKILL).is_ok() {
        let _ = retry(|| waitpid(pid, None));
    }
}
