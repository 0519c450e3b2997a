//! Messages between processes that carry descriptors (`SCM_RIGHTS`).

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{mem, ptr};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// Descriptors that a message can carry.
pub const MOST: usize = 64;

/// Room for the control message that carries them: its head, and four bytes for each.
#[repr(C, align(8))]
struct Control([u8; 64 + size_of::<RawFd>() * MOST]);

/// Sends one message of four bytes, with descriptors. Never waits.
///
/// # Errors
/// `EPIPE` when nobody is there any more, `EAGAIN` when too much waits there, `EMFILE`.
pub fn send(
    socket: BorrowedFd<'_>,
    word: u32,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_packet(socket, &word.to_ne_bytes(), descriptors)
}

/// Sends one message, with descriptors. Never waits, and allocates nothing.
///
/// # Errors
/// As [`send`].
pub fn send_packet(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut raw = heapless::Vec::<RawFd, MOST>::new();
    for fd in descriptors {
        raw.push(fd.as_raw_fd()).map_err(|_| Errno::E2BIG)?;
    }
    let size = u32::try_from(size_of_val(raw.as_slice())).map_err(|_| Errno::E2BIG)?;
    let mut part = libc::iovec {
        iov_base: packet.as_ptr().cast_mut().cast(),
        iov_len: packet.len(),
    };
    let mut control = Control([0; _]);
    // SAFETY: msghdr is plain data; all zero is a message without parts.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    if size > 0 {
        message.msg_control = (&raw mut control.0).cast();
        // SAFETY: `CMSG_SPACE` and `CMSG_LEN` compute. `CMSG_FIRSTHDR` is the beginning of `control`, which is aligned
        // as a head must be and has room for it and the data of all `MOST` descriptors, of which `raw` has no more.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(size) as _;
            let head = libc::CMSG_FIRSTHDR(&raw const message);
            (*head).cmsg_level = libc::SOL_SOCKET;
            (*head).cmsg_type = libc::SCM_RIGHTS;
            (*head).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::copy_nonoverlapping(
                raw.as_ptr().cast::<u8>(),
                libc::CMSG_DATA(head),
                size as usize,
            );
        }
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: `message` refers to `part`, that to `packet`, and to `control`; all live beyond the call, which reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) };
    Errno::result(sent).map(drop)
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
    match receive_packet(socket, &mut word)? {
        (0, _) => Ok(None),
        (4, descriptors) => Ok(Some(Message {
            word: u32::from_ne_bytes(word),
            descriptors,
        })),
        _ => Err(Errno::EBADMSG),
    }
}

/// Waits for the next message; how long it is, 0 when the other end is closed, and the descriptors that it brought.
///
/// # Errors
/// `EBADMSG` for one with more than [`MOST`] of them, `EMFILE`.
pub fn receive_packet(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
) -> Result<(usize, Descriptors), Errno> {
    let mut parts = [IoSliceMut::new(room)];
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
    Ok((received.bytes, descriptors))
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
