//! UDP over IPv6 with extension headers, and in fragments, to each host and to the router.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, sendto, socket,
};
use support::net::Namespace;
use support::packets::frame::{DESTINATION, HOP_BY_HOP, ROUTING, UDP};
use support::packets::message::checksum;

use super::{Carried, Kind, Traffic};
use crate::router::{LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, WAN_HOST};

const FRAGMENT: u8 = 44;
/// Extension headers before the UDP header, in order.
const CHAINS: [&[u8]; 7] = [
    &[HOP_BY_HOP],
    &[DESTINATION],
    &[ROUTING],
    &[FRAGMENT],
    &[HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT],
    &[DESTINATION, ROUTING, DESTINATION],
    &[HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, DESTINATION],
];
/// Bytes of a datagram in three fragments.
const LONG: usize = 4000;
const PORT: u16 = 4444;
const LIMIT: Duration = Duration::from_secs(5);

/// A path from one address to another.
struct Path {
    sender: OwnedFd,
    /// The socket for datagrams that exceed the MTU.
    long: UdpSocket,
    receiver: UdpSocket,
    source: Ipv6Addr,
    destination: Ipv6Addr,
}

pub struct Extensions(Vec<Path>);

impl Extensions {
    pub fn new(router: &Router) -> Self {
        let (lan, wan, own) = (&router.lan, &router.wan, &router.router);
        Self(vec![
            Path::new((lan, LAN_HOST), (wan, WAN_HOST)),
            Path::new((wan, WAN_HOST), (lan, LAN_HOST)),
            Path::new((lan, LAN_HOST), (own, ROUTER_LAN)),
            Path::new((wan, WAN_HOST), (own, ROUTER_WAN)),
        ])
    }
}

impl Path {
    fn new(from: (&Namespace, [&str; 2]), to: (&Namespace, [&str; 2])) -> Self {
        let (source, destination) = (from.1[1].parse().unwrap(), to.1[1].parse().unwrap());
        let bind = |place: &Namespace, address: Ipv6Addr, port: u16| {
            place.enter(|| UdpSocket::bind((address, port))).unwrap()
        };
        let receiver = bind(to.0, destination, PORT);
        receiver.set_read_timeout(Some(LIMIT)).unwrap();
        // `IPPROTO_RAW`: the sender writes the IP header.
        let sender = from.0.enter(|| {
            socket(
                AddressFamily::Inet6,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                SockProtocol::Raw,
            )
        });
        Self {
            sender: sender.unwrap(),
            long: bind(from.0, source, 0),
            receiver,
            source,
            destination,
        }
    }

    fn send(&self, chain: &[u8], payload: &[u8]) -> nix::Result<()> {
        let packet = self.packet(chain, payload);
        let to = SockaddrIn6::from(SocketAddrV6::new(self.destination, 0, 0, 0));
        sendto(self.sender.as_raw_fd(), &packet, &to, MsgFlags::empty())?;
        Ok(())
    }

    /// An IPv6 packet (RFC 8200 section 3).
    fn packet(&self, chain: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut next = chain.iter().copied().chain([UDP]);
        let first = next.next().unwrap();
        let mut body = Vec::new();
        for (&kind, next) in chain.iter().zip(next) {
            body.extend(extension(kind, next));
        }
        body.extend(self.datagram(payload));
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((u16::try_from(body.len()).unwrap()).to_be_bytes());
        packet.extend([first, 64]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(body);
        packet
    }

    /// A UDP datagram with its checksum (RFC 768).
    fn datagram(&self, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(8 + payload.len()).unwrap();
        let mut datagram = [PORT, PORT, length, 0].map(u16::to_be_bytes).concat();
        datagram.extend(payload);
        let mut summed = [self.source.octets(), self.destination.octets()].concat();
        summed.extend(u32::from(length).to_be_bytes());
        summed.extend([0, 0, 0, UDP]);
        summed.extend(&datagram);
        // A checksum of 0 means no checksum.
        let checksum = match checksum(&[&summed]) {
            0 => u16::MAX,
            sum => sum,
        };
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
        datagram
    }

    fn receive(&self, payload: &[u8]) -> Result<(), String> {
        let mut buffer = vec![0; LONG + 1];
        loop {
            let received = self.receiver.recv(&mut buffer);
            let length = received.map_err(|error| format!("{}: {error}", self.destination))?;
            // A late datagram of an earlier run is ignored.
            if &buffer[..length] == payload {
                return Ok(());
            }
        }
    }
}

/// An extension header of 8 bytes: options that are padding, a routing header of a type for experiments without
/// segments left, or the fragment header of a whole packet.
fn extension(kind: u8, next: u8) -> [u8; 8] {
    match kind {
        ROUTING => [next, 0, 253, 0, 0, 0, 0, 0],
        FRAGMENT => [next, 0, 0, 0, 1, 2, 3, 4],
        _ => [next, 0, 1, 4, 0, 0, 0, 0],
    }
}

impl Traffic for Extensions {
    fn name(&self) -> &'static str {
        "IPv6 extension headers, fragments"
    }

    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn run(&self, _: &Router) -> Result<Carried, String> {
        let mut sent = 0;
        for path in &self.0 {
            for chain in CHAINS {
                let payload = format!("behind {chain:?}");
                let failed = |errno| format!("{chain:?} to {}: {errno}", path.destination);
                path.send(chain, payload.as_bytes()).map_err(failed)?;
                path.receive(payload.as_bytes())
                    .map_err(|error| format!("{chain:?}: {error}"))?;
                sent += 1;
            }
            let payload = [0x77; LONG];
            let to = (path.destination, PORT);
            path.long
                .send_to(&payload, to)
                .map_err(|error| error.to_string())?;
            path.receive(&payload)?;
            sent += 1;
        }
        Ok(Carried {
            sent,
            lost: 0,
            rate: None,
        })
    }
}
