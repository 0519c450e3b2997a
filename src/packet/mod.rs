//! The headers of a packet, read from its first bytes.
//!
//! Ethernet, up to three VLAN tags, a `PPPoE` session (RFC 2516), IPv4, IPv6 with extension headers, the beginning of TCP,
//! UDP, ICMP and `ICMPv6`, and a DNS message at port 53. A packet that ends early, or is malformed, is read up to the
//! first bad header. Nothing is copied or allocated.

mod dns;
mod ip;
mod name;
mod names;

use std::net::IpAddr;

pub use dns::{Dns, Question};
pub use name::{Labels, Name};
pub use names::{Class, EtherType, Opcode, Protocol, Rcode, RecordType, TcpFlags};

use crate::object::LinkHeader;

/// Maximum number of VLAN tags, as in `bpf/link.h`.
const MAX_TAGS: usize = 3;
/// Length of the two MAC addresses.
const ADDRESSES: usize = 12;
/// Tag protocols: IEEE 802.1Q and 802.1ad.
const TAGS: [u16; 2] = [0x8100, 0x88a8];
/// A `PPPoE` header with version 1, type 1 and code 0, RFC 2516, section 4.
const PPPOE_DATA: [u8; 2] = [0x11, 0];
/// PPP protocols: RFC 1332, section 2, and RFC 5072, section 2.
const PPP_IPV4: u16 = 0x21;
const PPP_IPV6: u16 = 0x57;

/// The headers of a packet. A header that is missing, cut or malformed leaves its fields `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Identifiers of the VLAN tags, from the outermost.
    pub vlans: heapless::Vec<u16, MAX_TAGS>,
    /// Protocol behind all tags; for a packet in a `PPPoE` session, that of the packet. Also set if no Ethernet header
    /// precedes the IP header.
    pub ethertype: Option<EtherType>,
    /// Source address of the IP header.
    pub source: Option<IpAddr>,
    /// Destination address of the IP header.
    pub destination: Option<IpAddr>,
    /// Protocol behind the IP header and all extension headers.
    pub protocol: Option<Protocol>,
    /// True for a fragment of an IP packet. Only the first fragment has ports.
    pub is_fragment: bool,
    /// Source port of TCP or UDP.
    pub source_port: Option<u16>,
    /// Destination port of TCP or UDP.
    pub destination_port: Option<u16>,
    /// Flags of TCP.
    pub tcp_flags: Option<TcpFlags>,
    /// Type of an ICMP or `ICMPv6` message.
    pub icmp_type: Option<u8>,
    /// DNS message from or to port 53.
    pub dns: Option<Dns<'a>>,
}

impl<'a> Packet<'a> {
    /// Reads the packet that starts with `head`, whose first header is `link`.
    pub fn parse(head: &'a [u8], link: LinkHeader) -> Self {
        let mut packet = Self::default();
        // A missing header ends the reading; the fields before it are kept.
        let _ = match link {
            LinkHeader::Ethernet => packet.read_ethernet(head),
            LinkHeader::Ip => packet.read_ipv4(head).or_else(|| packet.read_ipv6(head)),
        };
        packet
    }

    fn read_ethernet(&mut self, head: &'a [u8]) -> Option<()> {
        let mut rest = head.get(ADDRESSES..)?;
        let mut ethertype = u16_at(rest, 0)?;
        while TAGS.contains(&ethertype) && !self.vlans.is_full() {
            // Cannot fail: the list is not full. The identifier has 12 bits.
            let _ = self.vlans.push(u16_at(rest, 2)? & 0xfff);
            rest = rest.get(4..)?;
            ethertype = u16_at(rest, 0)?;
        }
        self.ethertype = Some(EtherType(ethertype));
        let payload = rest.get(2..)?;
        match EtherType(ethertype) {
            EtherType::IPV4 => self.read_ipv4(payload),
            EtherType::IPV6 => self.read_ipv6(payload),
            EtherType::PPPOE_SESSION => self.read_pppoe(payload),
            _ => None,
        }
    }

    fn read_pppoe(&mut self, header: &'a [u8]) -> Option<()> {
        if !header.starts_with(&PPPOE_DATA) {
            return None;
        }
        let packet = header.get(8..)?;
        match u16_at(header, 6)? {
            PPP_IPV4 => self.read_ipv4(packet),
            PPP_IPV6 => self.read_ipv6(packet),
            _ => None,
        }
    }
}

/// The big-endian number at `offset`.
fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let number = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_be_bytes(*number))
}
