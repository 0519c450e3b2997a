//! The keeper's own process.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};

use super::SOCKET_FD;
use crate::http::{cage, worker};
use crate::kernel::fd_passing::{Descriptors, Message};
use crate::kernel::shared_memory::inherited;
use crate::kernel::{fd_passing, process, retry};

/// How long it does not listen after an error.
const PAUSE: Duration = Duration::from_millis(100);
/// Workers at the same time: one, and while the Corefile is read again the next one beside it.
const MOST_WORKERS: usize = 4;

/// Keeps workers until the daemon is gone. In each worker this returns when that has nothing more to do.
///
/// # Errors
/// When it was not started by the daemon, or may not become nobody.
pub fn run() -> Result<(), Errno> {
    // It was started by way of /proc/self/exe, and `ps` would show it as `exe`; that would be all.
    let _ = prctl::set_name(c"corexdp-keeper");
    process::close_from(SOCKET_FD + 1);
    let socket = inherited(SOCKET_FD)?;
    // Out of reach of the daemon's terminal.
    let apart = setsid().and_then(|_| cage::give_up());
    let answer = apart.err().map_or(0, |errno| errno as i32).to_ne_bytes();
    retry(|| send(socket.as_raw_fd(), &answer, MsgFlags::MSG_NOSIGNAL))?;
    apart?;
    let born = keep(&socket)?;
    drop(socket);
    born.map_or(Ok(()), worker::run)
}

/// Makes and ends workers until the daemon is gone. In a worker, returns what it is born with.
fn keep(socket: &OwnedFd) -> Result<Option<Descriptors>, Errno> {
    let mut workers = Workers::default();
    let end = loop {
        let Message { word, descriptors } = match fd_passing::receive(socket.as_fd()) {
            Ok(Some(message)) => message,
            Ok(None) => break Ok(None),
            Err(errno) if is_final(errno) => break Err(errno),
            Err(_) => {
                sleep(PAUSE);
                continue;
            }
        };
        if descriptors.is_empty() {
            workers.end(word);
            // A daemon that is gone is noticed by the next look.
            let _ = fd_passing::send(socket.as_fd(), word, &[]);
            continue;
        }
        match process::fork() {
            Ok(None) => return Ok(Some(descriptors)),
            Ok(Some(pid)) => workers.add(word, pid),
            // No room for another process: the descriptors are closed, and the daemon takes that for a death.
            Err(_) => {}
        }
    };
    workers.end_all();
    end
}

/// Whether there is no use in listening again. What is short now may be there later, and the page needs its keeper.
const fn is_final(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EBADF | Errno::EBADMSG | Errno::ECONNRESET | Errno::ENOTCONN | Errno::ENOTSOCK
    )
}

/// Those that were made and not yet ended. One that has died stays in the list until the daemon says so; until then it
/// is a zombie, and its process id nobody else's; or until there is no room for another.
#[derive(Default)]
struct Workers(heapless::Vec<(u32, Pid), MOST_WORKERS>);

impl Workers {
    fn add(&mut self, number: u32, pid: Pid) {
        // The daemon may not have been able to say so of all that have died.
        if self.0.is_full() {
            let alive =
                |pid| waitpid(pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
            self.0.retain(|(_, pid)| alive(*pid));
        }
        if self.0.push((number, pid)).is_err() {
            end(pid);
        }
    }

    fn end(&mut self, number: u32) {
        if let Some(at) = self.0.iter().position(|(one, _)| *one == number) {
            end(self.0.swap_remove(at).1);
        }
    }

    /// Not on drop: a worker has a copy of this list, and must not end its brothers.
    fn end_all(&self) {
        self.0.iter().for_each(|(_, pid)| end(*pid));
    }
}

fn end(pid: Pid) {
    // One that could not be killed would be waited for in vain; it ends when the daemon closes its pair.
    if kill(pid, Signal::SIGKILL).is_ok() {
        let _ = retry(|| waitpid(pid, None));
    }
}
