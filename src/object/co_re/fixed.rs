//! Types that are the same in every kernel: the context of an XDP program, and packet headers.

use super::super::btf::{Btf, Composite, Type};
use super::access::essential;

/// Members of `struct xdp_md` in their order, 4 bytes each (`linux/bpf.h`; the last since 5.8).
const CONTEXT: [&str; 6] = [
    "data",
    "data_end",
    "data_meta",
    "ingress_ifindex",
    "rx_queue_index",
    "egress_ifindex",
];

/// Packet headers, with their sizes in bytes. A struct of the same name and another size is a definition of the program's
/// own.
const HEADERS: [(&str, u32); 23] = [
    ("arphdr", 8),
    ("ethhdr", 14),
    ("frag_hdr", 8),
    ("gre_base_hdr", 4),
    ("icmp6hdr", 8),
    ("icmphdr", 8),
    ("igmphdr", 8),
    ("in6_addr", 16),
    ("in_addr", 4),
    ("ip_auth_hdr", 12),
    ("ip_esp_hdr", 8),
    ("iphdr", 20),
    ("ipv6_opt_hdr", 2),
    ("ipv6_rt_hdr", 4),
    ("ipv6hdr", 40),
    ("mpls_label", 4),
    ("pppoe_hdr", 6),
    ("sctphdr", 12),
    ("tcphdr", 20),
    ("udphdr", 8),
    ("vlan_ethhdr", 18),
    ("vlan_hdr", 4),
    ("vxlanhdr", 8),
];

/// True if accesses to this type need no relocation.
pub(super) fn is_fixed(btf: &Btf, type_id: u32) -> bool {
    let Ok((_, Type::Composite(composite))) = btf.resolve(type_id) else {
        return false;
    };
    let name = essential(composite.name);
    if name == "xdp_md" {
        return is_context(composite);
    }
    let known = HEADERS.iter().find(|(header, _)| *header == name);
    known.is_some_and(|&(_, size)| size == composite.size)
}

fn is_context(composite: Composite<'_>) -> bool {
    composite.members().all(|member| {
        let number = CONTEXT.iter().position(|&name| name == member.name);
        number.is_some_and(|number| u32::try_from(number * 32) == Ok(member.bit_offset))
    })
}
