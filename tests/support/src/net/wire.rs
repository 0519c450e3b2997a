//! Sending and receiving whole frames by `AF_PACKET`.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike, bind, recv,
    send, setsockopt, socket, sockopt::RcvBufForce,
};

use super::Namespace;
use crate::wait::wait_until;

/// Bytes of frames that a receiver keeps until the test looks: more than a burst of other traffic.
const ROOM: usize = 8 << 20;

/// Sends frames out of an interface.
pub struct Sender(OwnedFd);

/// Receives frames that an interface received and its filter passed.
pub struct Receiver(OwnedFd);

impl Sender {
    pub fn new(namespace: &Namespace, interface: &str) -> Self {
        Self(namespace.enter(|| open(interface, None)))
    }

    /// Sends the frame `times` times. The kernel drops a frame for which the queue of the peer has no room, and reports
    /// ENOBUFS; then the frame is sent again.
    pub fn send(&self, frame: &[u8], times: u32) {
        for _ in 0..times {
            let sent = wait_until("the frame is taken", || {
                let sent = self.try_send(frame);
                (sent != Err(Errno::ENOBUFS)).then_some(sent)
            });
            sent.unwrap();
        }
    }

    /// Sends the frame over an interface that may be down or removed.
    pub fn try_send(&self, frame: &[u8]) -> Result<(), Errno> {
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty())?;
        assert_eq!(sent, frame.len());
        Ok(())
    }
}

impl Receiver {
    pub fn new(namespace: &Namespace, interface: &str) -> Self {
        let fd = namespace.enter(|| open(interface, Some(SockProtocol::EthAll)));
        setsockopt(&fd, RcvBufForce, &ROOM).unwrap();
        Self(fd)
    }

    /// The next received frame, if any.
    pub fn next(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 2048];
        loop {
            match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => frame.truncate(length),
                Err(Errno::EAGAIN) => return None,
                // The kernel reports this once when the interface goes down or is removed. Frames received before are
                // still queued.
                Err(Errno::ENETDOWN) => continue,
                Err(errno) => panic!("{errno}"),
            }
            return Some(frame);
        }
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Opens a socket in the network namespace of the calling thread. It receives frames of `protocol`; without a protocol it
/// receives none.
fn open(interface: &str, protocol: Option<SockProtocol>) -> OwnedFd {
    let index = if_nametoindex(interface).unwrap();
    let fd = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )
    .unwrap();
    // SAFETY: sockaddr_ll is plain data, for which all zero is valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
    // With 0 the socket keeps the protocol that it was opened with.
    address.sll_protocol = 0;
    address.sll_ifindex = i32::try_from(index).unwrap();
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).unwrap();
    // SAFETY: `length` is the size of `address`, whose family is that of its first member.
    let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }.unwrap();
    bind(fd.as_raw_fd(), &address).unwrap();
    fd
}
