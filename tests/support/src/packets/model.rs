//! A second parser of frames, written independently of the programs: the reference for their verdicts.

use std::net::Ipv6Addr;

use super::frame::{
    ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, ETH_P_PPP_SES, ETH_P_QINQ1, ICMP, ICMPV6,
    IGMP, TCP, UDP,
};

/// The parsed fields of an IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many as `struct packet` has"
)]
pub struct Facts {
    /// An IPv4 address is `::ffff:a.b.c.d`.
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    pub is_ip4: bool,
    pub protocol: u8,
    pub hops: u8,
    /// True without IPv4 options and extension headers.
    pub plain: bool,
    pub fragment: bool,
    /// True for more than six extension headers: the programs do not look behind them.
    pub hidden: bool,
    /// Offset of the length field of the `PPPoE` payload, in a `PPPoE` session.
    pub ppp_length: Option<usize>,
    /// Source and destination port.
    pub ports: Option<(u16, u16)>,
    /// The type of an ICMP message for IPv4, 0 for IGMP; for IPv6, the type of an `ICMPv6` message.
    pub icmp: Option<u8>,
    /// Offset of the IP header.
    pub ip: usize,
    /// Offset of the transport header.
    pub transport: usize,
}

impl Facts {
    /// Parses a frame; `None` if it is not an IP packet.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let mut at = 12;
        let mut ethertype = wide(frame, at)?;
        for _ in 0..3 {
            if [ETH_P_8021Q, ETH_P_8021AD, ETH_P_QINQ1].contains(&ethertype) {
                at += 4;
                ethertype = wide(frame, at)?;
            }
        }
        let pppoe = ethertype == ETH_P_PPP_SES;
        if pppoe {
            at += 8;
            ethertype = match wide(frame, at)? {
                0x21 => ETH_P_IP,
                0x57 => ETH_P_IPV6,
                _ => return None,
            };
        }
        let mut facts = match ethertype {
            ETH_P_IP => Self::four(frame, at + 2),
            ETH_P_IPV6 => Self::six(frame, at + 2),
            _ => None,
        }?;
        facts.ppp_length = pppoe.then_some(at - 2);
        Some(facts)
    }

    fn four(frame: &[u8], ip: usize) -> Option<Self> {
        let header = frame.get(ip..ip + 20)?;
        let words = usize::from(header[0] & 15);
        if header[0] >> 4 != 4 || words < 5 {
            return None;
        }
        let address = |at: usize| {
            let bytes: [u8; 4] = header[at..at + 4].try_into().unwrap();
            std::net::Ipv4Addr::from(bytes).to_ipv6_mapped()
        };
        // DF, MF and the reserved flag are the highest three bits, the fragment offset the others.
        let fragment = wide(header, 6)?;
        let mut facts = Self {
            source: address(12),
            destination: address(16),
            is_ip4: true,
            protocol: header[9],
            hops: header[8],
            plain: words == 5,
            fragment: fragment << 2 != 0,
            hidden: false,
            ppp_length: None,
            ports: None,
            icmp: None,
            ip,
            transport: ip + words * 4,
        };
        if fragment << 3 == 0 {
            facts.ports = facts.read_ports(frame);
            facts.icmp = facts.read_icmp(frame, ICMP);
            if facts.protocol == IGMP {
                // No program reads the type of an IGMP message.
                facts.icmp = Some(0);
            }
        }
        Some(facts)
    }

    fn six(frame: &[u8], ip: usize) -> Option<Self> {
        let header = frame.get(ip..ip + 40)?;
        let address = |at: usize| {
            let bytes: [u8; 16] = header[at..at + 16].try_into().unwrap();
            Ipv6Addr::from(bytes)
        };
        let mut facts = Self {
            source: address(8),
            destination: address(24),
            is_ip4: false,
            protocol: header[6],
            hops: header[7],
            plain: true,
            fragment: false,
            hidden: false,
            ppp_length: None,
            ports: None,
            icmp: None,
            ip,
            transport: ip + 40,
        };
        if header[0] >> 4 != 6 {
            return None;
        }
        if facts.skip_extensions(frame) {
            facts.ports = facts.read_ports(frame);
            facts.icmp = facts.read_icmp(frame, ICMPV6);
        }
        Some(facts)
    }

    /// Skips the extension headers. Returns false if the protocol after them is not readable.
    fn skip_extensions(&mut self, frame: &[u8]) -> bool {
        let extensions = [0, 43, 44, 51, 60];
        for _ in 0..6 {
            let kind = self.protocol;
            if !extensions.contains(&kind) {
                return true;
            }
            let Some(header) = frame.get(self.transport..self.transport + 8) else {
                return false;
            };
            self.plain = false;
            self.protocol = header[0];
            self.transport += match kind {
                44 => 8,
                51 => 8 + usize::from(header[1]) * 4,
                _ => 8 + usize::from(header[1]) * 8,
            };
            if kind == 44 {
                let field = u16::from_be_bytes([header[2], header[3]]);
                // RFC 6946: a fragment header with offset 0 and no more fragments is not a fragment.
                self.fragment |= field & 0xfff9 != 0;
                if field & 0xfff8 != 0 {
                    return false;
                }
            }
        }
        self.hidden = extensions.contains(&self.protocol);
        true
    }

    fn read_ports(&self, frame: &[u8]) -> Option<(u16, u16)> {
        let has_ports = self.protocol == TCP || self.protocol == UDP;
        let ports = (
            wide(frame, self.transport)?,
            wide(frame, self.transport + 2)?,
        );
        has_ports.then_some(ports)
    }

    fn read_icmp(&self, frame: &[u8], protocol: u8) -> Option<u8> {
        let kind = *frame.get(self.transport)?;
        (self.protocol == protocol).then_some(kind)
    }

    /// The destination port; 0 if there is none.
    pub fn port(&self) -> u16 {
        self.ports.map_or(0, |(_, port)| port)
    }

    /// True for a packet that a program filters by default: TCP or UDP to port 53.
    pub fn is_to_server(&self) -> bool {
        self.port() == 53
    }

    /// True for a control packet that IPv4 or IPv6 itself needs; see `bpf/management.h`.
    pub fn is_ip_control(&self) -> bool {
        match self.icmp {
            Some(_) if self.protocol == IGMP => self.hops == 1,
            Some(kind) if self.is_ip4 => [3, 11, 12].contains(&kind),
            Some(kind) => match kind {
                1..=4 => true,
                130..=132 | 143 => {
                    self.source.is_unspecified() || self.source.is_unicast_link_local()
                }
                133..=137 => self.hops == 255,
                _ => false,
            },
            None => false,
        }
    }

    /// True for a packet that a program passes by default; see `bpf/management.h`.
    pub fn is_management(&self) -> bool {
        match self.protocol {
            TCP => self.port() == 22,
            UDP => [67, 68, 546, 547].contains(&self.port()),
            _ => self.is_ip_control(),
        }
    }
}

/// Reads two bytes in network byte order.
pub fn wide(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}
