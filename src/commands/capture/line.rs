//! The line of a packet.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::time::Duration;

use crate::base::escape::Escaped;
use crate::base::utc::Utc;
use crate::control::client::samples::Stage;
use crate::object::frame::sample::{Sample, verdict_name};
use crate::packet::{Class, Dns, Opcode, Packet, Protocol, Question};

/// A packet, displayed as `23:59:59.123 drop eth0/acl 192.0.2.1:40000 > 192.0.2.53:53 www.example A rd`.
pub(super) struct Line<'a> {
    pub(super) sample: &'a Sample<'a>,
    pub(super) stage: &'a Stage,
    /// Time since 1970.
    pub(super) time: Duration,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Utc(self.time.as_secs()).time_of_day();
        let milliseconds = self.time.subsec_millis();
        let verdict = verdict_name(self.sample.verdict);
        let (interface, program) = (Escaped(&self.stage.interface), Escaped(&self.stage.program));
        write!(
            f,
            "{time}.{milliseconds:03} {verdict:4} {interface}/{program} "
        )?;
        let packet = Packet::parse(self.sample.head, self.stage.link);
        addresses(&packet, f)?;
        match &packet.dns {
            Some(dns) => {
                // Port 53 tells UDP messages, so that a usual line has 80 columns.
                if packet.protocol == Some(Protocol::TCP) {
                    f.write_str("TCP ")?;
                }
                dns_message(dns, f)?;
            }
            None => content(&packet, self.sample.length, f)?,
        }
        for vlan in &packet.vlans {
            write!(f, " vlan {vlan}")?;
        }
        if packet.is_fragment {
            f.write_str(" fragment")?;
        }
        Ok(())
    }
}

/// Source and destination of an IP packet, followed by a space.
fn addresses(packet: &Packet<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let (Some(source), Some(destination)) = (packet.source, packet.destination) {
        endpoint(source, packet.source_port, f)?;
        f.write_str(" > ")?;
        endpoint(destination, packet.destination_port, f)?;
        f.write_str(" ")?;
    }
    Ok(())
}

fn endpoint(address: IpAddr, port: Option<u16>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match port {
        Some(port) => write!(f, "{}", std::net::SocketAddr::new(address, port)),
        None => write!(f, "{address}"),
    }
}

/// Protocol, and the flags or type of the message, of a packet without DNS.
fn content(packet: &Packet<'_>, length: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (packet.protocol, packet.ethertype) {
        (Some(protocol), _) => write!(f, "{protocol}")?,
        (None, Some(ethertype)) => write!(f, "{ethertype}")?,
        (None, None) => f.write_str("unknown")?,
    }
    if let Some(flags) = packet.tcp_flags {
        write!(f, " {flags}")?;
    }
    if let Some(kind) = packet.icmp_type {
        write!(f, " type {kind}")?;
    }
    write!(f, " {length} bytes")
}

/// A DNS message: question, opcode, RCODE and flags. The flags have the names that dig(1) has.
fn dns_message(dns: &Dns<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &dns.question {
        Some(question) => write_question(question, f)?,
        None => f.write_str("DNS")?,
    }
    if dns.opcode() != Opcode::QUERY {
        write!(f, " {}", dns.opcode())?;
    }
    if dns.is_response() {
        write!(f, " {}", dns.rcode())?;
    }
    for (is_set, name) in [
        (dns.is_response(), "qr"),
        (dns.is_authoritative(), "aa"),
        (dns.is_truncated(), "tc"),
        (dns.recursion_desired(), "rd"),
        (dns.recursion_available(), "ra"),
    ] {
        if is_set {
            write!(f, " {name}")?;
        }
    }
    Ok(())
}

fn write_question(question: &Question<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", question.name)?;
    if question.name.is_cut() {
        f.write_str("...")?;
    }
    if let Some(class) = question.class.filter(|class| *class != Class::IN) {
        write!(f, " {class}")?;
    }
    if let Some(kind) = question.kind {
        write!(f, " {kind}")?;
    }
    Ok(())
}
