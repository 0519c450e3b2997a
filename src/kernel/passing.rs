//! Messages between processes that carry descriptors (`SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Descriptors that a message can carry.
pub const MOST: usize = 64;

/// Sends one message of four bytes, with descriptors. Never waits.
///
/// # Errors
/// `EPIPE` when nobody is there any more, `EAGAIN` when too much waits there, `EMFILE`.
pub fn send(
    socket: BorrowedFd<'_>,
    word: u32,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut raw = heapless::Vec::<RawFd, MOST>::new();
    for fd in descriptors {
        raw.push(fd.as_raw_fd()).map_err(|_| Errno::E2BIG)?;
    }
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[] } else { &rights[..] };
    let word = word.to_ne_bytes();
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(&word)],
        control,
        flags,
        None,
    )
    .map(drop)
}

/// What came with a message.
pub type Descriptors = heapless::Vec<OwnedFd, MOST>;

/// A message: its word, and the descriptors it brought, which this process now owns.
#[derive(Debug)]
pub struct Message {
    /// The four bytes.
    pub word: u32,
    /// In the order in which they were sent.
    pub descriptors: Descriptors,
}

/// Waits for the next message; `None` when the other end is closed.
///
/// # Errors
/// `EBADMSG` for one that [`send`] does not send, `EMFILE`.
pub fn receive(socket: BorrowedFd<'_>) -> Result<Option<Message>, Errno> {
    let mut word = [0; 4];
    let mut parts = [IoSliceMut::new(&mut word)];
    let mut space = cmsg_space!([RawFd; MOST]);
    let received = loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    let mut descriptors = Descriptors::new();
    for control in received.cmsgs()? {
        let ControlMessageOwned::ScmRights(raw) = control else {
            continue;
        };
        for fd in raw {
            // SAFETY: the kernel has just made this descriptor for this message and nobody else owns it.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            descriptors.push(fd).map_err(|_| Errno::EBADMSG)?;
        }
    }
    match received.bytes {
        0 => Ok(None),
        4 => Ok(Some(Message {
            word: u32::from_ne_bytes(word),
            descriptors,
        })),
        _ => Err(Errno::EBADMSG),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let kind = SockType::SeqPacket;
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    #[test]
    fn descriptors_arrive_in_order_and_words_without_any() {
        let (one, other) = pair();
        let files = ["/proc/self/comm", "/dev/null"].map(|path| File::open(path).unwrap());
        let fds = [files[0].as_fd(), files[1].as_fd()];
        send(one.as_fd(), 7, &fds).unwrap();
        send(one.as_fd(), u32::MAX, &[]).unwrap();
        drop(one);
        let first = receive(other.as_fd()).unwrap().unwrap();
        assert_eq!((first.word, first.descriptors.len()), (7, 2));
        let lengths = first.descriptors.into_iter().map(|fd| {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).unwrap()
        });
        let lengths: Vec<_> = lengths.collect();
        assert!(lengths[0] > 0 && lengths[1] == 0, "{lengths:?}");
        let second = receive(other.as_fd()).unwrap().unwrap();
        assert_eq!((second.word, second.descriptors.len()), (u32::MAX, 0));
        assert!(receive(other.as_fd()).unwrap().is_none());
    }

    #[test]
    fn nobody_there_is_an_error() {
        let (one, other) = pair();
        drop(other);
        assert_eq!(send(one.as_fd(), 0, &[]), Err(Errno::EPIPE));
    }
}
