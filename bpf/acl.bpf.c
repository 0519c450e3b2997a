// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * acl: access list by source address. The rule with the longest matching prefix
 * decides, and the order of rules has no effect; only the order of lists has.
 *
 * MAPS
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry 198.51.100.7    action=ACL_PASS
 *    entry 2001:db8::/32   action=ACL_DROP protocol=ACL_UDP port=53
 *    list drop.txt         action=ACL_DROP
 *
 * xdp_map is a prefix table, as large as its lists; prefix_table.h describes
 * it. KEY is ADDRESS/BITS; prefix.h describes how one table holds both
 * families. Of several lists that have a source, the first decides; `entry`
 * lines come before all lists. A rule, 32 bytes:
 *
 *    action     ACL_PASS, ACL_DROP, or ACL_UNLISTED: as if there were no rule
 *    protocol   ACL_TCP, ACL_UDP, ACL_ICMP, ACL_ICMPV6 or a number: the action
 *               applies to these packets only; ACL_ANY (0): to all
 *    port       TCP or UDP destination port: the action applies to these
 *               packets only; 0: to all. A fragment other than the first has no
 *               port
 *    otherwise  action for the other packets of the source; default
 *               ACL_UNLISTED (0)
 *    packets, bytes   counters of the traffic that `action` was applied to;
 *               bytes: only of a rule with another member than `action`, or
 *               with a metric of `bytes` or `others`
 *    others           counter of the packets that `otherwise` was applied to
 *
 * SETTINGS
 *
 *    entry @settings 0 unlisted=ACL_DROP monitor=true
 *
 *    unlisted   action for sources without a rule; ACL_UNLISTED (0) is ACL_PASS
 *    scope      SCOPE_DNS (0): `unlisted` applies only to packets to the ports
 *               of the server, over UDP and TCP; SCOPE_ALL: to all IP packets,
 *               see scope.h
 *    port[0] to port[3]   ports of the DNS server; all 0: port 53
 *    replies    with SCOPE_ALL, verdict on responses of upstream servers:
 *               REPLIES_PASS (0), REPLIES_LIMIT (reply_rate and reply_burst
 *               apply to each source) or REPLIES_JUDGE (as other packets)
 *    upstream[0], upstream[1]   ports of upstream servers; all 0: port 53
 *    monitor    dry run: drops nothing, counts as if it did
 *    manage     filters management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter acl_dropped_packets_total @totals 0 dropped "Packets dropped."
 *
 * @totals 0: passed, dropped (with `monitor`: packets that would be dropped),
 * management, replies (passed), replies_limited (dropped), and other (no IP
 * packet, or without a rule and out of scope); each packet is counted in one of
 * these. unlisted: packets that no rule decided, also counted in passed or
 * dropped. A rule applies to all packets of its sources, in every scope.
 */
#include "acl.h"
#include "scope.h"

struct settings {
	enum acl_action unlisted;
	enum scope scope;
	enum replies replies;
	bool monitor;
	bool manage;
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	__u16 upstream[UPSTREAM_PORTS];
	__u32 reply_rate;
	__u32 reply_burst AT_MOST(MAX_BURST);
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 unlisted;
	__u64 management;
	__u64 replies;
	__u64 replies_limited;
	__u64 other;
};

#include "exempt.h"
#include "state.h"

static __always_inline int decide(const struct packet *packet, __u64 bytes,
				  const struct settings *settings,
				  struct totals *totals)
{
	enum acl_action action = acl_decide(packet, bytes);

	if (action == ACL_UNLISTED) {
		bool is_dns = is_dns_port(settings->port, packet->dest_port);
		struct pools *pools = find_pools();
		enum scope_verdict scope;

		if (!pools)
			return XDP_PASS;
		scope = apply_scope(packet, is_dns, settings, pools, totals);
		if (scope == SCOPE_PASSED)
			return XDP_PASS;
		if (scope == SCOPE_LIMITED)
			return settings->monitor ? XDP_PASS : XDP_DROP;
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
	__u64 bytes = frame_bytes(ctx);
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);

	if (!settings_entry || !totals_entry)
		return XDP_PASS;
	if (!packet.version) {
		totals_entry->other++;
		return XDP_PASS;
	}
	if (packet.hidden) {
		totals_entry->dropped++;
		return settings_entry->monitor ? XDP_PASS : XDP_DROP;
	}
	if (count_management(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return decide(&packet, bytes, settings_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
