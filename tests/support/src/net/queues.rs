//! Setting the queues of an interface.

use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;

use nix::libc;

use super::Namespace;

/// Sets the number of queues of an interface, like `ethtool --set-channels`, without needing ethtool.
pub fn set_queues(namespace: &Namespace, name: &str, queues: u32) {
    const SIOCETHTOOL: libc::Ioctl = 0x8946;
    const ETHTOOL_SCHANNELS: u32 = 0x3d;
    // `struct ethtool_channels`: cmd, four maxima, then rx_count, tx_count, other_count, combined_count.
    let mut request = [ETHTOOL_SCHANNELS, 0, 0, 0, 0, queues, queues, 0, 0];
    // SAFETY: all zero is a valid `ifreq`.
    let mut interface: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in interface.ifr_name.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    interface.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
    let socket = namespace.enter(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    // SAFETY: both structures outlive the call, which reads a request of this size.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut interface) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}
