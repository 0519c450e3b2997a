// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ordered: access list by source address, whose rules are tried in order. The
 * first rule that matches the source decides. A packet without a rule passes,
 * and so does a frame without an IP packet, such as ARP.
 *
 * Entries have the layout of the `acl` example of CoreDNS's ebpf plugin, byte
 * for byte, so the plugin's `map` lines work here. A list of more than a few
 * rules is faster with `acl`, where the longest prefix decides.
 *
 * MAPS
 *
 *    entry 0 action=ACL_DROP ip4_net=10.11.0.0 ip4_mask=255.255.0.0
 *    entry 1 action=ACL_DROP family=SUBNET_IPV4
 *
 * xdp_map is an array of 128 rules. The key is the index of the rule, 4 bytes
 * in little-endian order: 02000000 is the third rule. The first rule with an
 * action of 0 ends the list. A rule is 48 bytes; addresses are in network byte
 * order:
 *
 *    0  1  family    04 IPv4, 06 IPv6, 00 see subnet.h
 *    1  2            zero
 *    3  1  action    01 drop, 02 pass
 *    4  4  ip4_net
 *    8  4  ip4_mask
 *   12 16  ip6_net
 *   28 16  ip6_mask
 *   44  4  packets   counter, little-endian: packets that this rule has decided
 *
 * The plugin has no family. Its action has 4 bytes, highest first, so that the
 * first three are zero. Drop 10.11.0.0/16 and all other IPv4 packets:
 *
 *    map 00000001.0A0B0000.FFFF0000.00000000000000000000000000000000.00000000000000000000000000000000.00000000
 *    map 04000001.00000000.00000000.00000000000000000000000000000000.00000000000000000000000000000000.00000000
 *
 * The program differs from the plugin's in three cases. An IPv6 mask of less
 * than 8 bits is a mask. A rule for 0.0.0.0/N is a rule for that network, and
 * does not match all of IPv4 and IPv6. Packets that IP itself needs always
 * pass, as ARP does: neighbour discovery, MLD, IGMP and ICMP errors, see
 * management.h.
 *
 * A rule applies to all packets of its sources, as in the plugin.
 */
#include "subnet.h"

#define MAX_RULES 128

enum __attribute__((packed)) acl_action {
	ACL_END = 0,
	ACL_DROP = 1,
	ACL_PASS = 2,
};

struct rule {
	enum subnet_family family;
	/* Zero. Unnamed, so that BTF has no member for it. */
	__u8 : 8;
	__u8 : 8;
	enum acl_action action;
	__be32 ip4_net;
	__be32 ip4_mask;
	__u8 ip6_net[16];
	__u8 ip6_mask[16];
	__u32 packets;
};

_Static_assert(sizeof(struct rule) == 48 &&
		       offsetof(struct rule, action) == 3 &&
		       offsetof(struct rule, packets) == 44,
	       "the layout of the plugin's example");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, MAX_RULES);
} xdp_map SEC(".maps");

static __always_inline bool matches(const struct rule *rule,
				    const struct packet *packet, bool is_ip4)
{
	const __u32 *ip6_net = (const __u32 *)rule->ip6_net;
	const __u32 *ip6_mask = (const __u32 *)rule->ip6_mask;
	__u32 source[4];

	if (is_ip4)
		return subnet_matches_ip4(packet->source.ip4, rule->family,
					  rule->ip4_net, rule->ip4_mask,
					  ip6_net, ip6_mask);
	__builtin_memcpy(source, packet->source.ip6, sizeof(source));
	return subnet_matches_ip6(source, rule->family, rule->ip4_net,
				  rule->ip4_mask, ip6_net, ip6_mask);
}

/*
 * The verdict of the first rule that matches. Each caller gives a constant
 * family: one loop per family costs the verifier less than a common loop.
 */
static __always_inline int decide(const struct packet *packet, bool is_ip4)
{
	for (__u32 index = 0; index < MAX_RULES; index++) {
		/*
		 * A copy, because older verifiers lose the bounds of a variable
		 * whose address is taken, and would reject the loop as endless.
		 */
		__u32 key = index;
		struct rule *rule = bpf_map_lookup_elem(&xdp_map, &key);

		if (!rule || rule->action == ACL_END)
			break;
		if (!matches(rule, packet, is_ip4))
			continue;
		__sync_fetch_and_add(&rule->packets, 1);
		return rule->action == ACL_DROP ? XDP_DROP : XDP_PASS;
	}
	return XDP_PASS;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);

	if (!packet.version || packet.ip_control)
		return XDP_PASS;
	if (packet.version == 4)
		return decide(&packet, true);
	return decide(&packet, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
