// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * acl: access list by source address. The rule with the longest matching prefix
 * decides. The order of rules means nothing, and a list of a hundred thousand
 * is as good as one of ten.
 *
 * MAPS
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry 198.51.100.7    action=ACL_PASS
 *    entry 2001:db8::/32   action=ACL_DROP protocol=ACL_UDP port=53
 *    entry @hosts 192.0.2.66 action=ACL_DROP
 *
 * xdp_map is an LPM trie with room for 262144 rules. KEY is ADDRESS/BITS;
 * prefix.h describes how one map holds both families. @hosts is a hash map with
 * room for 131072 rules; KEY is an address. It is looked up before the trie,
 * several times as fast, and is meant for long lists of single addresses. A
 * rule, 32 bytes:
 *
 *    action     ACL_PASS, ACL_DROP, or ACL_UNLISTED: as if there were no rule
 *    protocol   ACL_TCP, ACL_UDP, ACL_ICMP, ACL_ICMPV6 or a number: the action
 *               applies to these packets only; ACL_ANY (0): to all
 *    port       TCP or UDP destination port: the action applies to these
 *               packets only; 0: to all. A fragment other than the first has no
 *               port
 *    otherwise  action for the other packets of the source; default
 *               ACL_UNLISTED (0)
 *    packets, bytes   counters of the traffic that `action` was applied to
 *    others           counter of the packets that `otherwise` was applied to
 *
 * SETTINGS
 *
 *    entry @settings 0 unlisted=ACL_DROP monitor=true
 *
 *    unlisted   action for sources without a rule; ACL_UNLISTED (0) is ACL_PASS
 *    monitor    dry run: drops nothing, counts as if it did
 *    manage     filters management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter acl_dropped_packets @totals 0 dropped "Packets dropped."
 *
 * @totals 0: passed, dropped (with `monitor`: packets that would be dropped),
 * management, and other (no IP packet); each packet is counted in one of these.
 * unlisted: packets that no rule decided, also counted in passed or dropped.
 */
#include "acl.h"

struct settings {
	enum acl_action unlisted;
	bool monitor;
	bool manage;
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 unlisted;
	__u64 management;
	__u64 other;
};

#include "exempt.h"
#include "state.h"

static __always_inline int decide(const struct packet *packet, __u64 bytes,
				  const struct settings *settings,
				  struct totals *totals)
{
	struct prefix source = source_prefix(packet);
	struct acl_rule *rule = acl_lookup(&source);
	enum acl_action action = ACL_UNLISTED;

	if (rule)
		action = acl_apply(rule, packet, bytes);
	if (action == ACL_UNLISTED) {
		totals->unlisted++;
		action = settings->unlisted;
	}
	if (action != ACL_DROP) {
		totals->passed++;
		return XDP_PASS;
	}
	totals->dropped++;
	return settings->monitor ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);

	if (!settings_entry || !totals_entry)
		return XDP_PASS;
	if (count_exempt(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return decide(&packet, bytes, settings_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
