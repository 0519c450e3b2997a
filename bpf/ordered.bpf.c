// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ordered: an access list over source addresses whose rules are tried in order.
 * The first one that speaks of the packet's source decides; when none does, the
 * packet passes. What is no IP packet (ARP, say) always passes.
 *
 * Its entries are laid out as those of CoreDNS's ebpf plugin, whose Corefiles
 * give them in bytes. A list of more than a few rules is faster with `acl`,
 * where the longest prefix decides.
 *
 * xdp_map is an array of 128 rules; the key is the rule's place (4 bytes, as in
 * memory: 02000000 is the third). The list ends at the first rule whose action
 * is zero, so what the Corefile leaves unfilled does nothing. A rule, 56 bytes,
 * numbers little-endian, addresses as they are written:
 *
 *    0  4  action    01000000 pass, 02000000 drop
 *    4  4  family    04000000 IPv4, 06000000 IPv6, 00000000 see subnet.h
 *    8  4  ip4_net
 *   12  4  ip4_mask
 *   16 16  ip6_net
 *   32 16  ip6_mask
 *   48  8  packets   how many this rule has decided
 *
 * Drop 10.11.0.0/16, and everything else that is IPv4:
 *
 *    map 02000000.00000000.0A0B0000.FFFF0000.00000000000000000000000000000000.00000000000000000000000000000000.0000000000000000
 *    map 02000000.04000000.00000000.00000000.00000000000000000000000000000000.00000000000000000000000000000000.0000000000000000
 *
 * IPv6 has no ARP: neighbours find each other by ICMPv6, from fe80::/10, from
 * the addresses of the local network, and from :: itself. A list that drops
 * those cuts IPv6 off altogether; let them pass in an earlier rule.
 */
#include "subnet.h"

#define MAX_RULES 128

enum acl_action {
	ACL_END = 0,
	ACL_PASS = 1,
	ACL_DROP = 2,
};

struct rule {
	enum acl_action action;
	enum subnet_family family;
	__be32 ip4_net;
	__be32 ip4_mask;
	__u8 ip6_net[16];
	__u8 ip6_mask[16];
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, MAX_RULES);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);

	if (!packet.version)
		return XDP_PASS;
	for (__u32 index = 0; index < MAX_RULES; index++) {
		/* Its own variable: older verifiers lose count of one whose
		 * address is taken, and then see no end to the loop. */
		__u32 key = index;
		struct rule *rule = bpf_map_lookup_elem(&xdp_map, &key);

		if (!rule || rule->action == ACL_END)
			break;
		if (!subnet_matches(&packet, rule->family, rule->ip4_net,
				    rule->ip4_mask, rule->ip6_net,
				    rule->ip6_mask))
			continue;
		__sync_fetch_and_add(&rule->packets, 1);
		return rule->action == ACL_DROP ? XDP_DROP : XDP_PASS;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
