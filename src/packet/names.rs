//! Numbers of protocols, with the names of the IANA registries. Only numbers that occur often have names here.

use std::fmt::{self, Display};

/// Writes the name of a number, or `prefix` and the number. Each word of `names` is a number and its name: a text is smaller
/// than a list, which has pointers.
fn write_name(names: &str, prefix: &str, number: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut words = names.split(' ').filter_map(|word| word.split_once('='));
    match words.find(|(known, _)| known.parse() == Ok(number)) {
        Some((_, name)) => f.write_str(name),
        None => write!(f, "{prefix}{number}"),
    }
}

/// Protocol of an Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// A `PPPoE` session.
    pub const PPPOE_SESSION: Self = Self(0x8864);
}

impl Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0x0800 => "IPv4",
            0x0806 => "ARP",
            0x86dd => "IPv6",
            0x8863 | 0x8864 => "PPPoE",
            0x88cc => "LLDP",
            other => return write!(f, "ethertype 0x{other:04x}"),
        })
    }
}

/// Protocol of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// `ICMPv6`.
    pub const ICMPV6: Self = Self(58);
    /// Fragment header of IPv6.
    pub(super) const FRAGMENT: Self = Self(44);
    /// Authentication header of `IPsec`.
    pub(super) const AUTHENTICATION: Self = Self(51);

    /// True for an extension header with another header behind it.
    pub(super) const fn is_extension(self) -> bool {
        // Hop-by-hop options, routing, and destination options.
        matches!(
            self,
            Self(0 | 43 | 60) | Self::FRAGMENT | Self::AUTHENTICATION
        )
    }
}

const PROTOCOLS: &str = "1=ICMP 2=IGMP 4=IPv4 6=TCP 17=UDP 41=IPv6 47=GRE 50=ESP 51=AH 58=ICMPv6 89=OSPF 112=VRRP 132=SCTP";

impl Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(PROTOCOLS, "protocol ", self.0.into(), f)
    }
}

/// Flags of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

const TCP_FLAGS: [(u8, &str); 4] = [(0x02, "SYN"), (0x01, "FIN"), (0x04, "RST"), (0x10, "ACK")];

impl Display for TcpFlags {
    /// The flags that begin, end or acknowledge, with a comma between two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in TCP_FLAGS.iter().filter(|(bit, _)| self.0 & bit != 0) {
            write!(f, "{separator}{name}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// Type of DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordType(pub u16);

const RECORD_TYPES: &str = "\
    1=A 2=NS 5=CNAME 6=SOA 10=NULL 12=PTR 13=HINFO 15=MX 16=TXT 28=AAAA 33=SRV 35=NAPTR 41=OPT 43=DS \
    44=SSHFP 46=RRSIG 47=NSEC 48=DNSKEY 50=NSEC3 51=NSEC3PARAM 52=TLSA 59=CDS 60=CDNSKEY 64=SVCB \
    65=HTTPS 99=SPF 251=IXFR 252=AXFR 255=ANY 257=CAA";

impl Display for RecordType {
    /// The name, or `TYPE` and the number (RFC 3597, section 5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(RECORD_TYPES, "TYPE", self.0, f)
    }
}

/// Class of DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Self = Self(1);
}

const CLASSES: &str = "1=IN 3=CH 4=HS 254=NONE 255=ANY";

impl Display for Class {
    /// The name, or `CLASS` and the number (RFC 3597, section 5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(CLASSES, "CLASS", self.0, f)
    }
}

/// Kind of a DNS request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A query.
    pub const QUERY: Self = Self(0);
}

const OPCODES: &str = "0=QUERY 1=IQUERY 2=STATUS 4=NOTIFY 5=UPDATE 6=DSO";

impl Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(OPCODES, "OPCODE", self.0.into(), f)
    }
}

/// Result of a DNS request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rcode(pub u8);

const RCODES: &str = "\
    0=NOERROR 1=FORMERR 2=SERVFAIL 3=NXDOMAIN 4=NOTIMP 5=REFUSED 6=YXDOMAIN 7=YXRRSET 8=NXRRSET \
    9=NOTAUTH 10=NOTZONE 11=DSOTYPENI";

impl Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(RCODES, "RCODE", self.0.into(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names() {
        for (name, expected) in [
            (EtherType(0x0806).to_string(), "ARP"),
            (EtherType(0x0027).to_string(), "ethertype 0x0027"),
            (Protocol::ICMPV6.to_string(), "ICMPv6"),
            (Protocol(99).to_string(), "protocol 99"),
            (TcpFlags(0x12).to_string(), "SYN,ACK"),
            (TcpFlags(0x29).to_string(), "FIN"),
            (TcpFlags(0).to_string(), ""),
            (RecordType(28).to_string(), "AAAA"),
            (RecordType(65280).to_string(), "TYPE65280"),
            (Class(3).to_string(), "CH"),
            (Class(7).to_string(), "CLASS7"),
            (Opcode(5).to_string(), "UPDATE"),
            (Opcode(15).to_string(), "OPCODE15"),
            (Rcode(3).to_string(), "NXDOMAIN"),
            (Rcode(15).to_string(), "RCODE15"),
        ] {
            assert_eq!(name, expected);
        }
    }
}
