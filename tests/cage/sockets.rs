//! The worker's sockets reach only clients that have connected. Each way to address another peer works without the
//! worker's seccomp list, and kills a worker with the list.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use corexdp::http::cage::list;
use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, Shutdown, SockFlag, SockType, SockaddrIn, SockaddrLike as _, shutdown, socket,
};

use crate::inside::{Outcome, inside, raw, unrestricted};

const SIGSYS: Outcome = Outcome::Ended(Signal::SIGSYS);

/// Fails unless the attempt succeeds without the list and kills a worker.
fn is_denied(name: &str, attempt: &dyn Fn() -> nix::Result<()>) {
    assert_eq!(
        inside(unrestricted, attempt),
        Outcome::Done,
        "{name}, outside"
    );
    assert_eq!(inside(list::close, attempt), SIGSYS, "{name}, inside");
}

/// Calls `sendto` with one byte, these flags and this address.
fn send_to(
    fd: &impl AsRawFd,
    flags: i32,
    address: *const libc::c_void,
    length: u32,
) -> nix::Result<()> {
    let byte = [0u8; 1];
    let fd = i64::from(fd.as_raw_fd());
    let data = byte.as_ptr() as i64;
    let arguments = [fd, data, 1, flags.into(), address as i64, length.into()];
    raw(libc::SYS_sendto, arguments)
}

fn to(fd: &impl AsRawFd, flags: i32, address: &SockaddrIn) -> nix::Result<()> {
    send_to(fd, flags, address.as_ptr().cast(), address.len())
}

#[test]
fn tcp_fast_open_connects_no_socket() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let std::net::SocketAddr::V4(address) = peer.local_addr().unwrap() else {
        unreachable!("the listener has an IPv4 address")
    };
    let address = SockaddrIn::from(address);
    let kind = SockType::Stream;
    let unconnected: OwnedFd = socket(AddressFamily::Inet, kind, SockFlag::empty(), None).unwrap();
    let flags = libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL;
    is_denied("a new socket", &|| to(&unconnected, flags, &address));
    // The worker has listening sockets. After a shutdown a listening socket can connect.
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let listener = TcpListener::bind(any).unwrap();
    let all = || shutdown(listener.as_raw_fd(), Shutdown::Both);
    is_denied("an end to listening", &all);
    let listener = TcpListener::bind(any).unwrap();
    is_denied("a former listener", &|| {
        shutdown(listener.as_raw_fd(), Shutdown::Read)?;
        to(&listener, flags, &address)
    });
    // A shutdown of the write half does not stop a listening socket.
    let half = || shutdown(listener.as_raw_fd(), Shutdown::Write);
    assert_eq!(inside(list::close, half), Outcome::Done);
}

#[test]
fn datagrams_have_no_address() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let std::net::SocketAddr::V4(address) = peer.local_addr().unwrap() else {
        unreachable!("the socket has an IPv4 address")
    };
    let address = SockaddrIn::from(address);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    is_denied("by UDP", &|| to(&socket, libc::MSG_NOSIGNAL, &address));
    let path = std::env::temp_dir().join(format!("cxt-datagram-{}", std::process::id()));
    let unix_peer = UnixDatagram::bind(&path).unwrap();
    let unix = UnixDatagram::unbound().unwrap();
    let unix_address = nix::sys::socket::UnixAddr::new(&path).unwrap();
    is_denied("by a Unix socket", &|| {
        send_to(&unix, 0, unix_address.as_ptr().cast(), unix_address.len())
    });
    std::fs::remove_file(&path).unwrap();
    drop(unix_peer);
}

/// A seccomp filter that compares only the lower 32 bits of the pointer would see a null pointer.
#[test]
fn address_at_a_multiple_of_4_gib_is_an_address() {
    const AT: usize = 1 << 32;
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let std::net::SocketAddr::V4(address) = peer.local_addr().unwrap() else {
        unreachable!("the socket has an IPv4 address")
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let raw_address = *SockaddrIn::from(address).as_ref();
    is_denied("far away", &|| {
        let size = 4096.try_into().unwrap();
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
        // SAFETY: MAP_FIXED_NOREPLACE replaces no mapping, and nothing else uses the new memory.
        let memory = unsafe { mmap_anonymous(AT.try_into().ok(), size, access, flags)? };
        let place = memory.cast::<libc::sockaddr_in>();
        // SAFETY: the memory is page-aligned and large enough.
        unsafe { place.write(raw_address) };
        send_to(&socket, 0, place.as_ptr().cast(), 16)
    });
}

#[test]
fn responses_go_to_connected_peers() {
    let (one, other) = UnixDatagram::pair().unwrap();
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    let answer = || send_to(&one, flags, std::ptr::null(), 0);
    assert_eq!(inside(list::close, answer), Outcome::Done);
    // Responses use neither ancillary data nor urgent bytes.
    for flags in [libc::MSG_OOB, libc::MSG_CONFIRM, libc::MSG_ZEROCOPY] {
        let odd = || send_to(&one, flags, std::ptr::null(), 0);
        assert_eq!(inside(list::close, odd), SIGSYS, "{flags:#x}");
    }
    let length = || send_to(&one, 0, std::ptr::null(), 16);
    assert_eq!(inside(list::close, length), SIGSYS);
    assert_eq!(other.recv(&mut [0; 2]).map_err(|_| Errno::EIO), Ok(1));
}
