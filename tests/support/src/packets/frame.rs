//! Ethernet frames, built field by field.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::headers::{ethernet, header4, header6, ports};

pub const ETH_P_IP: u16 = 0x0800;
pub const ETH_P_ARP: u16 = 0x0806;
pub const ETH_P_IPV6: u16 = 0x86dd;
/// A customer VLAN tag (802.1Q).
pub const ETH_P_8021Q: u16 = 0x8100;
/// A provider VLAN tag (802.1ad), outside a customer tag.
pub const ETH_P_8021AD: u16 = 0x88a8;
/// A provider VLAN tag of older switches.
pub const ETH_P_QINQ1: u16 = 0x9100;
/// `PPPoE` session stage.
pub const ETH_P_PPP_SES: u16 = 0x8864;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ESP: u8 = 50;
pub const IGMP: u8 = 2;
pub const ICMPV6: u8 = 58;

pub const HOP_BY_HOP: u8 = 0;
pub const ROUTING: u8 = 43;
pub const DESTINATION: u8 = 60;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

/// A frame, and the lengths from which on a program can parse its parts.
#[derive(Clone)]
pub struct Frame {
    pub bytes: Vec<u8>,
    /// Offset of the end of the IP header without options and extensions. This and the next two offsets are
    /// `usize::MAX` for a part that the frame does not have.
    pub ip_end: usize,
    /// Length from which on the protocol after all extension headers is readable.
    pub protocol_end: usize,
    /// Offset of the end of the two ports.
    pub port_end: usize,
}

impl Frame {
    /// A frame that is not a valid IP packet.
    pub fn raw(ethertype: u16, payload: &[u8]) -> Frame {
        let mut bytes = ethernet(&[], ethertype);
        bytes.extend(payload);
        Frame {
            bytes,
            ip_end: usize::MAX,
            protocol_end: usize::MAX,
            port_end: usize::MAX,
        }
    }

    /// The frame truncated to each length, and whole. The kernel runs XDP only on frames with an Ethernet header, so 14
    /// bytes are the least.
    pub fn cuts(&self) -> Vec<&[u8]> {
        (14..=self.bytes.len())
            .map(|end| &self.bytes[..end])
            .collect()
    }

    /// Marks the frame as one that a program cannot recognise as an IP packet.
    pub fn unseen(mut self) -> Frame {
        self.ip_end = usize::MAX;
        self
    }

    /// Marks the frame as one whose protocol a program cannot read.
    pub fn unseen_protocol(mut self) -> Frame {
        self.protocol_end = usize::MAX;
        self
    }

    /// Changes one byte of the frame.
    pub fn with(mut self, position: usize, byte: u8) -> Frame {
        self.bytes[position] = byte;
        self
    }
}

enum Version {
    Four {
        source: Ipv4Addr,
        options: u8,
    },
    Six {
        source: Ipv6Addr,
        extensions: Vec<(u8, Vec<u8>)>,
    },
}

/// An IP packet being built; `udp`, `tcp` and `carrying` finish it.
pub struct Packet {
    tags: Vec<u16>,
    pppoe: bool,
    version: Version,
    fragment: u16,
    hops: u8,
}

pub fn ip4(source: &str) -> Packet {
    Packet {
        tags: Vec::new(),
        pppoe: false,
        version: Version::Four {
            source: source.parse().unwrap(),
            options: 0,
        },
        fragment: 0,
        hops: 64,
    }
}

pub fn ip6(source: &str) -> Packet {
    Packet {
        tags: Vec::new(),
        pppoe: false,
        version: Version::Six {
            source: source.parse().unwrap(),
            extensions: Vec::new(),
        },
        fragment: 0,
        hops: 64,
    }
}

impl Packet {
    /// Adds a VLAN tag after those already added.
    pub fn tag(mut self, ethertype: u16) -> Packet {
        self.tags.push(ethertype);
        self
    }

    /// Puts the packet into a `PPPoE` session, after all tags.
    pub fn pppoe(mut self) -> Packet {
        self.pppoe = true;
        self
    }

    /// Adds `words` times 4 bytes of options to the IPv4 header.
    pub fn options(mut self, words: u8) -> Packet {
        let Version::Four { options, .. } = &mut self.version else {
            panic!("IPv6 has no options but extension headers");
        };
        *options += words;
        self
    }

    /// Sets the flags (highest three bits) and the fragment offset of the IPv4 header.
    pub fn fragment4(mut self, flags_and_offset: u16) -> Packet {
        self.fragment = flags_and_offset;
        self
    }

    /// Sets the TTL or hop limit.
    pub fn hops(mut self, hops: u8) -> Packet {
        self.hops = hops;
        self
    }

    fn extend(mut self, kind: u8, header: Vec<u8>) -> Packet {
        let Version::Six { extensions, .. } = &mut self.version else {
            panic!("IPv4 has no extension headers but options");
        };
        extensions.push((kind, header));
        self
    }

    /// Adds an extension header of 8 bytes plus `more` times 8.
    pub fn extension(self, kind: u8, more: u8) -> Packet {
        let mut header = vec![0xee; 8 + usize::from(more) * 8];
        header[1] = more;
        self.extend(kind, header)
    }

    /// Adds a fragment header. The offset counts units of 8 bytes.
    pub fn fragment6(self, offset: u16, more: bool) -> Packet {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        // The second byte of a fragment header is reserved; other extension headers have their length there.
        self.extend(FRAGMENT, vec![0, 0xff, high, low, 1, 2, 3, 4])
    }

    /// Adds an authentication header with a check value of `words` times 4 bytes. An odd number makes the header a
    /// multiple of 8 bytes.
    pub fn authentication(self, words: u8) -> Packet {
        let mut header = vec![0xaa; 12 + usize::from(words) * 4];
        header[1] = words + 1;
        self.extend(AUTHENTICATION, header)
    }

    pub fn tcp(self, port: u16) -> Frame {
        self.carrying(TCP, &ports(port, 20))
    }

    pub fn udp(self, port: u16) -> Frame {
        self.carrying(UDP, &ports(port, 8))
    }

    /// A TCP or UDP header with these source and destination ports.
    pub fn between(self, protocol: u8, from: u16, to: u16) -> Frame {
        let mut header = ports(to, if protocol == TCP { 20 } else { 8 });
        header[..2].copy_from_slice(&from.to_be_bytes());
        self.carrying(protocol, &header)
    }

    /// A UDP datagram from port 40000, with correct length and no checksum.
    pub fn datagram(self, port: u16, payload: &[u8]) -> Frame {
        let mut bytes = ports(port, 8);
        let length = u16::try_from(8 + payload.len()).unwrap();
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        bytes.extend(payload);
        self.carrying(UDP, &bytes)
    }

    /// An IP packet with any payload.
    pub fn carrying(self, protocol: u8, payload: &[u8]) -> Frame {
        let link = |ethertype, protocol| {
            if !self.pppoe {
                return ethernet(&self.tags, ethertype);
            }
            let mut bytes = ethernet(&self.tags, ETH_P_PPP_SES);
            bytes.extend([0x11, 0, 0x12, 0x34, 0, 0, 0, protocol]);
            bytes
        };
        let (mut bytes, ip_end, protocol_end) = match self.version {
            Version::Four { source, options } => {
                let mut bytes = link(ETH_P_IP, 0x21);
                let ip_end = bytes.len() + 20;
                bytes.extend(header4(source, options, self.fragment, protocol, payload));
                bytes[ip_end - 12] = self.hops;
                (bytes, ip_end, ip_end)
            }
            Version::Six { source, extensions } => {
                let mut bytes = link(ETH_P_IPV6, 0x57);
                let ip_end = bytes.len() + 40;
                let protocol_end = header6(&mut bytes, source, &extensions, protocol, payload);
                bytes[ip_end - 33] = self.hops;
                (bytes, ip_end, protocol_end)
            }
        };
        let port_end = bytes.len() + 4;
        bytes.extend(payload);
        if self.pppoe {
            let begin = 14 + self.tags.len() * 4 + 6;
            let length = u16::try_from(bytes.len() - begin).unwrap();
            bytes[begin - 2..begin].copy_from_slice(&length.to_be_bytes());
        }
        Frame {
            bytes,
            ip_end,
            protocol_end,
            port_end,
        }
    }
}
