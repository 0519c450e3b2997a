//! Requests and responses with equal source and destination port: multicast DNS (RFC 6762) and NTP (RFC 5905).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};
use std::os::fd::AsRawFd;
use support::net::Namespace;

use super::{Carried, Kind, Traffic};
use crate::hosts::side;
use crate::router::{
    HOST, LAN, LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, WAN, WAN_HOST, WAN_OTHER,
};

const MDNS_PORT: u16 = 5353;
const MDNS_GROUPS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)),
    IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb)),
];
const NTP_PORT: u16 = 123;
/// First byte of an NTP packet: version 4, and the mode of a client or a server.
const CLIENT: u8 = 4 << 3 | 3;
const SERVER: u8 = 4 << 3 | 4;
const LIMIT: Duration = Duration::from_secs(5);

/// Multicast DNS between the router and each host.
pub struct Mdns {
    /// For each link and family: the group, and the sockets of the host and of the router.
    wires: Vec<(IpAddr, [UdpSocket; 2])>,
}

impl Mdns {
    pub fn new(router: &Router) -> Self {
        let mut wires = Vec::new();
        for port in [WAN, LAN] {
            let side = side(router, port);
            let ends = [
                (side.host, HOST, side.host_addresses[0]),
                (&router.router, port, side.gateway[0]),
            ];
            for group in MDNS_GROUPS {
                let ends = ends.map(|(place, interface, own)| {
                    place.enter(|| join(group, interface, own.parse().unwrap()))
                });
                wires.push((group, ends));
            }
        }
        Self { wires }
    }
}

/// A socket that is a member of `group` at `interface`, whose IPv4 address is `own`.
fn join(group: IpAddr, interface: &str, own: Ipv4Addr) -> UdpSocket {
    let (family, any) = match group {
        IpAddr::V4(_) => (AddressFamily::Inet, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (AddressFamily::Inet6, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
    };
    let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
    if group.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true).unwrap();
    }
    setsockopt(&fd, sockopt::BindToDevice, &interface.into()).unwrap();
    let any = SockaddrStorage::from(SocketAddr::new(any, MDNS_PORT));
    bind(fd.as_raw_fd(), &any).unwrap();
    let socket = UdpSocket::from(fd);
    // A host must not receive its own query.
    match group {
        IpAddr::V4(_) => socket.set_multicast_loop_v4(false),
        IpAddr::V6(_) => socket.set_multicast_loop_v6(false),
    }
    .unwrap();
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4(&group, &own),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, if_nametoindex(interface).unwrap()),
    }
    .unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

impl Traffic for Mdns {
    fn name(&self) -> &'static str {
        "multicast DNS"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn run(&self, _: &Router) -> Result<Carried, String> {
        let mut sent = 0;
        for (group, [host, router]) in &self.wires {
            for (client, server) in [(host, router), (router, host)] {
                let failed = |error| format!("{group} from {client:?}: {error}");
                let to = SocketAddr::new(*group, MDNS_PORT);
                client.send_to(&query(), to).map_err(failed)?;
                receive(server, &query()).map_err(failed)?;
                server.send_to(&answer(), to).map_err(failed)?;
                receive(client, &answer()).map_err(failed)?;
                sent += 2;
            }
        }
        Ok(Carried {
            sent,
            lost: 0,
            rate: None,
        })
    }
}

/// A query for the address of `box.local`.
fn query() -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x03box\x05local\x00\x00\x01\x00\x01");
    message
}

/// The response to [`query`], with the cache-flush bit.
fn answer() -> Vec<u8> {
    let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    message.extend(b"\x03box\x05local\x00\x00\x01\x80\x01");
    message.extend([0, 0, 0, 120, 0, 4, 192, 168, 1, 1]);
    message
}

/// NTP from the hosts and the router, from an ephemeral port and from port 123.
pub struct Ntp {
    /// Sockets of client and server, and the address of the server.
    pairs: Vec<(UdpSocket, UdpSocket, SocketAddr)>,
}

impl Ntp {
    pub fn new(router: &Router) -> Self {
        let (lan, wan, own) = (&router.lan, &router.wan, &router.router);
        let mut pairs = Vec::new();
        let mut add =
            |(client, from): (&Namespace, _), (server, to): (&Namespace, IpAddr), port| {
                let open = |place: &Namespace, address: IpAddr, port: u16| {
                    let socket = place.enter(|| UdpSocket::bind((address, port))).unwrap();
                    socket.set_read_timeout(Some(LIMIT)).unwrap();
                    socket
                };
                let to = SocketAddr::new(to, NTP_PORT);
                let own = open(server, to.ip(), to.port());
                pairs.push((open(client, from, port), own, to));
            };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let any = |index: usize| address(["0.0.0.0", "::"][index]);
        add(
            (lan, address(LAN_HOST[0])),
            (own, address(ROUTER_LAN[0])),
            NTP_PORT,
        );
        add((lan, any(1)), (own, address(ROUTER_LAN[1])), 0);
        add((lan, any(1)), (wan, address(WAN_OTHER[1])), 0);
        add((own, any(0)), (wan, address(WAN_HOST[0])), 0);
        add(
            (own, address(ROUTER_WAN[1])),
            (wan, address(WAN_HOST[1])),
            NTP_PORT,
        );
        Self { pairs }
    }
}

impl Traffic for Ntp {
    fn name(&self) -> &'static str {
        "NTP"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn run(&self, _: &Router) -> Result<Carried, String> {
        for (client, server, address) in &self.pairs {
            let failed = |error| format!("{address}: {error}");
            client.send_to(&ntp(CLIENT), address).map_err(failed)?;
            let from = receive(server, &ntp(CLIENT)).map_err(failed)?;
            server.send_to(&ntp(SERVER), from).map_err(failed)?;
            receive(client, &ntp(SERVER)).map_err(failed)?;
        }
        Ok(Carried {
            sent: 2 * self.pairs.len() as u64,
            lost: 0,
            rate: None,
        })
    }
}

fn ntp(first: u8) -> [u8; 48] {
    let mut packet = [0; 48];
    packet[0] = first;
    packet
}

/// Waits for `packet`, and returns its source. Other packets may be of an earlier run, or sent by the socket itself.
fn receive(socket: &UdpSocket, expected: &[u8]) -> std::io::Result<SocketAddr> {
    let mut buffer = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        if &buffer[..length] == expected {
            return Ok(from);
        }
    }
}
