//! Headers of packets: each field is the same however many bytes follow it, and names are plain text.

use corexdp::object::LinkHeader;
use corexdp::packet::{Dns, EtherType, Name, Packet};

/// Maximum length of a name as text: each byte as `\DDD`.
const MAX_TEXT: usize = 4 * 255;

/// Checks the bytes as a packet with and without an Ethernet header.
pub fn run(input: &[u8]) {
    for link in [LinkHeader::Ethernet, LinkHeader::Ip] {
        let whole = Packet::parse(input, link);
        if let Some(dns) = &whole.dns {
            check_dns(dns);
        }
        for end in 0..input.len() {
            check_cut(&Packet::parse(&input[..end], link), &whole);
        }
    }
}

fn check_dns(dns: &Dns<'_>) {
    let numbers = (dns.opcode(), dns.rcode());
    assert!(numbers.0.0 < 16 && numbers.1.0 < 16);
    let Some(question) = dns.question else {
        return;
    };
    assert!(!question.name.is_cut() || question.kind.is_none());
    assert!(question.kind.is_some() || question.class.is_none());
    check_name(&question.name);
}

fn check_name(name: &Name<'_>) {
    let text = name.to_string();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert!(!text.bytes().any(|byte| byte.is_ascii_uppercase()));
    assert!(text.len() <= MAX_TEXT);
    assert!(name.labels().all(|label| label.len() < 64));
    let labels = name.labels().count();
    for count in 0..=labels {
        let Some(suffix) = name.suffix(count) else {
            assert!(name.is_cut());
            return;
        };
        assert_eq!(suffix.labels().count(), count);
        assert!(count == 0 || text.ends_with(&suffix.to_string()));
    }
    assert_eq!(name.suffix(labels), Some(*name));
}

/// Compares a packet that ends early with the whole packet.
fn check_cut(cut: &Packet<'_>, whole: &Packet<'_>) {
    assert!(whole.vlans.starts_with(&cut.vlans));
    if cut.ethertype != Some(EtherType::PPPOE_SESSION) {
        assert!(same(cut.ethertype, whole.ethertype));
    }
    assert!(same(cut.source, whole.source));
    assert!(same(cut.destination, whole.destination));
    // Extension headers of IPv6 precede the protocol.
    if whole.ethertype != Some(EtherType::IPV6) {
        assert!(same(cut.protocol, whole.protocol));
    }
    assert!(!cut.is_fragment || whole.is_fragment);
    assert!(same(cut.source_port, whole.source_port));
    assert!(same(cut.destination_port, whole.destination_port));
    assert!(same(cut.tcp_flags, whole.tcp_flags));
    assert!(same(cut.icmp_type, whole.icmp_type));
    let Some(dns) = cut.dns else {
        return;
    };
    let whole = whole.dns.unwrap();
    assert_eq!(dns.id, whole.id);
    assert_eq!((dns.flags, dns.counts), (whole.flags, whole.counts));
    let Some(question) = dns.question else {
        return;
    };
    let whole = whole.question.unwrap();
    assert!(same(question.kind, whole.kind) && same(question.class, whole.class));
    if question.name.is_cut() {
        let [cut, whole] = [question.name, whole.name].map(|name| name.to_string());
        assert!(whole.starts_with(&cut), "{cut:?} {whole:?}");
    } else {
        assert_eq!(question.name, whole.name);
    }
}

/// True if the field of the cut packet is missing, or the same.
fn same<T: PartialEq + Copy>(cut: Option<T>, whole: Option<T>) -> bool {
    cut.is_none() || cut == whole
}
