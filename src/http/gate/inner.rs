//! Connections from the gate to the responder of the worker.
//!
//! A connection is a socket pair. A socket pair has no address, so no other process can connect. The alternatives are
//! worse: other processes find a socket with an abstract name in `/proc/net/unix`, and a socket in the file system needs a
//! folder that the worker can write to.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::REQUESTS;

/// Connections that the gate has opened and the responder has not taken.
type Queue = Mutex<heapless::Vec<UnixStream, REQUESTS>>;

/// The gate's end of the queue.
#[derive(Debug)]
pub(in crate::http) struct Inner {
    queue: Arc<Queue>,
    /// Writing a byte wakes the responder.
    wake: UnixStream,
}

/// The responder's end of the queue.
#[derive(Debug)]
pub(in crate::http) struct Incoming {
    queue: Arc<Queue>,
    /// Readable when a connection was opened.
    woken: UnixStream,
}

/// Opens an empty queue.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub(in crate::http) fn queue() -> io::Result<(Inner, Incoming)> {
    let (wake, woken) = pair()?;
    let queue = Arc::new(Queue::default());
    let inner = Inner {
        queue: Arc::clone(&queue),
        wake,
    };
    Ok((inner, Incoming { queue, woken }))
}

impl Inner {
    /// Opens a nonblocking connection.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`; `EAGAIN` when the queue is full.
    pub(in crate::http) fn connect(&self) -> io::Result<UnixStream> {
        let (ours, theirs) = pair()?;
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(theirs).map_err(|_| ErrorKind::WouldBlock)?;
        drop(queue);
        match (&self.wake).write(&[0]) {
            // A full socket has unread bytes, which wake the responder as well.
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(ours),
        }
    }
}

impl Incoming {
    /// Takes the next connection, without waiting.
    pub(in crate::http) fn take(&self) -> Option<UnixStream> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        (!queue.is_empty()).then(|| queue.remove(0))
    }

    /// Discards the bytes that woke the responder. Must precede [`Incoming::take`], else a connection is missed.
    pub(in crate::http) fn clear(&self) {
        // An error means that there is no byte.
        let _ = (&self.woken).read(&mut [0; REQUESTS]);
    }
}

impl AsFd for Incoming {
    /// Descriptor that becomes readable when a connection waits.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (one, other) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    Ok((one.into(), other.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_taken_in_order_and_without_waiting() {
        let (inner, incoming) = queue().unwrap();
        assert!(incoming.take().is_none());
        let mut ours: Vec<_> = (0..REQUESTS).map(|_| inner.connect().unwrap()).collect();
        let full = inner.connect().unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        incoming.clear();
        for (number, stream) in (0..).zip(&mut ours) {
            stream.write_all(&[number]).unwrap();
            let mut byte = [0];
            incoming.take().unwrap().read_exact(&mut byte).unwrap();
            assert_eq!(byte, [number]);
        }
        assert!(incoming.take().is_none());
        let empty = (&incoming.woken).read(&mut [0]).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::WouldBlock);
    }
}
