// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ordered: access list by source address, whose rules are tried in order. The
 * first rule that matches the source decides. A packet without a rule passes,
 * and so does a frame without an IP packet, such as ARP.
 *
 * The layout of its entries is the one of CoreDNS's ebpf plugin, whose
 * Corefiles give them in bytes. A list of more than a few rules is faster with
 * `acl`, where the longest prefix decides.
 *
 * MAPS
 *
 * xdp_map is an array of 128 rules. The key is the index of the rule, 4 bytes
 * in little-endian order: 02000000 is the third rule. The first rule with an
 * action of 0 ends the list. A rule is 56 bytes; numbers are little-endian,
 * addresses are in network byte order:
 *
 *    0  4  action    01000000 pass, 02000000 drop
 *    4  4  family    04000000 IPv4, 06000000 IPv6, 00000000 see subnet.h
 *    8  4  ip4_net
 *   12  4  ip4_mask
 *   16 16  ip6_net
 *   32 16  ip6_mask
 *   48  8  packets   counter: packets that this rule has decided
 *
 * Drop 10.11.0.0/16 and all other IPv4 packets:
 *
 *    map 02000000.00000000.0A0B0000.FFFF0000.00000000000000000000000000000000.00000000000000000000000000000000.0000000000000000
 *    map 02000000.04000000.00000000.00000000.00000000000000000000000000000000.00000000000000000000000000000000.0000000000000000
 *
 * IPv6 has no ARP: neighbours find each other by ICMPv6, from fe80::/10, from
 * the prefixes of the local network, and from ::. A list that drops these
 * sources cuts IPv6 off. Pass them in an earlier rule.
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
		/*
		 * A copy, because older verifiers lose the bounds of a variable
		 * whose address is taken, and then see no end of the loop.
		 */
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
