//! IP headers and the headers behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::dns::{self, Dns};
use super::names::{EtherType, Protocol, TcpFlags};
use super::{Packet, u16_at};

/// Maximum number of extension headers, as in `bpf/packet.h`.
const MAX_EXTENSION_HEADERS: usize = 6;
/// More fragments, and the offset of the fragment: RFC 791, section 3.1, and RFC 8200, section 4.5.
const IPV4_MORE: u16 = 0x2000;
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_MORE: u16 = 0x0001;
const IPV6_OFFSET: u16 = 0xfff8;
/// Lengths of the headers without options.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;

impl<'a> Packet<'a> {
    /// Reads an IPv4 packet. The first four bits of a packet are its version.
    pub(super) fn read_ipv4(&mut self, packet: &'a [u8]) -> Option<()> {
        if packet.first()? >> 4 != 4 {
            return None;
        }
        // The low four bits are the length of the header, in words of four bytes.
        let header = usize::from(packet.first()? & 0xf) * 4;
        let address = |at: usize| packet.get(at..)?.first_chunk::<4>();
        let (source, destination) = (address(12)?, address(16)?);
        if header < IPV4_HEADER {
            return None;
        }
        self.ethertype = Some(EtherType::IPV4);
        self.source = Some(IpAddr::V4(Ipv4Addr::from(*source)));
        self.destination = Some(IpAddr::V4(Ipv4Addr::from(*destination)));
        self.protocol = packet.get(9).copied().map(Protocol);
        let fragment = u16_at(packet, 6)?;
        self.is_fragment = fragment & (IPV4_MORE | IPV4_OFFSET) != 0;
        if fragment & IPV4_OFFSET != 0 {
            return None;
        }
        // Bytes behind the packet are padding of the Ethernet frame.
        let length = packet.len().min(u16_at(packet, 2)?.into());
        self.read_transport(packet.get(header..length)?)
    }

    /// Reads an IPv6 packet.
    pub(super) fn read_ipv6(&mut self, packet: &'a [u8]) -> Option<()> {
        if packet.first()? >> 4 != 6 {
            return None;
        }
        let address = |at: usize| packet.get(at..)?.first_chunk::<16>();
        let (source, destination) = (address(8)?, address(24)?);
        self.ethertype = Some(EtherType::IPV6);
        self.source = Some(IpAddr::V6(Ipv6Addr::from(*source)));
        self.destination = Some(IpAddr::V6(Ipv6Addr::from(*destination)));
        self.protocol = packet.get(6).copied().map(Protocol);
        let length = IPV6_HEADER + usize::from(u16_at(packet, 4)?);
        let mut rest = packet.get(IPV6_HEADER..packet.len().min(length))?;
        for _ in 0..MAX_EXTENSION_HEADERS {
            let Some(header) = self.protocol.filter(|header| header.is_extension()) else {
                break;
            };
            // The length excludes the first 8 bytes, and is in units of 8 bytes (RFC 8200, section 4.3), but of 4 bytes
            // in an authentication header (RFC 4302, section 2.2).
            let [next, length, ..] = *rest.first_chunk::<8>()?;
            let mut size = 8 + usize::from(length) * 8;
            let fragment = u16_at(rest, 2)?;
            self.protocol = Some(Protocol(next));
            match header {
                Protocol::FRAGMENT => {
                    self.is_fragment |= fragment & (IPV6_MORE | IPV6_OFFSET) != 0;
                    if fragment & IPV6_OFFSET != 0 {
                        return None;
                    }
                    size = 8;
                }
                Protocol::AUTHENTICATION => size = 8 + usize::from(length) * 4,
                _ => {}
            }
            rest = rest.get(size..)?;
        }
        self.read_transport(rest)
    }

    fn read_transport(&mut self, segment: &'a [u8]) -> Option<()> {
        match self.protocol? {
            Protocol::TCP => {
                self.read_ports(segment)?;
                self.tcp_flags = segment.get(13).copied().map(TcpFlags);
                // The high four bits are the length of the header, in words of four bytes. A message starts with its
                // length (RFC 1035, section 4.2.2).
                let header = usize::from(segment.get(12)? >> 4) * 4;
                let message = segment.get(header..)?;
                let is_message = usize::from(u16_at(message, 0)?) >= dns::HEADER;
                self.read_dns(message.get(2..).filter(|_| is_message)?)
            }
            Protocol::UDP => {
                self.read_ports(segment)?;
                self.read_dns(segment.get(UDP_HEADER..)?)
            }
            Protocol::ICMP | Protocol::ICMPV6 => {
                self.icmp_type = segment.first().copied();
                None
            }
            _ => None,
        }
    }

    fn read_ports(&mut self, segment: &[u8]) -> Option<()> {
        self.source_port = Some(u16_at(segment, 0)?);
        self.destination_port = Some(u16_at(segment, 2)?);
        Some(())
    }

    fn read_dns(&mut self, message: &'a [u8]) -> Option<()> {
        if [self.source_port, self.destination_port].contains(&Some(dns::PORT)) {
            self.dns = Dns::parse(message);
        }
        None
    }
}
