// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * acl: an access list over source addresses. Of the rules that speak of a
 * packet's source the one with the longest prefix decides; a list of a hundred
 * thousand is as good as one of ten.
 *
 * ENTRIES
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry 198.51.100.7    action=ACL_PASS
 *    entry 2001:db8::/32   action=ACL_DROP protocol=ACL_UDP port=53
 *    entry @hosts 192.0.2.66 action=ACL_DROP
 *
 * xdp_map, an LPM trie with room for 262144 rules; KEY is ADDRESS/BITS, see
 * prefix.h for both families in one table. @hosts, a hash with room for 131072
 * rules; KEY is an address. It is for long lists of single addresses, which it
 * finds several times as fast, and goes before the trie. A rule, 32 bytes:
 *
 *    action     ACL_PASS, ACL_DROP, or ACL_UNLISTED: as if there were no rule
 *    protocol   ACL_TCP, ACL_UDP, ACL_ICMP, ACL_ICMPV6 or a number; the action
 *               is for these packets only. ACL_ANY (0): for all
 *    port       likewise the destination port of TCP and UDP; 0: all. A
 *               fragment that is not the first has no port
 *    otherwise  the action for other packets of the source, and for those that
 *               are no such; ACL_UNLISTED (0)
 *    packets, bytes   what `action` has been applied to
 *    others           packets that `otherwise` has been applied to
 *
 * SETTINGS
 *
 *    entry @settings 0 unlisted=ACL_DROP monitor=true
 *
 *    unlisted   the action for sources that no rule speaks of; ACL_UNLISTED (0)
 *               is ACL_PASS
 *    monitor    nothing is dropped, and all is counted as if it were
 *    manage     management traffic is filtered too; it passes by default, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter acl_dropped_packets @totals 0 dropped "Packets dropped."
 *
 * @totals 0: passed, dropped (or, with `monitor`, to be dropped), unlisted (among
 * those before), management, other (no IP packet). The order of entries means
 * nothing. Each packet is counted in one of passed, dropped, management, other.
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
