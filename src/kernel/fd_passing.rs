//! Messages between processes that carry descriptors (`SCM_RIGHTS`, unix(7)).

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{mem, ptr};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// Descriptors in one message. The kernel allows 253 (`SCM_MAX_FD`).
pub const MAX_DESCRIPTORS: usize = 64;

/// Buffer for the control message that carries the descriptors: its header, and four bytes for each descriptor.
#[repr(C, align(8))]
struct Control([u8; 64 + size_of::<RawFd>() * MAX_DESCRIPTORS]);

/// Sends one message of four bytes, with descriptors. Never blocks.
///
/// # Errors
/// `EPIPE` when the peer is closed, `EAGAIN` when its queue is full, `EMFILE`.
pub fn send(
    socket: BorrowedFd<'_>,
    word: u32,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_packet(socket, &word.to_ne_bytes(), descriptors)
}

/// Sends one message, with descriptors. Never blocks, and allocates nothing.
///
/// # Errors
/// The errors of [`send`].
pub fn send_packet(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut raw = heapless::Vec::<RawFd, MAX_DESCRIPTORS>::new();
    for fd in descriptors {
        raw.push(fd.as_raw_fd()).map_err(|_| Errno::E2BIG)?;
    }
    let size = u32::try_from(size_of_val(raw.as_slice())).map_err(|_| Errno::E2BIG)?;
    let mut part = libc::iovec {
        iov_base: packet.as_ptr().cast_mut().cast(),
        iov_len: packet.len(),
    };
    let mut control = Control([0; _]);
    // SAFETY: msghdr is plain data; all zero is a message without data.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    if size > 0 {
        message.msg_control = (&raw mut control.0).cast();
        // SAFETY: `CMSG_SPACE` and `CMSG_LEN` only compute. `CMSG_FIRSTHDR` points to the start of `control`, which is
        // aligned for a header and has room for it and `MAX_DESCRIPTORS` descriptors; `raw` has no more than that.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(size) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::copy_nonoverlapping(
                raw.as_ptr().cast::<u8>(),
                libc::CMSG_DATA(header),
                size as usize,
            );
        }
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: `message` points to `part` and `control`, and `part` to `packet`; the call only reads them, and all three
    // outlive it.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) };
    Errno::result(sent).map(drop)
}

/// Descriptors that arrived with a message.
pub type Descriptors = heapless::Vec<OwnedFd, MAX_DESCRIPTORS>;

/// A message of [`send`]. This process owns its descriptors.
#[derive(Debug)]
pub struct Message {
    /// The four bytes, in native byte order.
    pub word: u32,
    /// Descriptors in the order of sending.
    pub descriptors: Descriptors,
}

/// Waits for the next message; `None` when the peer is closed.
///
/// # Errors
/// `EBADMSG` for a message that [`send`] cannot have sent, `EMFILE`.
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

/// Waits for the next message. Returns its length in bytes, 0 when the peer is closed, and its descriptors.
///
/// # Errors
/// `EBADMSG` for a message with more than [`MAX_DESCRIPTORS`] descriptors, `EMFILE`.
pub fn receive_packet(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<(usize, Descriptors), Errno> {
    let mut parts = [IoSliceMut::new(buffer)];
    let mut space = cmsg_space!([RawFd; MAX_DESCRIPTORS]);
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
            // SAFETY: the kernel has just created this descriptor for this message and nobody else owns it.
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
    fn descriptors_arrive_in_order_and_are_optional() {
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
    fn sending_to_a_closed_peer_fails() {
        let (one, other) = pair();
        drop(other);
        assert_eq!(send(one.as_fd(), 0, &[]), Err(Errno::EPIPE));
    }
}
