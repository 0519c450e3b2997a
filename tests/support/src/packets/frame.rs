//! Ethernet frames, built field by field.

use std::net::{Ipv4Addr, Ipv6Addr};

pub const ETH_P_IP: u16 = 0x0800;
pub const ETH_P_ARP: u16 = 0x0806;
pub const ETH_P_IPV6: u16 = 0x86dd;
/// A customer's VLAN tag.
pub const ETH_P_8021Q: u16 = 0x8100;
/// A provider's VLAN tag, around a customer's.
pub const ETH_P_8021AD: u16 = 0x88a8;
/// A provider's VLAN tag, of older switches.
pub const ETH_P_QINQ1: u16 = 0x9100;
/// A session of `PPPoE`.
pub const ETH_P_PPP_SES: u16 = 0x8864;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ESP: u8 = 50;
pub const ICMPV6: u8 = 58;

pub const HOP_BY_HOP: u8 = 0;
pub const ROUTING: u8 = 43;
pub const DESTINATION: u8 = 60;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

/// A frame, and how much of it a program must see to know it.
#[derive(Clone)]
pub struct Frame {
    pub bytes: Vec<u8>,
    /// Where the IP header ends, without its options and extensions. This and
    /// the next two are beyond any length for what the frame does not have.
    pub ip_end: usize,
    /// From which length on the protocol behind all extension headers shows.
    pub protocol_end: usize,
    /// Where the two ports end.
    pub port_end: usize,
}

impl Frame {
    /// A frame that is no IP packet, or not a sound one.
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

    /// The frame cut short at each length, and whole. The kernel gives XDP none
    /// without an Ethernet header, so 14 bytes are the least.
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

    /// Marks the frame as one whose protocol a program cannot see.
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

fn ethernet(tags: &[u16], ethertype: u16) -> Vec<u8> {
    let mut bytes = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    for (number, tag) in (10_u16..).zip(tags) {
        bytes.extend(tag.to_be_bytes());
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(ethertype.to_be_bytes());
    bytes
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

/// An IP packet in the making; `udp` and its like finish it.
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
    /// Puts a VLAN tag behind those already there.
    pub fn tag(mut self, ethertype: u16) -> Packet {
        self.tags.push(ethertype);
        self
    }

    /// Puts the packet into a session of `PPPoE`, behind all tags.
    pub fn pppoe(mut self) -> Packet {
        self.pppoe = true;
        self
    }

    /// Adds words of 4 bytes of options to an IPv4 header.
    pub fn options(mut self, words: u8) -> Packet {
        let Version::Four { options, .. } = &mut self.version else {
            panic!("IPv6 has no options but extension headers");
        };
        *options += words;
        self
    }

    /// Sets the flags (highest three bits) and fragment offset of an IPv4 header.
    pub fn fragment4(mut self, flags_and_offset: u16) -> Packet {
        self.fragment = flags_and_offset;
        self
    }

    /// Sets the time to live, or hop limit.
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

    /// Adds an extension header of 8 bytes and `more` times 8 more.
    pub fn extension(self, kind: u8, more: u8) -> Packet {
        let mut header = vec![0xee; 8 + usize::from(more) * 8];
        header[1] = more;
        self.extend(kind, header)
    }

    /// Adds a fragment header; the offset counts units of 8 bytes.
    pub fn fragment6(self, offset: u16, more: bool) -> Packet {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        // The second byte is reserved here, and no length.
        self.extend(FRAGMENT, vec![0, 0xff, high, low, 1, 2, 3, 4])
    }

    /// Adds an authentication header with a check value of `words` times 4
    /// bytes; with an odd number the header is a multiple of 8 bytes.
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

    /// A header of TCP or UDP from one port to another.
    pub fn between(self, protocol: u8, from: u16, to: u16) -> Frame {
        let mut header = ports(to, if protocol == TCP { 20 } else { 8 });
        header[..2].copy_from_slice(&from.to_be_bytes());
        self.carrying(protocol, &header)
    }

    /// UDP from port 40000 with a payload, its length as it should be and no checksum.
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

/// A transport header to `port`, its other fields never looked at.
fn ports(port: u16, length: usize) -> Vec<u8> {
    let mut header = vec![0; length];
    header[..2].copy_from_slice(&40_000_u16.to_be_bytes());
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header
}

fn header4(source: Ipv4Addr, options: u8, fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let words = 5 + options;
    let length = usize::from(words) * 4 + payload.len();
    let mut header = vec![0x40 | words, 0];
    header.extend(u16::try_from(length).unwrap().to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(source.octets());
    header.extend([192, 0, 2, 53]);
    // No-operations, which could be mistaken for nothing of interest.
    header.resize(usize::from(words) * 4, 1);
    header
}

/// Appends the header and its extensions; answers from which length on the
/// protocol shows.
fn header6(
    bytes: &mut Vec<u8>,
    source: Ipv6Addr,
    extensions: &[(u8, Vec<u8>)],
    protocol: u8,
    payload: &[u8],
) -> usize {
    let length = payload.len()
        + extensions
            .iter()
            .map(|(_, header)| header.len())
            .sum::<usize>();
    let mut kinds = extensions.iter().map(|(kind, _)| *kind).chain([protocol]);
    bytes.extend([0x60, 0, 0, 0]);
    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
    bytes.extend([kinds.next().unwrap(), 64]);
    bytes.extend(source.octets());
    bytes.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
    let mut protocol_end = bytes.len();
    for ((_, header), next) in extensions.iter().zip(kinds) {
        // A program reads an extension header by its first 8 bytes.
        protocol_end = bytes.len() + 8;
        bytes.push(next);
        bytes.extend(&header[1..]);
    }
    protocol_end
}
