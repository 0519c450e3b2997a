//! Whole frames in and out of an interface, by `AF_PACKET`.

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

/// Puts frames onto an interface.
pub struct Sender(OwnedFd);

/// Hears what an interface has received and its filter let through.
pub struct Receiver(OwnedFd);

impl Sender {
    pub fn new(namespace: &Namespace, interface: &str) -> Self {
        Self(namespace.enter(|| open(interface, None)))
    }

    /// Sends the frame `times` times. While the other end's queue is full, which is told and not sent, it waits.
    pub fn send(&self, frame: &[u8], times: u32) {
        for _ in 0..times {
            let sent = wait_until("the frame is taken", || {
                let sent = self.try_send(frame);
                (sent != Err(Errno::ENOBUFS)).then_some(sent)
            });
            sent.unwrap();
        }
    }

    /// Sends the frame over an interface that may be down or gone.
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

    /// The next frame that has come, if any.
    pub fn next(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 2048];
        loop {
            match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => frame.truncate(length),
                Err(Errno::EAGAIN) => return None,
                // Said once when the interface goes down or away; what came before is still there.
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

/// Opens a socket in the calling thread's namespace. It receives this protocol, or nothing.
fn open(interface: &str, heard: Option<SockProtocol>) -> OwnedFd {
    let index = if_nametoindex(interface).unwrap();
    let fd = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        heard,
    )
    .unwrap();
    // SAFETY: sockaddr_ll is plain data, for which all zero is valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
    // The socket's own, unless it is another.
    address.sll_protocol = 0;
    address.sll_ifindex = i32::try_from(index).unwrap();
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).unwrap();
    // SAFETY: the address is as long as said, and of the family that its first member says.
    let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }.unwrap();
    bind(fd.as_raw_fd(), &address).unwrap();
    fd
}
